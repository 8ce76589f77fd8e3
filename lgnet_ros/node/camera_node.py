"""The demo camera: images from a webcam, a file, a folder, or the built-in scene, whose truth it knows.

Publishes `image_raw` and `camera_info`, and for the built-in scene `~/truth` and, if wanted, `depth`.
It is for trying and testing hands_node; a real robot has a camera driver of its own.
"""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
from collections.abc import Iterator, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from lgnet_ros.errors import UserError
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.msg import Hands
from lgnet_ros.node.camera_messages import camera_info_message, depth_message, image_message
from lgnet_ros.node.camera_parameters import CameraParameters
from lgnet_ros.node.camera_sources import Picture, Source, open_source
from lgnet_ros.node.exiting import end_on_signals, end_process, leave_nothing, on_signals
from lgnet_ros.node.faults import WARNING_PERIOD_S
from lgnet_ros.node.memory import keep_freed_memory
from lgnet_ros.node.pacing import Pace, Thinning
from lgnet_ros.node.parameter_rules import declare, rules, validated
from lgnet_ros.node.qos import use_large_shared_memory
from lgnet_ros.node.running import initialize, made
from lgnet_ros.node.truth import truth_message
from lgnet_ros.pipeline.calibration import read_intrinsics

_LOOK_PERIOD_S = 0.1  # for who is waited for
_RETRY_S = 1.0  # between two looks for a webcam that was unplugged
_LAST_WORDS_S = 0.5  # for the last images to arrive, before their publisher goes


class CameraNode(Node):
    """Publishes what its source gives, at the rate asked for, stamped as it is published."""

    def __init__(self) -> None:
        """Raises:
        UserError: a parameter is wrong, or the source cannot be opened.
        """
        super().__init__("camera")
        leave_nothing(self)
        declare(self, CameraParameters)
        self._values = _read_parameters(self)
        self._calibration = _calibration(self._values)
        self._source = _source(self._values)
        images = QoSProfile(depth=5, reliability=_RELIABILITIES[self._values.reliability])
        self._images = self.create_publisher(Image, "image_raw", images)
        self._infos = self.create_publisher(CameraInfo, "camera_info", images)
        self._truths = self.create_publisher(Hands, "~/truth", 10)
        self._depths = self.create_publisher(Image, "depth", images) if self._values.publish_depth else None
        if self._values.source and self._calibration is None:
            self.get_logger().warning(
                f"no calibration: stating a field of view of {self._values.horizontal_fov:g} degrees; all "
                "distances are as right as that (camera_info_file, horizontal_fov)"
            )

    def run(self, stopped: threading.Event) -> None:
        """Publish until `stopped` is set or the source has ended."""
        while self._values.wait_for and not self._is_awaited():
            if stopped.wait(_LOOK_PERIOD_S):
                return
        pictures = self._live_pictures(stopped) if self._source.live else self._paced_pictures(stopped)
        for picture in pictures:
            self._publish(picture)
        if not stopped.is_set():
            self.get_logger().info("the source has ended")
            stopped.wait(_LAST_WORDS_S)

    def _is_awaited(self) -> bool:
        """Whether who is waited for would get what is published now."""
        topic = self.resolve_topic_name("image_raw")
        listeners = self.get_subscriptions_info_by_topic(topic)
        own = self.get_namespace()
        names = {listener.node_name for listener in listeners if listener.node_namespace == own}
        return self._values.wait_for in names and bool(self._images.get_subscription_count())

    def close(self) -> None:
        """Give the device or file back."""
        self._source.close()

    def _paced_pictures(self, stopped: threading.Event) -> Iterator[Picture]:
        start = time.monotonic()
        pace = Pace(self._values.rate or self._source.rate_hz, start)
        while True:
            due = pace.due(time.monotonic())
            if stopped.wait(max(0.0, due - time.monotonic())):
                return
            picture = self._source.read(due - start)
            if picture is None:
                return
            yield picture

    def _live_pictures(self, stopped: threading.Event) -> Iterator[Picture]:
        thinning = Thinning(self._values.rate)
        while not stopped.is_set():
            picture = self._source.read(0.0)
            if picture is None:
                self._wait_for_return(stopped)
            elif thinning.takes(time.monotonic()):
                yield picture

    def _wait_for_return(self, stopped: threading.Event) -> None:
        name, said_s = f"the camera '{self._values.source}'", -math.inf
        while not stopped.is_set():
            if time.monotonic() - said_s >= WARNING_PERIOD_S:
                said_s = time.monotonic()
                self.get_logger().warning(f"{name} has stopped; waiting for it to return")
            if not stopped.wait(_RETRY_S) and self._source.reopen():
                self.get_logger().info(f"{name} has returned")
                return

    def _publish(self, picture: Picture) -> None:
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._values.frame_id)
        self._infos.publish(camera_info_message(self._intrinsics(picture), header))
        if picture.truth is not None:
            self._truths.publish(truth_message(picture.truth, header))
            if self._depths is not None and picture.truth.depth is not None:
                self._depths.publish(depth_message(picture.truth.depth, header))
        self._images.publish(image_message(picture.image, header))

    def _intrinsics(self, picture: Picture) -> CameraIntrinsics:
        if picture.truth is not None:
            return picture.truth.intrinsics
        if self._calibration is not None:
            return self._calibration
        height, width = picture.image.shape[:2]
        return CameraIntrinsics.from_field_of_view(width, height, math.radians(self._values.horizontal_fov))


_RELIABILITIES = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}


def _read_parameters(node: Node) -> CameraParameters:
    values = {name: node.get_parameter(name).value for name in rules(CameraParameters)}
    if type(values["source"]) is int:  # `-p source:=0` is the first webcam, and a number to ROS
        values["source"] = str(values["source"])
    return validated(CameraParameters, values)


def _calibration(parameters: CameraParameters) -> CameraIntrinsics | None:
    return read_intrinsics(parameters.camera_info_file) if parameters.camera_info_file else None


def _source(parameters: CameraParameters) -> Source:
    size = (parameters.width, parameters.height)
    if parameters.source:
        return open_source(parameters.source, size, parameters.loop)
    # Only here, so that a real camera does without the renderer and its compiled code.
    from lgnet_ros.node.synthetic_source import SyntheticSource

    return SyntheticSource(size, parameters.clip, parameters.seed)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM, or until its source ends. Returns the exit status."""
    end_on_signals()
    keep_freed_memory()
    use_large_shared_memory()
    try:
        initialize(args)
        return _run_node()
    except UserError as error:
        print(f"camera_node: {error}", file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()


def _run_node() -> int:
    node, stopped = made(CameraNode), threading.Event()
    on_signals(stopped.set)
    # Parameters and graph services are answered beside the capture, which has the main thread to itself.
    services = threading.Thread(target=_spin, args=(node,), daemon=True)
    services.start()
    try:
        node.run(stopped)
    finally:
        node.close()
        rclpy.try_shutdown()
        services.join(timeout=2.0)
    return 0


def _spin(node: Node) -> None:
    with contextlib.suppress(ExternalShutdownException):
        rclpy.spin(node)


if __name__ == "__main__":
    end_process(main())
