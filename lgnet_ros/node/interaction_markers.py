"""`~/interaction_markers`: what the hands do, as a robot programmer wants to see it.

Per hand: an arrow out of the palm, the arrow along which a robot would come, the opening between thumb and
index finger, the keep-out volume, and a line of text. Per pair of hands: the closest points and the
contacts. Made of primitives only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

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

    def update(self, message: Hands, keepout: Sequence[np.ndarray] | None) -> bytes:
        """A serialised MarkerArray of `message`; what is no longer there since the last is deleted.

        Args:
            message: the hands.
            keepout: per hand, (N,3) points of its keep-out surface; None: it is not shown.
        """
        return self._markers.update(interaction_figures(message, keepout), message.header)

    def cleared(self, header: Header) -> bytes:
        """A serialised MarkerArray that deletes whatever is still shown."""
        return self._markers.update([], header)


def interaction_figures(message: Hands, keepout: Sequence[np.ndarray] | None) -> list[Figure]:
    """What is shown of `message`; see `InteractionMarkers.update`."""
    figures: list[Figure] = []
    sides: Counter[str] = Counter()
    for number, hand in enumerate(message.hands):
        side = SIDE_NAMES[hand.side]
        name = _numbered(side, sides[side])
        figures += hand_figures(hand, name)
        if keepout is not None:
            outline = enclosing_ellipsoid(keepout[number])
            figures.append(ellipsoid(f"{name}_keepout", outline, SIDE_COLORS[side]))
        sides[side] += 1
    for number, relation in enumerate(message.relations):
        figures += relation_figures(relation, number)
    return figures


def hand_figures(hand: HandMsg, name: str) -> list[Figure]:
    """What one hand does. name: of the hand among others."""
    color = SIDE_COLORS[SIDE_NAMES[hand.side]]
    joints = hand.joints.reshape(21, 3)
    palm = palm_of(hand)
    at, normal = palm.position, palm.normal
    outside, knob = at + APPROACH_LENGTH_M * normal, at + _NORMAL_LENGTH_M * normal
    return [
        arrow(f"{name}_normal", at, knob, NORMAL_COLOR),
        arrow(f"{name}_approach", outside, knob, APPROACH_COLOR),
        lines(f"{name}_aperture", joints[[_THUMB_TIP, _INDEX_TIP]], color),
        text_line(f"{name}_text", joints[0], hand_text(hand)),
    ]


def relation_figures(relation: HandsRelation, number: int = 0) -> list[Figure]:
    """The closest points of two hands, joined, and where they touch. number: of the pair among others."""
    ends = np.array([xyz(end) for end in (relation.closest_right, relation.closest_left)])
    color = CONTACT_COLOR if relation.distance <= 0 else NORMAL_COLOR
    figures = [lines(_numbered("closest_points", number), ends, color)]
    if relation.contacts:
        touches = np.array([xyz(contact) for contact in relation.contacts])
        figures.append(balls(_numbered("contacts", number), touches, CONTACT_COLOR))
    return figures


def _numbered(name: str, number: int) -> str:
    """The first of them has the plain name: `right`, `right_1`, …."""
    return f"{name}_{number}" if number else name


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
