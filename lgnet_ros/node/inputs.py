"""What comes in: images, with the CameraInfo, depth and detections that belong to them.

Everything here runs in the executor's thread and only receives; decoding is left to the inference thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from lgnet_ros.landmarks.names import EXTERNAL
from lgnet_ros.node import compat, topics
from lgnet_ros.node.clocks import steady_timer
from lgnet_ros.node.faults import FaultKind, FaultLog
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.subscriptions import MatchedSubscription

CHECK_PERIOD_S = 0.5  # how soon a change of the publishers' quality of service is noticed
KEPT_CAMERA_INFOS = 8
DEPTH_PATIENCE_S = 0.3  # without a match for so long, images go on without depth


@dataclass(frozen=True)
class Sample:
    """One image and what came with it.

    image: Image or CompressedImage. depth: the Image that matches it, None without. camera_info: the image's
        own, or the newest; None if there has been none. detections: the newest Detection2DArray, None if
        none.
    received_s: time.monotonic() on arrival.
    """

    image: Any
    depth: Any | None
    camera_info: Any | None
    detections: Any | None
    received_s: float


def require_inputs(parameters: HandsParameters) -> None:
    """Ask for what the subscriptions of these parameters take, before a network is loaded for them.

    Raises:
        UserError: detections are wanted and vision_msgs is not installed.
    """
    if parameters.detector == EXTERNAL:
        compat.detections_type()


class Inputs:
    """Owns the subscriptions from activation to deactivation, and hands every image on as a `Sample`."""

    def __init__(
        self,
        node: Node,
        parameters: HandsParameters,
        faults: FaultLog,
        deliver: Callable[[Sample], None],
    ) -> None:
        """parameters: as `require_inputs` has passed them."""
        self._parameters, self._faults, self._deliver = parameters, faults, deliver
        self._camera_infos: deque[Any] = deque(maxlen=KEPT_CAMERA_INFOS)
        self._detections: Any | None = None
        self._last_stamp_ns = self._handed_on_ns = 0
        self._unpaired_since_s: float | None = None  # the first image since the last pair
        self._entrances: tuple[Any, Any] | None = None
        self._node = node
        self.subscriptions = self._subscribe()
        self._timer = steady_timer(node, CHECK_PERIOD_S, self._check)

    @property
    def image_subscription(self) -> MatchedSubscription:
        """The one that images come by."""
        return self.subscriptions["image"]

    def close(self) -> None:
        """Give everything back."""
        self._node.destroy_timer(self._timer)
        for subscription in self.subscriptions.values():
            subscription.close()

    def _subscribe(self) -> dict[str, MatchedSubscription]:
        compressed = self._parameters.image_transport == "compressed"
        image = (CompressedImage, topics.COMPRESSED) if compressed else (Image, topics.IMAGE)
        wanted: dict[str, tuple[type, topics.Topic, Callable[[Any], None]]] = {
            "camera_info": (CameraInfo, topics.CAMERA_INFO, self._on_camera_info),
        }
        if self._parameters.use_depth:
            wanted["depth"] = (Image, topics.DEPTH, self._on_depth)
            self._entrances = compat.synchronizer(self._parameters.depth_tolerance, self._on_pair)
        if self._parameters.detector == EXTERNAL:
            wanted["detections"] = (compat.detections_type(), topics.DETECTIONS, self._on_detections)
        wanted["image"] = (*image, self._on_image)
        return {
            name: MatchedSubscription(
                self._node, kind, topic.name, callback, self._parameters.image_qos, self._faults
            )
            for name, (kind, topic, callback) in wanted.items()
        }

    def _check(self) -> None:
        for subscription in self.subscriptions.values():
            subscription.check()

    def _on_camera_info(self, message: Any) -> None:
        self._camera_infos.append(message)

    def _on_detections(self, message: Any) -> None:
        self._detections = message

    def _on_image(self, image: Any) -> None:
        stamp_ns = _stamp_ns(image)
        if stamp_ns < 0:
            self._faults.report(FaultKind.BAD_STAMP, f"{image.header.stamp.sec} s is before 1970")
            return
        if self._entrances is None:
            self._hand_on(image, None)
            return
        if stamp_ns < self._last_stamp_ns:  # a bag that starts over: what waits for a partner never gets one
            self._entrances = compat.synchronizer(self._parameters.depth_tolerance, self._on_pair)
            self._handed_on_ns = 0
        self._last_stamp_ns = stamp_ns
        now_s = time.monotonic()
        if self._unpaired_since_s is None:
            self._unpaired_since_s = now_s
        if now_s - self._unpaired_since_s > DEPTH_PATIENCE_S:
            self._faults.report(
                FaultKind.MISSING_DEPTH,
                f"nothing on {self.subscriptions['depth'].topic} within {self._parameters.depth_tolerance} s"
                " of the image's stamp; going on without",
            )
            self._hand_on(image, None)
        self._entrances[0].signalMessage(image)

    def _on_depth(self, depth: Any) -> None:
        if _stamp_ns(depth) < 0:
            self._faults.report(FaultKind.BAD_DEPTH, f"stamp {depth.header.stamp.sec} s is before 1970")
        elif self._entrances is not None:
            self._entrances[1].signalMessage(depth)

    def _on_pair(self, image: Any, depth: Any) -> None:
        self._unpaired_since_s = None
        if _stamp_ns(image) > self._handed_on_ns:  # else it, or a newer one, has gone on without depth
            self._hand_on(image, depth)

    def _hand_on(self, image: Any, depth: Any | None) -> None:
        self._handed_on_ns = _stamp_ns(image)
        info = self._camera_info_for(image)
        self._deliver(Sample(image, depth, info, self._detections, time.monotonic()))

    def _camera_info_for(self, image: Any) -> Any | None:
        """The image's own by its stamp, else (a camera that states it now and then) the newest."""
        stamp = image.header.stamp
        own = (info for info in reversed(self._camera_infos) if info.header.stamp == stamp)
        return next(own, self._camera_infos[-1] if self._camera_infos else None)


def _stamp_ns(message: Any) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
