"""`~/interaction_markers`: what the hands do, as a robot programmer wants to see it.

Per hand: an arrow out of the palm, the arrow along which a robot would come, the opening between thumb and
index finger, the keep-out volume, and a line of text. Per pair of hands: the closest points and the
contacts. Made of primitives only: there are few, so they are built as ordinary messages.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Pose, Quaternion, Vector3
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.hand_model.topology import JOINT_NAMES
from lgnet_ros.interaction import GRASP_CLASSES
from lgnet_ros.msg import Hand as HandMsg
from lgnet_ros.msg import Hands, HandsRelation
from lgnet_ros.node.markers import LIFETIME_S, SIDE_COLORS, Name, color, deletion
from lgnet_ros.node.messages import SIDE_NAMES, palm_of, point, xyz

NORMAL_COLOR = (0.35, 0.85, 0.45)
APPROACH_COLOR = (0.98, 0.85, 0.25)
CONTACT_COLOR = (0.95, 0.15, 0.25)
APPROACH_LENGTH_M = 0.12
_NORMAL_LENGTH_M = 0.06
_BLANK = Marker(action=Marker.ADD, lifetime=Duration(sec=LIFETIME_S))
Ellipsoid = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Center (3,), R_frame_ellipsoid (3,3), full lengths of the axes (3,)."""
_THUMB_TIP, _INDEX_TIP = JOINT_NAMES.index("thumb_tip"), JOINT_NAMES.index("index_tip")


class InteractionMarkers:
    """Builds the array of each frame and remembers what to delete in the next."""

    def __init__(self) -> None:
        self._shown: frozenset[Name] = frozenset()

    def update(self, message: Hands, keepout: Mapping[str, np.ndarray]) -> MarkerArray:
        """Markers of `message`; those of the frame before that are no longer there are deleted.

        Args:
            message: the hands.
            keepout: per side, (N,3) points of the keep-out surface of its first hand.
        """
        markers: list[Marker] = []
        for hand in _first_of_each_side(message):
            markers += hand_markers(hand, message.header, keepout.get(SIDE_NAMES[hand.side]))
        for relation in message.relations[:1]:
            markers += relation_markers(relation, message.header)
        names = frozenset((marker.ns, marker.id) for marker in markers)
        markers += [deletion(name, message.header) for name in sorted(self._shown - names)]
        self._shown = names
        return MarkerArray(markers=markers)


def hand_markers(hand: HandMsg, header: Header, keepout: np.ndarray | None) -> list[Marker]:
    """What one hand does. keepout: (N,3) points of its keep-out surface, None: not known."""
    side = SIDE_NAMES[hand.side]
    joints = hand.joints.reshape(21, 3)
    palm = palm_of(hand)
    at, normal = palm.position, palm.normal
    outside = at + APPROACH_LENGTH_M * normal
    markers = [
        arrow(f"{side}_normal", header, at, at + _NORMAL_LENGTH_M * normal, NORMAL_COLOR),
        arrow(f"{side}_approach", header, outside, at + _NORMAL_LENGTH_M * normal, APPROACH_COLOR),
        _lines(f"{side}_aperture", header, joints[[_THUMB_TIP, _INDEX_TIP]], SIDE_COLORS[side]),
        text_line(f"{side}_text", header, joints[0], hand_text(hand)),
    ]
    if keepout is not None:
        outline = enclosing_ellipsoid(keepout.astype(np.float64))
        markers.append(ellipsoid(f"{side}_keepout", header, outline, SIDE_COLORS[side]))
    return markers


def relation_markers(relation: HandsRelation, header: Header) -> list[Marker]:
    """The closest points of two hands, joined, and where they touch."""
    ends = np.array([xyz(end) for end in (relation.closest_right, relation.closest_left)])
    gap = _lines("closest_points", header, ends, CONTACT_COLOR if relation.distance <= 0 else NORMAL_COLOR)
    markers = [gap]
    if relation.contacts:
        touches = _marker("contacts", header, Marker.SPHERE_LIST, color(CONTACT_COLOR))
        touches.scale.x = touches.scale.y = touches.scale.z = 0.012
        touches.points = list(relation.contacts)
        markers.append(touches)
    return markers


def hand_text(hand: HandMsg) -> str:
    """One line for a person: side, grasp, and opening in millimetres."""
    grasp = GRASP_CLASSES[hand.grasp_class]
    return f"{SIDE_NAMES[hand.side]}: {grasp}, {1000 * hand.grasp_aperture:.0f} mm"


def enclosing_ellipsoid(points: np.ndarray) -> Ellipsoid:
    """An ellipsoid that holds every point, along the principal axes of the points.

    Args:
        points: (N,3).

    Returns:
        See `Ellipsoid`.
    """
    center = (points.min(axis=0) + points.max(axis=0)) / 2
    offsets = points - center
    spread, axes = np.linalg.eigh(offsets.T @ offsets / len(points))
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    radii = np.sqrt(np.maximum(spread, 1e-12))
    reach = np.sqrt((((offsets @ axes) / radii) ** 2).sum(axis=1).max())
    return center, axes, 2 * reach * radii


def _first_of_each_side(message: Hands) -> list[HandMsg]:
    firsts = {hand.side: hand for hand in reversed(message.hands)}
    return list(firsts.values())


def _marker(namespace: str, header: Header, kind: int, paint: object) -> Marker:
    # Making a Marker is mostly making the twenty fields that are never looked at: copies share them.
    message = copy.copy(_BLANK)
    message.header, message.ns, message.type, message.color = header, namespace, kind, paint
    message.pose, message.scale, message.points = Pose(orientation=Quaternion(w=1.0)), Vector3(), []
    return message


def arrow(
    namespace: str, header: Header, tail: np.ndarray, tip: np.ndarray, rgb: tuple[float, ...]
) -> Marker:
    """An arrow from one point to another."""
    message = _marker(namespace, header, Marker.ARROW, color(rgb))
    message.scale.x, message.scale.y = 0.005, 0.011  # shaft and head diameter, m
    message.points = [point(tail), point(tip)]
    return message


def _lines(namespace: str, header: Header, ends: np.ndarray, rgb: tuple[float, ...]) -> Marker:
    message = _marker(namespace, header, Marker.LINE_LIST, color(rgb))
    message.scale.x = 0.003
    message.points = [point(end) for end in ends]
    return message


def text_line(namespace: str, header: Header, at: np.ndarray, text: str) -> Marker:
    """Text below a point, turned to whoever looks."""
    message = _marker(namespace, header, Marker.TEXT_VIEW_FACING, color((1.0, 1.0, 1.0)))
    message.pose.position = point(at)
    message.pose.position.y += 0.04  # below the wrist: y points down
    message.scale.z = 0.018
    message.text = text
    return message


def ellipsoid(namespace: str, header: Header, outline: Ellipsoid, rgb: tuple[float, ...]) -> Marker:
    """A translucent ellipsoid."""
    center, axes, lengths = outline
    x, y, z, w = Rotation.from_matrix(axes).as_quat().tolist()
    message = _marker(namespace, header, Marker.SPHERE, color(rgb, 0.18))
    message.pose = Pose(position=point(center), orientation=Quaternion(x=x, y=y, z=z, w=w))
    message.scale.x, message.scale.y, message.scale.z = lengths.tolist()
    return message
