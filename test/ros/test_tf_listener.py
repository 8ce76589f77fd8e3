"""What a tf2 listener reads back is what the message says, complete for every image with hands."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("tf2_ros", reason="tf2_ros is not installed")

from geometry_msgs.msg import TransformStamped
from rclpy.parameter import Parameter
from rclpy.time import Time
from ros_rig import connect, hands_node_with, wait_for_listeners, wait_until
from rosgraph_msgs.msg import Clock
from tf2_msgs.msg import TFMessage
from tf2_ros import Buffer, TransformListener

from lgnet_ros.hand_model.topology import JOINT_NAMES
from lgnet_ros.node import compat


def test_listener_reads_the_joints_of_the_message_at_its_stamp(rig, double, monkeypatch, camera, hands):
    buffer = Buffer()
    listener = TransformListener(buffer, rig.node)
    with hands_node_with(double, monkeypatch, frame_prefix="cam_") as node:
        connect(node, camera)
        wait_for_listeners(node._outputs._broadcaster.pub_tf)
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


def test_a_bag_that_begins_anew_is_followed(rig):
    """tf2_ros takes nothing in that is older than what it knows, unless it is told that time jumped."""
    rig.node.set_parameters([Parameter("use_sim_time", value=True)])
    clock = rig.node.create_publisher(Clock, "/clock", 10)
    frames = rig.node.create_publisher(TFMessage, "/tf", 100)
    lookup = compat.transform_lookup(rig.node)
    wait_for_listeners(clock, frames)

    def base_is_seen_at(second):
        now = Clock()
        now.clock.sec = second
        stated = TransformStamped(child_frame_id="base")
        stated.header.frame_id, stated.header.stamp = "camera", now.clock
        stated.transform.translation.x, stated.transform.rotation.w = float(second), 1.0

        def told():
            clock.publish(now)
            return rig.node.get_clock().now().nanoseconds == second * 10**9

        def followed():
            frames.publish(TFMessage(transforms=[stated]))
            found = lookup("camera", "base")
            return found is not None and found[1][0] == second

        time.sleep(0.2)  # what was said of the time before has come
        return wait_until(told) and wait_until(followed)

    for second in (100, 130, 101, 102):
        assert base_is_seen_at(second)
