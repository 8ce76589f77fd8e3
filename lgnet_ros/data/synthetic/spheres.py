"""A hand as some sixty balls on its bones: quick distances between hands and objects, and ambient occlusion.

The balls are fitted to the model's own template, so they suit the open hand and MANO alike.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lgnet_ros.data.synthetic.posing import FastHand, fast_hands
from lgnet_ros.geometry.vectors import length
from lgnet_ros.hand_model.topology import OURS_ROTATION
from lgnet_ros.jit import compiled, exactly

# In our joint order: (bone start, bone end, rotation that carries it); the palm hangs on the wrist.
_FINGER_BONES = [(f + k, f + k + 1) for f in (1, 5, 9, 13, 17) for k in range(3)]
_PALM_BONES = [(0, f) for f in (1, 5, 9, 13, 17)]
_ALONG_FINGER = (0.15, 0.5, 0.85)
_ALONG_PALM = (0.12, 0.34, 0.56, 0.78, 0.96)
_REFERENCE_BONE = (0, 9)  # wrist to middle MCP: its length scales radii and offsets with the shape


class SphereSet(NamedTuple):
    """Balls of one side in its unposed frame.

    Attributes:
        ends (K, 2): our joints between which the ball lies, at the share `along` (K,).
        carrier (K,): the rotation (MANO's order) that moves it.
        offset (K, 3), radius (K,): m, at the template's size.
        finger (K,): 0 palm, 1 thumb … 5 little.
        template (K, 3): the balls' centers in the template.
        reference: the template's wrist to middle MCP distance, m.
    """

    ends: np.ndarray
    along: np.ndarray
    carrier: np.ndarray
    offset: np.ndarray
    radius: np.ndarray
    finger: np.ndarray
    template: np.ndarray
    reference: float

    def rest(self, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centers (K, 3) and radii (K,) for the unposed joints (21, 3) of a shape."""
        scale = np.float32(length(joints[_REFERENCE_BONE[1]] - joints[_REFERENCE_BONE[0]]) / self.reference)
        centers = np.empty_like(self.template)
        _place_balls(joints, self.ends, self.along, self.offset, scale, centers)
        return centers, self.radius * scale

    def posed(
        self, centers: np.ndarray, rest: np.ndarray, turned: np.ndarray, chain: np.ndarray
    ) -> np.ndarray:
        """(K, 3) the balls' centers in a pose; rest, turned and chain as in `Posed` (MANO's order)."""
        result = np.empty_like(centers)
        move_balls(centers, self.carrier, rest, turned, chain, result)
        return result


@lru_cache(maxsize=4)
def sphere_sets(path: str | None = None) -> tuple[SphereSet, SphereSet]:
    """Balls of the right and left hand of the model at `path`."""
    right, left = fast_hands(path)
    return fit(right), fit(left)


def fit(hand: FastHand) -> SphereSet:
    """Balls whose radius is the flesh's distance from the bone, over the vertices that belong to that
    bone."""
    joints = hand.ours(hand.rest_joints(hand.template), hand.template)
    bones = _PALM_BONES + _FINGER_BONES
    owner, share = _nearest_bone(hand.template, joints, bones)
    rows = []
    for index, (start, end) in enumerate(bones):
        palm = start == 0
        steps = _ALONG_PALM if palm else _ALONG_FINGER
        mine = owner == index
        for step in steps:
            near = mine & (np.abs(share - step) < 0.3)
            if near.sum() < 4:
                continue
            center = joints[start] + step * (joints[end] - joints[start])
            offset, radius = _fit_ball(hand.template[near], center, joints[end] - joints[start])
            carrier = 0 if palm else OURS_ROTATION[start]
            rows.append(
                (
                    start,
                    end,
                    step,
                    carrier,
                    offset,
                    radius,
                    0 if palm else (start - 1) // 4 + 1,
                    center + offset,
                )
            )
    return SphereSet(
        np.array([row[:2] for row in rows], np.int32),
        np.array([row[2] for row in rows], np.float32),
        np.array([row[3] for row in rows], np.int32),
        np.array([row[4] for row in rows], np.float32),
        np.array([row[5] for row in rows], np.float32),
        np.array([row[6] for row in rows], np.int32),
        np.array([row[7] for row in rows], np.float32),
        float(np.linalg.norm(joints[_REFERENCE_BONE[1]] - joints[_REFERENCE_BONE[0]])),
    )


def _nearest_bone(
    points: np.ndarray, joints: np.ndarray, bones: list[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Index of each point's nearest bone, and where along it (0 to 1) its foot lies."""
    distance, along = [], []
    for start, end in bones:
        bone = joints[end] - joints[start]
        t = np.clip((points - joints[start]) @ bone / (bone @ bone), 0.0, 1.0)
        distance.append(np.linalg.norm(points - joints[start] - t[:, None] * bone, axis=1))
        along.append(t)
    owner = np.argmin(distance, axis=0)
    return owner, np.stack(along)[owner, np.arange(len(points))]


def _fit_ball(points: np.ndarray, center: np.ndarray, bone: np.ndarray) -> tuple[np.ndarray, float]:
    """Offset of the flesh's middle from the bone, across it, and the mean distance of the flesh from
    there."""
    direction = bone / np.linalg.norm(bone)
    across = points - center
    across = across - (across @ direction)[:, None] * direction
    offset = (across.max(axis=0) + across.min(axis=0)) / 2
    # The palm is flat: its balls take the thickness, the neighbor's ball the width.
    return offset, float(np.percentile(np.linalg.norm(across - offset, axis=1), 35))


@exactly
def _place_balls(joints, ends, along, offset, scale, centers):
    for k in range(centers.shape[0]):
        a, b = ends[k, 0], ends[k, 1]
        for c in range(3):
            centers[k, c] = joints[a, c] + (joints[b, c] - joints[a, c]) * along[k] + offset[k, c] * scale


@compiled
def move_balls(centers, carrier, rest, turned, chain, result):
    """Balls (K, 3) at rest, carried along by their joints' turns and places."""
    for k in range(centers.shape[0]):
        j = carrier[k]
        for i in range(3):
            value = chain[j, i]
            for c in range(3):
                value += turned[j, i, c] * (centers[k, c] - rest[j, c])
            result[k, i] = value


@compiled
def gap(a, radius_a, b, radius_b):
    """The least distance between the surfaces of two sets of balls; negative: they overlap by so much."""
    least = np.float32(1e9)
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            x, y, z = a[i, 0] - b[j, 0], a[i, 1] - b[j, 1], a[i, 2] - b[j, 2]
            distance = np.sqrt(x * x + y * y + z * z) - radius_a[i] - radius_b[j]
            least = min(least, distance)
    return least


def nearest_pair(
    a: np.ndarray, radius_a: np.ndarray, b: np.ndarray, radius_b: np.ndarray
) -> tuple[float, np.ndarray]:
    """The gap as above, and the unit vector (3,) along which the first set would leave the second soonest."""
    away = np.zeros(3, np.float32)
    return float(_nearest(a, radius_a, b, radius_b, away)), away


@compiled
def _nearest(a, radius_a, b, radius_b, away):
    least = np.float32(1e9)
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            x, y, z = a[i, 0] - b[j, 0], a[i, 1] - b[j, 1], a[i, 2] - b[j, 2]
            length = np.sqrt(x * x + y * y + z * z) + np.float32(1e-9)
            if length - radius_a[i] - radius_b[j] < least:
                least = length - radius_a[i] - radius_b[j]
                away[0], away[1], away[2] = x / length, y / length, z / length
    return least


@compiled
def self_gap(centers, radius, finger):
    """The least distance between balls of different fingers, of the outer two bones of each."""
    least = np.float32(1e9)
    for i in range(centers.shape[0]):
        for j in range(i):
            if finger[i] == finger[j] or finger[i] == 0 or finger[j] == 0:
                continue
            x, y, z = (
                centers[i, 0] - centers[j, 0],
                centers[i, 1] - centers[j, 1],
                centers[i, 2] - centers[j, 2],
            )
            least = min(least, np.sqrt(x * x + y * y + z * z) - radius[i] - radius[j])
    return least


def slide_to_contact(
    fixed: tuple[np.ndarray, np.ndarray],
    moving: tuple[np.ndarray, np.ndarray],
    direction: np.ndarray,
    target_gap: float,
    reach: float = 0.4,
) -> np.ndarray:
    """Moves a set of balls from far behind along `direction` until its gap to the fixed set is `target_gap`.

    Conservative advancement: a step as long as the gap cannot pass a contact.

    Args:
        fixed, moving: (centers (K, 3), radii (K,)), m.
        direction: (3,) unit vector of travel.
        reach: where it starts and how far past its place it may travel, m.

    Returns:
        (3,) the translation to apply to the moving set.
    """
    direction = direction.astype(np.float32)
    traveled = _slide(*fixed, *moving, direction, np.float32(target_gap), np.float32(reach))
    return direction * np.float32(traveled)


@compiled
def _slide(fixed, fixed_radii, moving, moving_radii, direction, target_gap, reach):
    traveled, moved = -reach, np.empty_like(moving)
    for _ in range(24):
        for i in range(moving.shape[0]):
            for c in range(3):
                moved[i, c] = moving[i, c] + direction[c] * traveled
        room = gap(moved, moving_radii, fixed, fixed_radii) - target_gap
        if room < np.float32(3e-4) or traveled > reach:
            break
        traveled += room
    return min(traveled, reach)
