"""The status's ears: a ROS node that listens to camera and hands, and feeds the tally and the recorder."""

from __future__ import annotations

import time

import numpy as np
from rcl_interfaces.msg import Log
from rclpy.logging import LoggingSeverity
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from lgnet_ros.msg import Hands
from lgnet_ros.node.messages import SIDE_NAMES
from lgnet_ros.node.status.recorder import Recorder
from lgnet_ros.node.status.tally import SeenHand, Tally

_EVERYTHING = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
# Matches a publisher of either kind; what counts here is that something came.
_WHATEVER_COMES = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
_WATCHED_NODES = ("camera", "hands")
_WARNING = int(LoggingSeverity.WARN)  # rcl_interfaces/Log has the same numbers


class Monitor(Node):
    """Listens. Only its executor's thread writes to `tally`; others read snapshots."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__("status")
        self.tally = Tally()
        self.last_complaint = ""
        self._recorder = recorder
        self.create_subscription(CameraInfo, "camera_info", self._on_image, _WHATEVER_COMES)
        self.create_subscription(Hands, "camera/truth", self._on_truth, _EVERYTHING)
        self.create_subscription(Hands, "hands/hands", self._on_hands, _EVERYTHING)
        self.create_subscription(Image, "hands/overlay", self._on_overlay, _WHATEVER_COMES)
        self.create_subscription(Log, "/rosout", self._on_log, 50)

    def _on_image(self, info: CameraInfo) -> None:
        # CameraInfo stands for its image, which would be 900 kB to count to one.
        self.tally.add_image(_nanoseconds(info), time.monotonic())

    def _on_truth(self, message: Hands) -> None:
        hands = {SIDE_NAMES[hand.side]: _joints(hand) for hand in message.hands}
        self.tally.add_truth(_nanoseconds(message), hands)

    def _on_hands(self, message: Hands) -> None:
        hands = tuple(SeenHand(SIDE_NAMES[hand.side], hand.score, _joints(hand)) for hand in message.hands)
        self.tally.add_result(
            _nanoseconds(message), time.monotonic(), message.latency, hands, message.model_id
        )

    def _on_overlay(self, message: Image) -> None:
        pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        self._recorder.add(pixels, _nanoseconds(message) * 1e-9)

    def _on_log(self, message: Log) -> None:
        if message.name in _WATCHED_NODES and message.level >= _WARNING:
            self.last_complaint = f"{message.name}: {message.msg}"


def _joints(hand: object) -> np.ndarray:
    return np.asarray(hand.joints, dtype=np.float64).reshape(21, 3)


def _nanoseconds(message: Hands | Image | CameraInfo) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
