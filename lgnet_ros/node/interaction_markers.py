"""`~/interaction_markers`: what the hands do, as a robot programmer wants to see it.

Per hand: an arrow out of the palm, the arrow along which a robot would come, the opening between thumb and
index finger, the keep-out volume, and a line of text. Per pair of hands: the closest points and the
contacts. Made of primitives only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from std_msgs.msg import Header

from lgnet_ros.geometry.vectors import cross
from lgnet_ros.hand_model.topology import JOINT_NAMES
from lgnet_ros.interaction import GRASP_CLASSES
from lgnet_ros.jit import exactly
from lgnet_ros.msg import Hand as HandMsg
from lgnet_ros.msg import Hands, HandsRelation
from lgnet_ros.node.markers import SIDE_COLORS
from lgnet_ros.node.messages import SIDE_NAMES, palm_of, xyz
from lgnet_ros.node.primitives import (
    Ellipsoid,
    Figure,
    FigureMarkers,
    arrow,
    balls,
    ellipsoid,
    lines,
    text_line,
)

NORMAL_COLOR = (0.35, 0.85, 0.45)
APPROACH_COLOR = (0.98, 0.85, 0.25)
CONTACT_COLOR = (0.95, 0.15, 0.25)
APPROACH_LENGTH_M = 0.12
_NORMAL_LENGTH_M = 0.06
_THUMB_TIP, _INDEX_TIP = JOINT_NAMES.index("thumb_tip"), JOINT_NAMES.index("index_tip")


class InteractionMarkers:
    """Serialises the array of each frame and remembers what to delete in the next."""

    def __init__(self) -> None:
        self._markers = FigureMarkers()

    def update(self, message: Hands, keepout: Mapping[str, np.ndarray]) -> bytes:
        """A serialised MarkerArray of `message`; what is no longer there since the last is deleted.

        Args:
            message: the hands.
            keepout: per side, (N,3) points of the keep-out surface of its first hand.
        """
        return self._markers.update(interaction_figures(message, keepout), message.header)

    def cleared(self, header: Header) -> bytes:
        """A serialised MarkerArray that deletes whatever is still shown."""
        return self._markers.update([], header)


def interaction_figures(message: Hands, keepout: Mapping[str, np.ndarray]) -> list[Figure]:
    """What is shown of `message`; see `InteractionMarkers.update`."""
    figures: list[Figure] = []
    for hand in _first_of_each_side(message):
        figures += hand_figures(hand, keepout.get(SIDE_NAMES[hand.side]))
    for relation in message.relations[:1]:
        figures += relation_figures(relation)
    return figures


def hand_figures(hand: HandMsg, keepout: np.ndarray | None) -> list[Figure]:
    """What one hand does. keepout: (N,3) points of its keep-out surface, None: not known."""
    side = SIDE_NAMES[hand.side]
    joints = hand.joints.reshape(21, 3)
    palm = palm_of(hand)
    at, normal = palm.position, palm.normal
    outside, knob = at + APPROACH_LENGTH_M * normal, at + _NORMAL_LENGTH_M * normal
    figures = [
        arrow(f"{side}_normal", at, knob, NORMAL_COLOR),
        arrow(f"{side}_approach", outside, knob, APPROACH_COLOR),
        lines(f"{side}_aperture", joints[[_THUMB_TIP, _INDEX_TIP]], SIDE_COLORS[side]),
        text_line(f"{side}_text", joints[0], hand_text(hand)),
    ]
    if keepout is not None:
        figures.append(ellipsoid(f"{side}_keepout", enclosing_ellipsoid(keepout), SIDE_COLORS[side]))
    return figures


def relation_figures(relation: HandsRelation) -> list[Figure]:
    """The closest points of two hands, joined, and where they touch."""
    ends = np.array([xyz(end) for end in (relation.closest_right, relation.closest_left)])
    figures = [lines("closest_points", ends, CONTACT_COLOR if relation.distance <= 0 else NORMAL_COLOR)]
    if relation.contacts:
        touches = np.array([xyz(contact) for contact in relation.contacts])
        figures.append(balls("contacts", touches, CONTACT_COLOR))
    return figures


def hand_text(hand: HandMsg) -> str:
    """One line for a person: side, grasp, and opening in millimetres, always as long, so that it is written
    over in place.
    """
    grasp = GRASP_CLASSES[hand.grasp_class]
    return f"{SIDE_NAMES[hand.side]}: {grasp}, {1000 * hand.grasp_aperture:3.0f} mm"


def enclosing_ellipsoid(points: np.ndarray) -> Ellipsoid:
    """An ellipsoid that holds every point, along the principal axes of the points and in proportion to how
    far they reach along each.

    Args:
        points: (N,3).

    Returns:
        See `Ellipsoid`.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    _, axes = np.linalg.eigh(_moments(points))
    axes[:, 2] = cross(axes[:, 0], axes[:, 1])
    low, high = np.empty(3), np.empty(3)
    _extents(points, axes, low, high)
    center, radii = axes @ ((low + high) / 2), np.maximum((high - low) / 2, 1e-6)
    return center, axes, 2 * _reach(points, center, axes / radii) * radii


@exactly
def _moments(points):
    """The second moments (3, 3) about the mean, summed."""
    mean, moments = np.zeros(3), np.zeros((3, 3))
    for n in range(len(points)):
        for axis in range(3):
            mean[axis] += points[n, axis] / len(points)
    for n in range(len(points)):
        for i in range(3):
            for j in range(3):
                moments[i, j] += (points[n, i] - mean[i]) * (points[n, j] - mean[j])
    return moments


@exactly
def _extents(points, axes, low, high):
    """From where to where the points reach along each axis, a column of `axes`; low and high (3,) written."""
    low[:], high[:] = np.inf, -np.inf
    for n in range(len(points)):
        for axis in range(3):
            along = 0.0
            for k in range(3):
                along += points[n, k] * axes[k, axis]
            low[axis], high[axis] = min(low[axis], along), max(high[axis], along)


@exactly
def _reach(points, center, scaled_axes):
    """How far the farthest point is from the center, each axis (a column) in units of its radius."""
    farthest = 0.0
    for n in range(len(points)):
        square = 0.0
        for axis in range(3):
            along = 0.0
            for k in range(3):
                along += (points[n, k] - center[k]) * scaled_axes[k, axis]
            square += along * along
        farthest = max(farthest, square)
    return math.sqrt(farthest)


def rehearse() -> None:
    """Load what is compiled, or compile it now: the first hand need not wait for it."""
    enclosing_ellipsoid(np.eye(3))


def _first_of_each_side(message: Hands) -> list[HandMsg]:
    firsts = {hand.side: hand for hand in reversed(message.hands)}
    return list(firsts.values())
