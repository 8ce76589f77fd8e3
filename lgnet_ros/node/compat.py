"""The one place that stands in for ROS packages that are not installed, and that says which they are.

On a ROS distribution all of them are there and are used. The ROS wheels of PyPI lack them, so that each has a
stand-in here that does as much of it as this package needs, under the same names.
"""

from __future__ import annotations

import array
import importlib
import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import TransformStamped
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from lgnet_ros.errors import UserError
from lgnet_ros.node import topics
from lgnet_ros.node.click_server import ClickServer
from lgnet_ros.node.clocks import steady_timer
from lgnet_ros.node.transforms import NewestTransforms, Placement, placement

# Python package -> end of the Debian package's name, as in ros-jazzy-cv-bridge.
_DEBIAN_NAMES = {
    "tf2_ros": "tf2-ros-py",
    "cv_bridge": "cv-bridge",
    "message_filters": "message-filters",
    "diagnostic_updater": "diagnostic-updater",
    "interactive_markers": "interactive-markers",
    "sensor_msgs_py": "sensor-msgs-py",
    "tf_transformations": "tf-transformations",
}


_broken: dict[str, str] = {}  # what is there and cannot be imported, and why


def _optional(name: str) -> ModuleType | None:
    """The module, or None when it is missing or broken (as a cv_bridge built for another NumPy is)."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        if not (isinstance(error, ModuleNotFoundError) and error.name == name):
            _broken[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        return None


_modules = {name: _optional(name) for name in _DEBIAN_NAMES}


def stand_ins() -> list[str]:
    """The ROS packages that are missing here and that this module stands in for."""
    return [name for name, module in _modules.items() if module is None]


def startup_line() -> str:
    """What is used and what stands in, with the command that installs what is missing."""
    missing = [name for name in stand_ins() if name not in _broken]
    line = "stand-ins for " + ", ".join(stand_ins()) if stand_ins() else "uses " + ", ".join(_modules)
    for name, reason in _broken.items():
        line += f"; {name} is installed and cannot be imported ({reason})"
    if not missing:
        return line
    distribution = os.environ.get("ROS_DISTRO")
    if distribution:
        packages = " ".join(f"ros-{distribution}-{_DEBIAN_NAMES[name]}" for name in missing)
        return f"{line}; for the real ones: sudo apt install {packages}"
    return f"{line}: PyPI does not have them; source a ROS 2 distribution to use the real ones"


# --- rclpy's events, which Humble has in another module -----------------------------------------------------

_events = _optional("rclpy.event_handler") or importlib.import_module("rclpy.qos_event")


def subscription_that_warns(
    node: Node,
    message_type: type,
    topic: str,
    callback: Callable[[Any], None],
    profile: QoSProfile,
    incompatible: Callable[[Any], None],
) -> Any:
    """A subscription that calls `incompatible` when a publisher offers less than `profile` asks, where the
    middleware tells of that.
    """
    events = _events.SubscriptionEventCallbacks(incompatible_qos=incompatible)
    try:
        return node.create_subscription(message_type, topic, callback, profile, event_callbacks=events)
    except _events.UnsupportedEventTypeError:
        return node.create_subscription(message_type, topic, callback, profile)


# --- tf2_ros ------------------------------------------------------------------------------------------------


class _TransformPublisher:
    """tf2_ros.TransformBroadcaster: one TFMessage on /tf for each call."""

    def __init__(self, node: Node, qos: QoSProfile) -> None:
        self.pub_tf = node.create_publisher(TFMessage, topics.TF.name, qos)

    def sendTransform(self, transforms: list[TransformStamped]) -> None:  # noqa: N802 (tf2_ros's name)
        self.pub_tf.publish(TFMessage(transforms=transforms))


def transform_broadcaster(node: Node) -> Any:
    """A tf2_ros.TransformBroadcaster, or what stands in for it. `pub_tf` is its publisher."""
    module = _modules["tf2_ros"]
    make = _TransformPublisher if module is None else module.TransformBroadcaster
    return make(node, QoSProfile(depth=100))


TransformLookup = Callable[[str, str], Placement | None]
"""From target and source frame to how they lie: see `NewestTransforms.lookup`."""


def transform_lookup(node: Node) -> TransformLookup:
    """Answers from what is said on /tf from now on."""
    module = _modules["tf2_ros"]
    if module is None:
        return NewestTransforms(node).lookup
    buffer = module.Buffer()
    # The buffer's owner: a listener that nobody holds stops listening, and so does what waits for a jump.
    buffer.listener = module.TransformListener(buffer, node)
    # A bag that begins anew is older than all that the buffer knows, and would not be taken in.
    buffer.jumps = node.get_clock().create_jump_callback(
        JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
        post_callback=lambda _: buffer.clear(),
    )

    def lookup(target: str, source: str) -> Placement | None:
        try:
            return placement(buffer.lookup_transform(target, source, Time()))
        except module.TransformException:
            return None

    return lookup


# --- cv_bridge ----------------------------------------------------------------------------------------------


def cv_bridge_decoder() -> Callable[[Any], np.ndarray] | None:
    """cv_bridge's way from an Image message to (H,W,3) uint8 RGB; None where it is missing."""
    if _modules["cv_bridge"] is None:
        return None
    bridge = _modules["cv_bridge"].CvBridge()
    return lambda image: bridge.imgmsg_to_cv2(image, "rgb8")


# --- message_filters ----------------------------------------------------------------------------------------


class _Filter:
    """message_filters.SimpleFilter: hands on what it is given."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[..., None]] = []

    def registerCallback(self, callback: Callable[..., None]) -> None:  # noqa: N802 (message_filters' name)
        self._callbacks.append(callback)

    def signalMessage(self, *messages: Any) -> None:  # noqa: N802
        for callback in self._callbacks:
            callback(*messages)


class _PairSynchronizer(_Filter):
    """message_filters.ApproximateTimeSynchronizer of two filters."""

    def __init__(self, filters: Sequence[_Filter], queue_size: int, slop: float) -> None:
        super().__init__()
        self._slop_ns, self._queue_size = round(slop * 1e9), queue_size
        self._waiting: tuple[dict[int, Any], dict[int, Any]] = ({}, {})
        for index, source in enumerate(filters):
            source.registerCallback(lambda message, index=index: self._add(message, index))

    def _add(self, message: Any, index: int) -> None:
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        own, other = self._waiting[index], self._waiting[1 - index]
        nearest = min(other, key=lambda candidate: abs(candidate - stamp), default=None)
        if nearest is None or abs(nearest - stamp) >= self._slop_ns:
            own[stamp] = message
            while len(own) > self._queue_size:
                del own[min(own)]
            return
        partner = other.pop(nearest)
        self.signalMessage(*((message, partner) if index == 0 else (partner, message)))


def synchronizer(slop_s: float, callback: Callable[[Any, Any], None]) -> tuple[Any, Any]:
    """Two entrances; `callback(first, second)` gets pairs whose stamps differ by less than `slop_s`.

    Returns:
        Two filters; `signalMessage(message)` puts a message in.
    """
    module = _modules["message_filters"]
    make_filter = _Filter if module is None else module.SimpleFilter
    make_synchronizer = _PairSynchronizer if module is None else module.ApproximateTimeSynchronizer
    entrances = (make_filter(), make_filter())
    make_synchronizer(entrances, 5, slop_s).registerCallback(callback)
    return entrances


# --- diagnostic_updater -------------------------------------------------------------------------------------


class _Status(DiagnosticStatus):
    """diagnostic_updater.DiagnosticStatusWrapper."""

    def summary(self, level: bytes, message: str) -> None:
        self.level, self.message = level, message

    def add(self, key: str, value: str) -> None:
        self.values.append(KeyValue(key=key, value=value))


class _Updater:
    """diagnostic_updater.Updater: runs every task and publishes what they say."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tasks: dict[str, Callable[[Any], Any]] = {}
        self._hardware_id = ""
        self._publisher = node.create_publisher(DiagnosticArray, topics.DIAGNOSTICS.name, 1)

    def setHardwareID(self, hardware_id: str) -> None:  # noqa: N802 (diagnostic_updater's name)
        self._hardware_id = hardware_id

    def add(self, name: str, task: Callable[[Any], Any]) -> None:
        self._tasks[name] = task

    def force_update(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        for name, task in self._tasks.items():
            wrapped = task(_Status(name=f"{self._node.get_name()}: {name}", hardware_id=self._hardware_id))
            message.status.append(
                DiagnosticStatus(
                    name=wrapped.name,
                    level=wrapped.level,
                    message=wrapped.message,
                    hardware_id=wrapped.hardware_id,
                    values=wrapped.values,
                )
            )
        self._publisher.publish(message)


def diagnostic_updater(node: Node, period_s: float = 1.0) -> Any:
    """A diagnostic_updater.Updater, or what stands in for it. It lives as long as the node, and goes on when
    simulated time stands still.
    """
    module = _modules["diagnostic_updater"]
    if module is None:
        updater = _Updater(node)
    else:
        updater = module.Updater(node, period_s)
        period_s = updater.period  # a parameter of its own may say otherwise
        node.destroy_timer(updater.timer)
    steady_timer(node, period_s, updater.force_update)
    return updater


# --- sensor_msgs_py -----------------------------------------------------------------------------------------


def point_cloud(header: Header, points: np.ndarray) -> PointCloud2:
    """PointCloud2 with fields x, y, z (float32). points: (N,3), N may be 0."""
    points = np.ascontiguousarray(points, dtype=np.float32)
    if _modules["sensor_msgs_py"] is not None:
        module = importlib.import_module("sensor_msgs_py.point_cloud2")
        cloud = module.create_cloud_xyz32(header, points)
        cloud.is_dense = True  # no NaN among them
        return cloud
    fields = [
        PointField(name=name, offset=4 * number, datatype=PointField.FLOAT32, count=1)
        for number, name in enumerate("xyz")
    ]
    return PointCloud2(
        header=header,
        height=1,
        width=len(points),
        fields=fields,
        point_step=12,
        row_step=12 * len(points),
        data=array.array("B", points.tobytes()),
        is_dense=True,
    )


# --- tf_transformations -------------------------------------------------------------------------------------


def quaternion_from_rpy(roll: float, pitch: float, yaw: float) -> tuple[float, float, float, float]:
    """x, y, z, w of a turn about the fixed axes x, then y, then z, radians (REP 103)."""
    if _modules["tf_transformations"] is not None:
        return tuple(_modules["tf_transformations"].quaternion_from_euler(roll, pitch, yaw))
    return tuple(Rotation.from_euler("xyz", [roll, pitch, yaw]).as_quat())


# --- interactive_markers -----------------------------------------------------------------------------


def interactive_marker_server(node: Node, namespace: str) -> Any:
    """An interactive_markers.InteractiveMarkerServer, or what stands in for it."""
    module = _modules["interactive_markers"]
    return (ClickServer if module is None else module.InteractiveMarkerServer)(node, namespace)


# --- packages without which a feature is not to be had ------------------------------------------------------


def detections_type() -> type:
    """vision_msgs/Detection2DArray.

    Raises:
        UserError: vision_msgs is not installed.
    """
    try:
        return importlib.import_module("vision_msgs.msg").Detection2DArray
    except ImportError:
        distribution = os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
        raise UserError(
            f"detector 'external' needs vision_msgs: sudo apt install ros-{distribution}-vision-msgs"
        ) from None
