"""The view in a browser: served over HTTP, it holds what is published, and a click chooses a hand."""

from __future__ import annotations

import builtins
import contextlib
import time
import urllib.request

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import rclpy
from geometry_msgs.msg import PoseStamped
from lgnet_ros.msg import Handover, Hands
from rclpy.context import Context
from rclpy.parameter import Parameter
from ros_rig import Camera, Spinner, connect, hands_node_with, wait_for_listeners, wait_until
from scripted_hands import hand, hands
from std_msgs.msg import Header
from visualization_msgs.msg import InteractiveMarkerFeedback, MarkerArray

from lgnet_ros.node import viewer_node
from lgnet_ros.node.colors import CHOSEN_COLOR
from lgnet_ros.node.handover_markers import handover_markers
from lgnet_ros.node.messages import xyz
from lgnet_ros.node.viewer_node import hands_words


@pytest.fixture
def viewer():
    pytest.importorskip("viser", reason="viser is not installed: make test VIEW=1")
    context = Context()
    rclpy.init(context=context)
    overrides = [Parameter("port", value=8600), Parameter("rate", value=30.0)]
    node = viewer_node.ViewerNode(context=context, parameter_overrides=overrides)
    spinner = Spinner(node, context)
    yield node
    spinner.close()
    node.destroy_node()
    context.try_shutdown()


def shoot_until(camera, condition):
    """Images one by one until it holds: of what is best effort, a busy machine may lose some."""

    def holds():
        camera.shoot()
        with contextlib.suppress(AssertionError):
            return wait_until(condition, 0.3)

    wait_until(holds, 60)


def test_page_is_served_and_the_scene_holds_what_the_hands_node_publishes(rig, double, monkeypatch, viewer):
    with urllib.request.urlopen(viewer.address, timeout=10) as page:
        assert page.status == 200 and b"<html" in page.read(2000).lower()
    camera, answers = Camera(rig.node), rig.listener.listen(Hands, "/hands/hands")
    with hands_node_with(double, monkeypatch, stale_after=60.0) as node:
        connect(node, camera)
        outputs = node._outputs
        wait_for_listeners(outputs._markers, outputs._interaction, outputs._overlay, outputs._keepout)
        sides = ("right", "left")
        expected = {
            f"/hands/markers/{side}_{part}_0" for side in sides for part in ("mesh", "bones", "joints")
        }
        expected |= {f"/interaction/markers/{side}_normal_0" for side in sides}
        expected |= {"/keepout/points", "/frames/axes"}
        shoot_until(camera, lambda: expected <= viewer.scene.paths and viewer.scene._picture is not None)
        drawn = viewer.scene._drawn["/hands/markers/left_joints_0"].handle.points.reshape(-1)
        wait_until(lambda: any(np.allclose(drawn, answer.hands[1].joints, atol=1e-3) for answer in answers))

        measured = {"/keepout/points", "/frames/axes"}
        wait_until(lambda: not measured & viewer.scene.paths)  # nothing has come for a second
        wait_until(lambda: "no answer of the hands node" in viewer.scene._status.content)
        shoot_until(camera, lambda: measured <= viewer.scene.paths)

        double.sides = ()
        shoot_until(camera, lambda: not [path for path in viewer.scene.paths if "/markers/" in path])
        wait_until(lambda: "/keepout/points" not in viewer.scene.paths)


def test_the_clicked_hand_is_painted_and_its_target_shown_until_it_is_clicked_again(
    rig, double, monkeypatch, viewer
):
    camera, targets = Camera(rig.node), rig.listener.listen(PoseStamped, "/hands/handover/target")
    clicks = rig.listener.listen(InteractiveMarkerFeedback, "/hands/handover/feedback")
    painted = tuple(round(255 * value) for value in CHOSEN_COLOR)

    def colors():
        meshes = {
            side: viewer.scene._drawn.get(f"/hands/markers/{side}_mesh_0") for side in ("right", "left")
        }
        return {side: mesh and mesh.handle.color for side, mesh in meshes.items()}

    def target():
        drawn = viewer.scene._drawn.get("/handover/target")
        return drawn and drawn.handle.position.tolist()

    with hands_node_with(double, monkeypatch, stale_after=60.0) as node:
        connect(node, camera)
        wait_for_listeners(node._outputs._markers, node._outputs._handover._target)
        wait_until(lambda: viewer._clicks.get_subscription_count() == 2)
        shoot_until(camera, lambda: all(colors().values()) and viewer._track_names)
        plain = colors()
        assert painted not in plain.values() and target() is None

        time.sleep(1.1)  # interactive_markers heeds no click within a second of a marker's appearance
        viewer._on_click(("left_mesh", 0))
        assert wait_until(lambda: clicks)[0].marker_name == "left_2"
        shoot_until(camera, lambda: colors() == {**plain, "left": painted} and target())
        wait_until(lambda: "(chosen)" in viewer.scene._status.content.partition("left")[2])
        at = target()
        wait_until(lambda: any(np.allclose(at, xyz(message.pose.position)) for message in targets))

        viewer._on_click(("left_mesh", 0))
        shoot_until(camera, lambda: colors() == plain)
        assert target() is None
        wait_until(lambda: "(chosen)" not in viewer.scene._status.content)


def test_handover_is_shown_and_goes_when_its_node_dies(rig, viewer):
    reports = rig.node.create_publisher(Handover, "/handover/state", 5)
    pictures = rig.node.create_publisher(MarkerArray, "/handover/markers", 5)
    wait_for_listeners(reports, pictures)
    report = Handover(header=Header(frame_id="camera"), state=Handover.OFFERS, seen=True)

    def shown():
        pictures.publish(handover_markers(report))
        reports.publish(report)
        words = viewer.scene._status.content
        return "/handover/markers/approach_0" in viewer.scene.paths and "right **offers**" in words

    wait_until(shown)
    wait_until(lambda: not viewer.scene.paths)  # the markers' lifetime is over
    wait_until(lambda: "handover: no answer" in viewer.scene._status.content)


def test_untrained_weights_are_named():
    message = hands(1000.0, hand())
    assert "right 0.90" in hands_words(message) and "UNTRAINED" not in hands_words(message)
    message.model_id = "nano untrained"
    assert "UNTRAINED" in hands_words(message)


def test_an_address_of_another_machine_is_refused_at_once(capfd):
    pytest.importorskip("viser")
    assert viewer_node.main(["--ros-args", "-p", "host:=192.0.2.1"]) == 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1 and "host '192.0.2.1': not an address of this machine" in said[0]


def test_a_hand_of_no_side_is_shown_as_such():
    assert "neither 0.90" in hands_words(hands(1000.0, hand(side=7)))


def test_without_viser_there_is_one_line_and_status_2(monkeypatch, capfd):
    real = builtins.__import__

    def without_viser(name, *arguments, **keywords):
        if name == "viser":
            raise ModuleNotFoundError("No module named 'viser'", name="viser")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_viser)
    assert viewer_node.main([]) == 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("viewer_node: the view in a browser needs viser")
    assert "make run VIEW=1" in said[0]
