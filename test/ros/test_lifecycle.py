"""The lifecycle and the parameters of the node, asked for over its services as the `ros2` commands do."""

from __future__ import annotations

import time
import weakref

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from rcl_interfaces.srv import DescribeParameters
from ros_rig import PipelineDouble, connect, hands_node_with, wait_until

from lgnet_ros.errors import UserError
from lgnet_ros.node import hands_lifecycle

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE


def topics_of(rig, kind):
    find = getattr(rig.node, f"get_{kind}_names_and_types_by_node")
    return {name for name, _ in find("hands", "/")}


def published(rig):
    return topics_of(rig, "publisher") & {
        "/hands/hands",
        "/tf",
        "/hands/markers",
        "/hands/left/mesh_topology",
    }


def subscribed(rig):
    return topics_of(rig, "subscriber") & {"/image_raw", "/camera_info"}


def test_node_starts_by_itself_unless_told_not_to(rig, double, monkeypatch):
    with hands_node_with(double, monkeypatch):
        assert rig.state() == "active"
    with hands_node_with(double, monkeypatch, autostart=False):
        assert rig.state() == "unconfigured"


def test_every_transition_twice_over_takes_and_gives_back_the_same(rig, double, monkeypatch):
    with hands_node_with(double, monkeypatch, autostart=False):
        for _ in range(2):
            assert rig.transition(CONFIGURE) and rig.state() == "inactive"
            wait_until(lambda: len(published(rig)) == 4 and not subscribed(rig))
            for _ in range(2):
                assert rig.transition(ACTIVATE) and rig.state() == "active"
                wait_until(lambda: len(subscribed(rig)) == 2)
                assert rig.transition(DEACTIVATE) and rig.state() == "inactive"
                wait_until(lambda: not subscribed(rig))
            assert rig.transition(CLEANUP) and rig.state() == "unconfigured"
            wait_until(lambda: not published(rig))


@pytest.mark.parametrize("path", [[], [CONFIGURE], [CONFIGURE, ACTIVATE]])
def test_shutdown_works_from_every_state(rig, double, monkeypatch, path):
    shutdown = {0: 5, 1: 6, 2: 7}[len(path)]  # Transition.TRANSITION_*_SHUTDOWN
    with hands_node_with(double, monkeypatch, autostart=False):
        for transition in path:
            assert rig.transition(transition)
        assert rig.transition(shutdown)
        assert rig.state() == "finalized"
        wait_until(lambda: not published(rig) and not subscribed(rig))


def test_node_works_again_after_a_rest(rig, double, monkeypatch, camera, hands):
    with hands_node_with(double, monkeypatch) as node:
        for _ in range(2):
            connect(node, camera)
            before = len(hands)
            camera.shoot()
            wait_until(lambda before=before: len(hands) > before)
            rig.transition(DEACTIVATE)
            camera.shoot()
            time.sleep(0.1)
            assert len(hands) == before + 1
            rig.transition(ACTIVATE)


@pytest.mark.parametrize(
    "error",
    [
        UserError("weights: /nowhere.safetensors does not exist"),
        ModuleNotFoundError("No module named 'torch'", name="torch"),
        RuntimeError("CUDA out of memory"),
    ],
)
def test_configuring_that_fails_is_one_line_and_can_be_tried_again(rig, double, monkeypatch, capfd, error):
    def refuse(_parameters):
        raise error

    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")

    def level_of_the_output():
        return arrays and (arrays[-1].status[1].level, "cannot configure: " in arrays[-1].status[1].message)

    with hands_node_with(double, monkeypatch, autostart=False):
        works = hands_lifecycle.load_pipeline
        monkeypatch.setattr(hands_lifecycle, "load_pipeline", refuse)
        assert not rig.transition(CONFIGURE)
        assert rig.state() == "unconfigured"
        wait_until(lambda: level_of_the_output() == (DiagnosticStatus.ERROR, True))
        monkeypatch.setattr(hands_lifecycle, "load_pipeline", works)
        assert rig.transition(CONFIGURE) and rig.state() == "inactive"
        wait_until(lambda: level_of_the_output() == (DiagnosticStatus.OK, False))
    errors = [
        line for line in capfd.readouterr().err.splitlines() if "[ERROR]" in line or "Traceback" in line
    ]
    assert len(errors) == 1 and "cannot configure: " in errors[0]
    assert str(error) in errors[0] or "-m pip install torch" in errors[0]


def test_cleaning_up_gives_the_network_back(rig, double, monkeypatch):
    pipelines = []

    def load(_parameters):
        pipeline = PipelineDouble()
        pipelines.append(weakref.ref(pipeline))
        return pipeline, "double"

    with hands_node_with(double, monkeypatch, autostart=False):
        monkeypatch.setattr(hands_lifecycle, "load_pipeline", load)
        assert rig.transition(CONFIGURE) and rig.transition(ACTIVATE)
        assert pipelines[0]() is not None
        assert rig.transition(DEACTIVATE) and rig.transition(CLEANUP)
        assert pipelines[0]() is None


def test_activating_that_fails_is_one_line_and_can_be_tried_again(rig, double, monkeypatch, capfd):
    def refuse(*_):
        raise RuntimeError("no more subscriptions")

    with hands_node_with(double, monkeypatch, autostart=False):
        assert rig.transition(CONFIGURE)
        works = hands_lifecycle.Inputs
        monkeypatch.setattr(hands_lifecycle, "Inputs", refuse)
        assert not rig.transition(ACTIVATE)
        assert rig.state() == "inactive"
        monkeypatch.setattr(hands_lifecycle, "Inputs", works)
        assert rig.transition(ACTIVATE)
    lines = [line for line in capfd.readouterr().err.splitlines() if "[ERROR]" in line]
    assert len(lines) == 1 and "cannot activate: RuntimeError: no more subscriptions" in lines[0]


def test_wrong_parameter_at_the_start_is_one_line_and_can_be_mended(rig, double, monkeypatch, capfd):
    with hands_node_with(double, monkeypatch, marker_opacity=7.0):
        assert rig.state() == "unconfigured"
        assert not rig.transition(CONFIGURE)
        assert rig.set_parameter("marker_opacity", 0.5).successful
        assert rig.transition(CONFIGURE)
    assert "marker_opacity: 7.0 is outside 0.05 to 1" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "reasons"),
    [
        ("marker_opacity", 2.0, ["range"]),
        ("presence_enter", float("nan"), [""]),
        ("markers", "everything", ["none of mesh+skeleton, mesh, skeleton"]),
        ("publish_tf", "yes", ["must be true or false"]),
        ("device", "cpu", ["is used while configuring"]),
        ("autostart", False, ["read-only", "at the start only"]),
        ("handover_tool_rpy", [1.0], ["array of 3 numbers"]),
    ],
)
def test_parameters_are_refused_with_a_reason(rig, double, monkeypatch, name, value, reasons):
    with hands_node_with(double, monkeypatch):
        answer = rig.set_parameter(name, value)
        assert not answer.successful and answer.reason
        assert any(part in answer.reason for part in reasons), answer.reason
        assert rig.state() == "active"


def test_changed_parameter_holds_from_the_next_image_on(rig, double, monkeypatch, camera, hands):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        for number, smoothing in enumerate((1.0, 0.0), start=1):
            assert rig.set_parameter("smoothing", smoothing).successful
            assert rig.set_parameter("hand_length", 0.19 * smoothing).successful
            camera.shoot()
            wait_until(lambda number=number: len(hands) == number)
    before, after = (step["settings"] for step in double.steps)
    assert before.filter.enabled and before.placement.hand_length_m == 0.19
    assert not after.filter.enabled and after.placement.hand_length_m is None


def test_what_configures_may_change_while_unconfigured(rig, double, monkeypatch):
    with hands_node_with(double, monkeypatch, autostart=False):
        assert rig.set_parameter("max_people", 2).successful
        assert rig.transition(CONFIGURE)
        assert not rig.set_parameter("max_people", 1).successful
        assert rig.transition(CLEANUP)
        assert rig.set_parameter("max_people", 1).successful


def test_parameters_describe_themselves(rig, double, monkeypatch):
    request = DescribeParameters.Request(names=["stale_after", "image_qos", "autostart"])
    with hands_node_with(double, monkeypatch):
        stale, qos, autostart = rig.call(
            DescribeParameters, "/hands/describe_parameters", request
        ).descriptors
    assert stale.description and stale.floating_point_range[0].from_value == 0.05
    assert "reliable" in qos.additional_constraints
    assert autostart.read_only and not stale.read_only
