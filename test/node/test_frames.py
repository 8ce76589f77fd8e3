"""The bytes that go out on /tf are what rclpy would have made of the same transforms."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from hand_frames import random_frame
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from lgnet_ros.node.frames import HandFrames
from lgnet_ros.node.messages import hand_transforms, hands_message


def header(second, frame_id="camera"):
    stamped = Header(frame_id=frame_id)
    stamped.stamp.sec, stamped.stamp.nanosec = second, 5
    return stamped


def test_serialised_frames_equal_what_rclpy_makes_of_the_transforms(rng):
    frames = HandFrames()
    for second, sides, frame_id in (
        (1, ("right", "left"), "camera"),
        (2, ("right", "left"), "camera"),
        (3, ("left",), "a_camera_with_another_name"),
        (4, ("right", "left"), "camera"),
    ):
        message = hands_message(random_frame(rng, sides), header(second, frame_id), "test", True)
        hands = [(f"{side}_", hand) for side, hand in zip(sides, message.hands, strict=True)]
        made = frames.message(hands, message.header)
        wanted = [t for prefix, hand in hands for t in hand_transforms(hand, message.header, prefix)]
        assert deserialize_message(made, TFMessage) == TFMessage(transforms=wanted)
        assert len(made) == len(serialize_message(TFMessage(transforms=wanted)))
