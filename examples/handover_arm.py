"""A simulated arm that comes to a hand and stays out of its keep-out volume: a worked example of a handover.

    make run                                                   # a camera and the hands node
    tools/environment.sh python -m lgnet_ros.node.handover_node
    tools/environment.sh python examples/handover_arm.py

The arm is the pose of its tool, moved at limited speed. It goes to the pose that `/handover/state` gives
while the hand offers or receives, back home while it rests, and stands still while anything is unknown, too
old or too near. `~/twist` is what MoveIt Servo takes (docs/handover.md). Everything is in the frame of the
hands.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import (
    Point,
    Pose,
    PoseStamped,
    Quaternion,
    Transform,
    TransformStamped,
    Twist,
    TwistStamped,
    Vector3,
)
from lgnet_ros.msg import Handover
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.node import compat
from lgnet_ros.node.markers import color
from lgnet_ros.node.primitives import arrow, marker_of
from lgnet_ros.node.running import run_until_stopped

RATE_HZ = 50.0
PARAMETERS = {
    "home": ([0.25, 0.1, 0.1], "Where the tool waits (m, frame of the hands)."),
    "linear_speed": (0.25, "Fastest motion of the tool (m/s)."),
    "angular_speed": (1.0, "Fastest turn of the tool (rad/s)."),
    "clearance": (0.08, "Nearest that the tool's origin comes to a keep-out volume (m)."),
    "oldest": (0.3, "With a state or keep-out volume that is further (s) from now the arm stands still."),
}
_HAND_POINTS = 778  # of ~/keepout for each hand
_SHELLS = (0.25, 0.5, 0.75, 1.0)  # the volume is full: its surface, and what lies inside


@dataclass(frozen=True)
class Tool:
    """position: (3,) m. rotation: R_frame_tool; the tool points along its z."""

    position: np.ndarray
    rotation: Rotation


@dataclass(frozen=True)
class Speeds:
    """linear: m/s. angular: rad/s."""

    linear: float
    angular: float


def stepped(tool: Tool, goal: Tool, speeds: Speeds, seconds: float) -> Tool:
    """The tool after some time on the straight way to its goal."""
    way = goal.position - tool.position
    turn = (goal.rotation * tool.rotation.inv()).as_rotvec()
    share = min(1.0, speeds.linear * seconds / max(float(np.linalg.norm(way)), 1e-9))
    turned = min(1.0, speeds.angular * seconds / max(float(np.linalg.norm(turn)), 1e-9))
    return Tool(tool.position + share * way, Rotation.from_rotvec(turned * turn) * tool.rotation)


def filled(surfaces: np.ndarray) -> np.ndarray:
    """Points (M, 3) throughout the volumes whose surfaces are given, 778 points (N, 3) to each."""
    volumes = [np.zeros((0, 3))]
    for surface in np.split(surfaces, range(_HAND_POINTS, len(surfaces), _HAND_POINTS)):
        if len(surface):
            center = surface.mean(axis=0)
            volumes += [center + shell * (surface - center) for shell in _SHELLS]
    return np.concatenate(volumes)


def may_move(here: np.ndarray, there: np.ndarray, volume: np.ndarray, clearance_m: float) -> bool:
    """Whether a step is allowed: it ends clear of the volume (M, 3), or further from it than it begins."""
    if not len(volume):
        return True
    before, after = (float(np.linalg.norm(volume - place, axis=1).min()) for place in (here, there))
    return after >= clearance_m or after > before


class HandoverArm(Node):
    """Moves the tool, and says where it is: as a pose, as a twist, on /tf, and as markers."""

    def __init__(self, **options: object) -> None:
        """options: as `rclpy.node.Node` takes them, for tests."""
        super().__init__("handover_arm", **options)
        for name, (default, description) in PARAMETERS.items():
            self.declare_parameter(name, default, ParameterDescriptor(description=description))
        self._home = Tool(np.array(self.get_parameter("home").value), Rotation.identity())
        self.tool, self.standing_still_for = self._home, "no state yet"
        self._report: Handover | None = None
        self._volume, self._volume_stamp_s = np.zeros((0, 3)), -np.inf
        self._targets = self.create_publisher(PoseStamped, "~/target", 1)
        self._twists = self.create_publisher(TwistStamped, "~/twist", 1)
        self._markers = self.create_publisher(MarkerArray, "~/markers", 1)
        self._broadcaster = compat.transform_broadcaster(self)
        self.create_subscription(Handover, "handover/state", self._on_report, 1)
        self.create_subscription(PointCloud2, "hands/keepout", self._on_keepout, 1)
        self.create_timer(1 / RATE_HZ, self._move)

    def _on_report(self, report: Handover) -> None:
        self._report = report

    def _on_keepout(self, cloud: PointCloud2) -> None:
        self._volume = filled(np.frombuffer(cloud.data, np.float32).reshape(-1, 3).astype(np.float64))
        self._volume_stamp_s = _seconds(cloud.header)

    def _move(self) -> None:
        before, goal = self.tool, self._goal()
        if goal is not None:
            speeds = Speeds(self._number("linear_speed"), self._number("angular_speed"))
            wanted = stepped(before, goal, speeds, 1 / RATE_HZ)
            if may_move(before.position, wanted.position, self._volume, self._number("clearance")):
                self.tool, self.standing_still_for = wanted, ""
            else:
                self.standing_still_for = "the keep-out volume is near"
        self._publish(before)

    def _goal(self) -> Tool | None:
        """Where to go; None: stand still."""
        report, now_s = self._report, self.get_clock().now().nanoseconds * 1e-9
        if report is None:
            return None
        oldest = self._number("oldest")
        if report.state == Handover.UNKNOWN or abs(now_s - _seconds(report.header)) > oldest:
            self.standing_still_for = report.reason or "the state is too old"
            return None
        if abs(now_s - self._volume_stamp_s) > oldest:
            self.standing_still_for = "the keep-out volume is too old"
            return None
        if report.state == Handover.RESTS:
            return self._home
        at, turn = report.approach.pose.position, report.approach.pose.orientation
        return Tool(np.array([at.x, at.y, at.z]), Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]))

    def _publish(self, before: Tool) -> None:
        if self._report is None or not self._report.header.frame_id:
            return
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._report.header.frame_id)
        x, y, z = self.tool.position.tolist()
        turn = Quaternion(**dict(zip("xyzw", self.tool.rotation.as_quat().tolist(), strict=True)))
        self._targets.publish(
            PoseStamped(header=header, pose=Pose(position=Point(x=x, y=y, z=z), orientation=turn))
        )
        linear = RATE_HZ * (self.tool.position - before.position)
        angular = RATE_HZ * (self.tool.rotation * before.rotation.inv()).as_rotvec()
        twist = Twist(linear=_vector(linear), angular=_vector(angular))
        self._twists.publish(TwistStamped(header=header, twist=twist))
        place = Transform(translation=Vector3(x=x, y=y, z=z), rotation=turn)
        self._broadcaster.sendTransform(
            [TransformStamped(header=header, child_frame_id="handover_tool", transform=place)]
        )
        self._markers.publish(MarkerArray(markers=self._shown(header)))

    def _shown(self, header: Header) -> list[Marker]:
        """The tool, red while it stands still for a reason, and an arrow along it."""
        paint = (0.95, 0.15, 0.25) if self.standing_still_for else (0.75, 0.78, 0.82)
        ball = Marker(header=header, ns="tool", type=Marker.SPHERE, color=color(paint))
        ball.pose.position = Point(**dict(zip("xyz", self.tool.position.tolist(), strict=True)))
        ball.pose.orientation.w = 1.0
        ball.scale.x = ball.scale.y = ball.scale.z = 0.05
        tip = self.tool.position + self.tool.rotation.apply([0.0, 0.0, 0.1])
        return [ball, marker_of(arrow("tool_direction", self.tool.position, tip, paint), header)]

    def _number(self, name: str) -> float:
        return float(self.get_parameter(name).value)


def _vector(xyz: np.ndarray) -> Vector3:
    return Vector3(**dict(zip("xyz", xyz.tolist(), strict=True)))


def _seconds(header: Header) -> float:
    return header.stamp.sec + header.stamp.nanosec * 1e-9


if __name__ == "__main__":
    sys.exit(run_until_stopped("handover_arm", HandoverArm, sys.argv))
