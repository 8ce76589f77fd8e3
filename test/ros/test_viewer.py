"""The view in a browser: served over HTTP, it holds what is published, and a click chooses a hand."""

from __future__ import annotations

import builtins
import urllib.request

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import rclpy
from lgnet_ros.msg import Handover, Hands
from rclpy.context import Context
from rclpy.parameter import Parameter
from ros_rig import Camera, Spinner, connect, hands_node_with, wait_for_listeners, wait_until
from scripted_hands import hand, hands
from std_msgs.msg import Header
from visualization_msgs.msg import InteractiveMarkerFeedback, MarkerArray

from lgnet_ros.node import viewer_node
from lgnet_ros.node.handover_markers import handover_markers
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


def test_page_is_served_and_the_scene_holds_what_the_hands_node_publishes(rig, double, monkeypatch, viewer):
    with urllib.request.urlopen(viewer.address, timeout=10) as page:
        assert page.status == 200 and b"<html" in page.read(2000).lower()
    camera, answers = Camera(rig.node), rig.listener.listen(Hands, "/hands/hands")
    clicks = rig.listener.listen(InteractiveMarkerFeedback, "/hands/handover/feedback")
    with hands_node_with(double, monkeypatch, stale_after=60.0) as node:
        connect(node, camera)
        outputs = node._outputs
        wait_for_listeners(outputs._markers, outputs._interaction, outputs._overlay, outputs._keepout)
        camera.shoot()
        wait_until(lambda: answers)
        sides = ("right", "left")
        expected = {
            f"/hands/markers/{side}_{part}_0" for side in sides for part in ("mesh", "bones", "joints")
        }
        expected |= {f"/interaction/markers/{side}_normal_0" for side in sides}
        expected |= {"/keepout/points", "/frames/axes"}
        wait_until(lambda: expected <= viewer.scene.paths and viewer.scene._picture is not None)
        drawn = viewer.scene._drawn["/hands/markers/left_joints_0"].handle.points
        np.testing.assert_allclose(drawn, answers[-1].hands[1].joints.reshape(21, 3), atol=1e-3)
        wait_until(lambda: viewer._track_names)
        viewer._on_click(("left_mesh", 0))
        assert wait_until(lambda: clicks)[0].marker_name == "left_2"

        measured = {"/keepout/points", "/frames/axes"}
        wait_until(lambda: not measured & viewer.scene.paths)  # nothing has come for a second
        wait_until(lambda: "no answer of the hands node" in viewer.scene._status.content)
        camera.shoot()
        wait_until(lambda: measured <= viewer.scene.paths)

        double.sides = ()
        camera.shoot()
        wait_until(lambda: not [path for path in viewer.scene.paths if "/markers/" in path])
        wait_until(lambda: "/keepout/points" not in viewer.scene.paths)


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
