"""`~/markers`: meshes and skeletons for RViz, written straight into serialised messages.

A mesh marker has 4614 points. Built point by point and serialised by rclpy, two of them cost 11 ms a frame;
so the array is serialised once per set of hands, and every frame overwrites the points and stamps in those
bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.hand_model.topology import BONES, JOINT_NAMES
from lgnet_ros.msg import Hands
from lgnet_ros.node.messages import SIDE_NAMES
from lgnet_ros.node.templates import STAND_IN, SerializedTemplate, TemplateCache, stand_in_header

SIDE_COLORS = {"right": (0.93, 0.52, 0.30), "left": (0.27, 0.56, 0.87)}
"""RGB of either hand wherever it is drawn."""
BONE_COLOR = (0.96, 0.96, 0.92)

LIFETIME_S = 2  # if the node dies, RViz must not go on showing hands
_BONE_WIDTH_M = 0.004
_JOINT_SIZE_M = 0.009
_BONE_ENDS = np.array(BONES).reshape(-1)
_JOINTS = np.arange(len(JOINT_NAMES))
_KEPT_TEMPLATES = 8  # sets of hands whose bytes are kept: both, right, left, what several people make of it

Name = tuple[str, int]
"""A marker's namespace, such as `right_mesh`, and its id: 0 for the first hand of that side, 1, …."""

Choice = tuple[np.ndarray, np.ndarray]
"""Points (N,3) float64, and (M,) the indices of those that are shown, in order."""


@dataclass(frozen=True)
class MarkerStyle:
    """What the markers show. content: "mesh+skeleton", "mesh" or "skeleton"; opacity: of meshes, 0 to 1."""

    content: str = "mesh+skeleton"
    opacity: float = 1.0


class HandMarkers:
    """Keeps what RViz shows equal to the hands of the newest frame: adds, moves, deletes."""

    def __init__(self, faces: Mapping[str, np.ndarray]) -> None:
        """faces: per side, (1538,3) indices of the mesh's triangles."""
        self._corners = {side: triangles.reshape(-1) for side, triangles in faces.items()}
        self._shown: frozenset[Name] = frozenset()
        self._templates = TemplateCache[MarkerTemplate](_KEPT_TEMPLATES)

    def update(self, message: Hands, style: MarkerStyle) -> bytes:
        """A serialised MarkerArray that shows the hands of `message` and deletes those no longer in it."""
        points = marker_points(message, self._corners, style)
        lost = tuple(sorted(self._shown - points.keys()))
        self._shown = frozenset(points)
        counts, frame_id = {name: len(order) for name, (_, order) in points.items()}, message.header.frame_id
        template = self._templates.get(
            (tuple(points), lost, frame_id, style), lambda: MarkerTemplate(counts, lost, frame_id, style)
        )
        return template.filled(message.header, points)

    def cleared(self, header: Header) -> bytes:
        """A serialised MarkerArray that deletes every hand that is still shown."""
        return self.update(Hands(header=header), MarkerStyle())


def marker_points(
    message: Hands, corners: Mapping[str, np.ndarray], style: MarkerStyle
) -> dict[Name, Choice]:
    """The points of every marker of every hand, in the order in which they are published.

    Args:
        message: the hands.
        corners: per side, (4614,) vertex indices, three to a triangle.
        style: which markers there are.
    """
    points: dict[Name, Choice] = {}
    seen: Counter[str] = Counter()
    for hand in message.hands:
        side = SIDE_NAMES[hand.side]
        number, seen[side] = seen[side], seen[side] + 1
        if "mesh" in style.content:
            vertices = hand.vertices.reshape(-1, 3).astype(np.float64)
            points[f"{side}_mesh", number] = (vertices, corners[side])
        if "skeleton" in style.content:
            joints = hand.joints.reshape(21, 3).astype(np.float64)
            points[f"{side}_bones", number] = (joints, _BONE_ENDS)
            points[f"{side}_joints", number] = (joints, _JOINTS)
    return points


def marker(name: Name, header: Header, points: Sequence[Point], style: MarkerStyle) -> Marker:
    """The marker of that name; points are used as they are."""
    side, part = name[0].split("_")
    message = Marker(header=header, ns=name[0], id=name[1], action=Marker.ADD, points=points)
    message.pose.orientation.w = 1.0
    message.lifetime.sec = LIFETIME_S
    if part == "mesh":
        # One color for all: per-vertex colors would lose their shading in RViz.
        message.type, message.color = Marker.TRIANGLE_LIST, color(SIDE_COLORS[side], style.opacity)
        message.scale.x = message.scale.y = message.scale.z = 1.0
    elif part == "bones":
        message.type, message.color = Marker.LINE_LIST, color(BONE_COLOR)
        message.scale.x = _BONE_WIDTH_M
    else:
        message.type, message.color = Marker.SPHERE_LIST, color(SIDE_COLORS[side])
        message.scale.x = message.scale.y = message.scale.z = _JOINT_SIZE_M
    return message


def deletion(name: Name, header: Header) -> Marker:
    """The marker that takes the one of that name away."""
    return Marker(header=header, ns=name[0], id=name[1], action=Marker.DELETE)


def delete_all(header: Header) -> MarkerArray:
    """Takes away whatever an earlier run left in RViz. It flickers: for activation only."""
    return MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])


def color(rgb: Sequence[float], opacity: float = 1.0) -> ColorRGBA:
    """A std_msgs/ColorRGBA."""
    return ColorRGBA(r=float(rgb[0]), g=float(rgb[1]), b=float(rgb[2]), a=float(opacity))


class MarkerTemplate:
    """The serialised bytes of one set of markers, into which each frame's points and stamp are written."""

    def __init__(
        self, counts: Mapping[Name, int], lost: Sequence[Name], frame_id: str, style: MarkerStyle
    ) -> None:
        """
        Args:
            counts: number of points of each marker, in order.
            lost: markers to delete.
            frame_id: of every marker.
            style: how they look.
        """
        header, stand_in = stand_in_header(frame_id), Point(x=STAND_IN, y=STAND_IN, z=STAND_IN)
        markers = [marker(name, header, [stand_in] * count, style) for name, count in counts.items()]
        markers += [deletion(name, header) for name in lost]
        runs = [3 * count for count in counts.values()]
        self._template = SerializedTemplate(MarkerArray(markers=markers), runs, len(markers))
        views = (run.reshape(-1, 3) for run in self._template.runs)
        self._points = dict(zip(counts, views, strict=True))

    def filled(self, header: Header, points: Mapping[Name, Choice]) -> bytes:
        """The message with `points` in the markers of those names, stamped as `header` is."""
        for name, view in self._points.items():
            array, order = points[name]
            np.take(array, order, axis=0, out=view, mode="clip")  # "raise" would fill a copy first
        return self._template.stamped(header)
