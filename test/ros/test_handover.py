"""A click on a hand makes it the target, over DDS as RViz does it."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import PoseStamped
from ros_rig import connect, hands_node_with, wait_for_listeners, wait_until
from scipy.spatial.transform import Rotation
from visualization_msgs.msg import InteractiveMarkerFeedback, InteractiveMarkerUpdate, Marker
from visualization_msgs.srv import GetInteractiveMarkers

SERVICE = "/hands/handover/get_interactive_markers"


def test_click_chooses_a_hand_and_a_second_click_lets_it_go(rig, double, monkeypatch, camera, hands):
    targets = rig.listener.listen(PoseStamped, "/hands/handover/target")
    updates = rig.listener.listen(InteractiveMarkerUpdate, "/hands/handover/update")
    mouse = rig.node.create_publisher(InteractiveMarkerFeedback, "/hands/handover/feedback", 5)

    def shoot():
        count, seen = len(hands), len(updates)
        camera.shoot()
        wait_until(lambda: len(hands) > count and len(updates) > seen)

    def click(name):
        mouse.publish(
            InteractiveMarkerFeedback(
                client_id="test", marker_name=name, event_type=InteractiveMarkerFeedback.BUTTON_CLICK
            )
        )

    with hands_node_with(double, monkeypatch, stale_after=60.0) as node:
        connect(node, camera)
        wait_for_listeners(mouse)
        wait_until(lambda: rig.node.count_publishers("/hands/handover/update"))
        shoot()
        markers = rig.call(GetInteractiveMarkers, SERVICE, GetInteractiveMarkers.Request()).markers
        assert {marker.name for marker in markers} == {"right_1", "left_2"}
        assert {m.type for marker in markers for c in marker.controls for m in c.markers} == {Marker.SPHERE}
        assert targets == []

        shoot()
        moved = wait_until(lambda: [update.poses for update in updates if update.poses])[-1]
        right, left = hands[-1].hands
        assert {m.name: m.pose for m in moved} == {"right_1": right.palm, "left_2": left.palm}

        time.sleep(1.1)  # interactive_markers heeds no click within a second of a marker's appearance
        click("left_2")
        wait_until(lambda: node._outputs._handover.chosen == 2)
        shoot()
        target = wait_until(lambda: targets)[-1]
        hand = hands[-1].hands[1]
        assert [seen.chosen for seen in hands[-1].hands] == [False, True]
        assert target.header == hands[-1].header
        turn = hand.palm.orientation
        palm = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w])
        at = np.array([hand.palm.position.x, hand.palm.position.y, hand.palm.position.z])
        waiting = np.array([target.pose.position.x, target.pose.position.y, target.pose.position.z])
        np.testing.assert_allclose(waiting, at + 0.1 * palm.apply([0, 0, 1]), atol=1e-6)
        turn = target.pose.orientation
        tool = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w])
        np.testing.assert_allclose(
            tool.apply([0, 0, 1]), -palm.apply([0, 0, 1]), atol=1e-6
        )  # looks at the palm

        double.sides = ("right",)
        shoot()
        assert updates[-1].erases == ["left_2"]
        double.sides = ("right", "left")
        click("right_1")
        wait_until(lambda: node._outputs._handover.chosen == 1)
        click("right_1")
        wait_until(lambda: node._outputs._handover.chosen is None)
        count = len(targets)
        shoot()
        assert len(targets) == count


def test_clickable_hands_go_when_the_camera_stops(rig, double, monkeypatch, camera):
    updates = rig.listener.listen(InteractiveMarkerUpdate, "/hands/handover/update")
    with hands_node_with(double, monkeypatch, stale_after=0.3) as node:
        connect(node, camera)
        wait_until(lambda: rig.node.count_publishers("/hands/handover/update"))
        camera.shoot()
        erased = wait_until(lambda: [update.erases for update in updates if update.erases])
        assert set(erased[0]) == {"right_1", "left_2"}
        assert rig.call(GetInteractiveMarkers, SERVICE, GetInteractiveMarkers.Request()).markers == []
