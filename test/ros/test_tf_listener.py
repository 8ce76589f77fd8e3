"""What a tf2 listener reads back is what the message says, complete for every image with hands."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("tf2_ros", reason="tf2_ros is not installed")

from lgnet_ros.msg import Hands
from rclpy.time import Time
from ros_rig import Camera, connect, hands_node_with, wait_until
from tf2_ros import Buffer, TransformListener

from lgnet_ros.hand_model.topology import JOINT_NAMES


def test_listener_reads_the_joints_of_the_message_at_its_stamp(rig, double, monkeypatch):
    camera, hands = Camera(rig.node), rig.listener.listen(Hands, "/hands/hands")
    buffer = Buffer()
    listener = TransformListener(buffer, rig.node)
    with hands_node_with(double, monkeypatch, frame_prefix="cam_") as node:
        connect(node, camera)
        wait_until(lambda: node._outputs._broadcaster.pub_tf.get_subscription_count())
        for number in range(1, 6):
            camera.shoot()
            wait_until(lambda number=number: len(hands) == number)
            message = hands[-1]
            stamp = Time.from_msg(message.header.stamp)
            for hand, side in zip(message.hands, ("right", "left"), strict=True):
                for name, joint in zip(JOINT_NAMES, hand.joints.reshape(21, 3), strict=True):
                    frame = f"cam_{side}_{name}"
                    wait_until(lambda frame=frame, stamp=stamp: buffer.can_transform("camera", frame, stamp))
                    at = buffer.lookup_transform("camera", frame, stamp).transform.translation
                    np.testing.assert_allclose([at.x, at.y, at.z], joint, atol=1e-4)
    listener.unregister()
