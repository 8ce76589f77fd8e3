"""The status's ears: a ROS node that listens to camera and hands, and feeds the tally and the recorder."""

from __future__ import annotations

import math
import time

import numpy as np
from rcl_interfaces.msg import Log
from rclpy.logging import LoggingSeverity
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from lgnet_ros.errors import UserError
from lgnet_ros.msg import Hands
from lgnet_ros.node.messages import SIDE_NAMES
from lgnet_ros.node.status.recorder import Recorder
from lgnet_ros.node.status.tally import SeenHand, Tally

_EVERYTHING = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
# Matches a publisher of either kind; what counts here is that something came.
_WHATEVER_COMES = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
# A node may have said what is wrong before it was found.
_SINCE_THE_START = QoSProfile(
    depth=50, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
_WATCHED_NODES = ("camera", "hands")
# rcl_interfaces/Log has the same numbers.
_WARNING, _ERROR = int(LoggingSeverity.WARN), int(LoggingSeverity.ERROR)
_SHOWN_FOR_S = 10.0
_NOT_ALONE = (
    "another camera or hands node publishes here, too; what it says is counted: give it a ROS_DOMAIN_ID"
)


class Monitor(Node):
    """Listens. Only its executor's thread writes to `tally`; others read snapshots."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__("status")
        self.tally = Tally()
        self.last_complaint = ""
        """The nodes' last warning or error, however long ago."""
        self.failure = ""
        """The hands node's last error."""
        self._complained_s = -math.inf
        self._recorder: Recorder | None = recorder
        self.create_subscription(CameraInfo, "camera_info", self._on_image, _WHATEVER_COMES)
        self.create_subscription(Hands, "camera/truth", self._on_truth, _EVERYTHING)
        self.create_subscription(Hands, "hands/hands", self._on_hands, _EVERYTHING)
        self.create_subscription(Image, "hands/overlay", self._on_overlay, _WHATEVER_COMES)
        self.create_subscription(Log, "/rosout", self._on_log, _SINCE_THE_START)

    @property
    def complaint(self) -> str:
        """The last one, unless it was long ago: what lasts is said again."""
        return self.last_complaint if time.monotonic() - self._complained_s < _SHOWN_FOR_S else ""

    def _on_image(self, info: CameraInfo) -> None:
        # CameraInfo stands for its image, which would be 900 kB to count to one.
        self.tally.add_image(_nanoseconds(info), time.monotonic())

    def _on_truth(self, message: Hands) -> None:
        hands = {SIDE_NAMES[hand.side]: _joints(hand) for hand in message.hands}
        self.tally.add_truth(_nanoseconds(message), hands)

    def _on_hands(self, message: Hands) -> None:
        if any(self.count_publishers(topic) > 1 for topic in ("camera_info", "hands/hands")):
            self._complain(_NOT_ALONE)
        hands = tuple(SeenHand(SIDE_NAMES[hand.side], hand.score, _joints(hand)) for hand in message.hands)
        self.tally.add_result(
            _nanoseconds(message), time.monotonic(), message.latency, hands, message.model_id
        )

    def _on_overlay(self, message: Image) -> None:
        if self._recorder is None:
            return
        pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        try:
            self._recorder.add(pixels, _nanoseconds(message) * 1e-9)
        except UserError as error:  # everything else is worth seeing all the same
            self._recorder = None
            self._complain(str(error))

    def _on_log(self, message: Log) -> None:
        if message.name in _WATCHED_NODES and message.level >= _WARNING:
            self._complain(f"{message.name}: {message.msg}")
            if message.name == "hands" and message.level >= _ERROR:
                self.failure = self.last_complaint

    def _complain(self, words: str) -> None:
        self.last_complaint, self._complained_s = words, time.monotonic()


def _joints(hand: object) -> np.ndarray:
    return np.asarray(hand.joints, dtype=np.float64).reshape(21, 3)


def _nanoseconds(message: Hands | Image | CameraInfo) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
