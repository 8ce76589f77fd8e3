"""The bytes that go out on the palm and twist topics are what rclpy would have made of the same messages."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from builtin_interfaces.msg import Time
from hand_frames import random_hand
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from lgnet_ros.node.messages import hand_message, palm_message, twist_message
from lgnet_ros.node.palms import PalmMessages


def test_serialised_palms_and_twists_equal_what_rclpy_makes_of_the_messages(rng):
    palms = PalmMessages()
    for second, side, frame_id in (
        (1, "right", "camera"),
        (2, "left", "camera"),
        (3, "left", "a_camera_with_another_name"),
        (4, "right", "camera"),
    ):
        header = Header(stamp=Time(sec=second, nanosec=5), frame_id=frame_id)
        hand = hand_message(random_hand(rng, side))
        for made, wanted in (
            (palms.pose(hand, header), palm_message(hand, header)),
            (palms.twist(hand, header), twist_message(hand, header)),
        ):
            assert deserialize_message(made, type(wanted)) == wanted
            assert len(made) == len(serialize_message(wanted))
