"""How hands are held: named poses, blended and varied within anatomical limits."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.closing import first_free
from lgnet_ros.data.synthetic.posing import FastHand
from lgnet_ros.data.synthetic.spheres import SphereSet
from lgnet_ros.hand_model.anatomy import JOINT_LIMITS

# Rows of the angle array (15, 3), MANO's order of fingers.
_FINGER_ROWS = {"index": 0, "middle": 3, "little": 6, "ring": 9, "thumb": 12}
_FINGERS = ("index", "middle", "ring", "little")


def _pose(
    index: tuple[float, float, float],
    middle: tuple[float, float, float],
    ring: tuple[float, float, float],
    little: tuple[float, float, float],
    spread: float,
    thumb: tuple[float, float, float, float, float],
) -> np.ndarray:
    """(15, 3) rad from degrees: flexion of MCP, PIP, DIP per finger, spread at the MCPs, and the thumb's CMC
    flexion, CMC abduction, CMC twist, MCP flexion and IP flexion."""
    angles = np.zeros((15, 3))
    for name, flexion in zip(_FINGERS, (index, middle, ring, little), strict=True):
        row = _FINGER_ROWS[name]
        angles[row : row + 3, 0] = flexion
        angles[row, 1] = spread * {"index": 1.0, "middle": 0.1, "ring": 0.8, "little": 1.5}[name]
    angles[12] = thumb[:3]
    angles[13, 0], angles[14, 0] = thumb[3:]
    return np.deg2rad(angles)


_OPEN_THUMB, _SIDE_THUMB, _FOLDED_THUMB = (-8, 5, 0, -3, -5), (10, -8, 5, 8, 8), (26, 8, 18, 35, 42)
_OUT_THUMB, _OPPOSED_THUMB = (-18, 8, -5, -8, -10), (20, 18, 20, 22, 25)
_CURLED = (74, 95, 55)

POSES: dict[str, np.ndarray] = {
    "rest": _pose((22, 25, 12), (28, 30, 15), (32, 32, 16), (32, 30, 15), 2, (4, 4, 4, 8, 12)),
    "flat": _pose((2, 4, 2), (2, 4, 2), (2, 4, 2), (2, 4, 2), 0, _SIDE_THUMB),
    "spread": _pose((-6, 4, 2), (-4, 4, 2), (-4, 4, 2), (-6, 4, 2), 13, _OUT_THUMB),
    "open": _pose((4, 10, 5), (6, 12, 6), (8, 12, 6), (8, 12, 6), 6, _OPEN_THUMB),
    "fist": _pose(_CURLED, (80, 98, 58), (82, 98, 58), (80, 95, 55), -2, _FOLDED_THUMB),
    "point": _pose((4, 8, 4), (76, 95, 55), (80, 96, 56), (80, 94, 55), 0, _FOLDED_THUMB),
    "point_relaxed": _pose((12, 22, 12), (52, 62, 35), (60, 66, 38), (62, 62, 36), 1, (14, 4, 8, 18, 22)),
    "victory": _pose((0, 4, 2), (0, 4, 2), (80, 96, 56), (80, 94, 55), 10, _FOLDED_THUMB),
    "three": _pose((0, 4, 2), (0, 4, 2), (2, 6, 3), (80, 94, 55), 9, _FOLDED_THUMB),
    "four": _pose((0, 4, 2), (0, 4, 2), (0, 4, 2), (0, 4, 2), 7, (30, 6, 20, 45, 30)),
    "thumbs_up": _pose(_CURLED, (80, 98, 58), (82, 98, 58), (80, 95, 55), -2, (-18, -4, 0, -8, -12)),
    "call": _pose(_CURLED, (80, 98, 58), (80, 96, 56), (-2, 4, 2), 5, _OUT_THUMB),
    "horns": _pose((0, 4, 2), (80, 98, 58), (80, 98, 58), (2, 6, 3), 2, _FOLDED_THUMB),
    "pinch": _pose((53, 58, 27), (28, 32, 16), (22, 28, 14), (18, 24, 12), 3, (19, 18, 25, 14, 23)),
    "ring_sign": _pose((55, 59, 28), (6, 10, 5), (2, 8, 4), (-2, 6, 3), 6, (19, 20, 25, 16, 26)),
    "tripod": _pose((57, 54, 22), (52, 60, 29), (60, 66, 36), (62, 66, 36), 0, (23, 17, 23, 15, 21)),
    "five_tips": _pose((44, 36, 16), (48, 38, 18), (50, 38, 18), (48, 36, 16), -2, (22, 24, 22, 16, 20)),
    "lateral": _pose((48, 70, 38), (56, 74, 40), (60, 74, 40), (60, 72, 40), 0, (16, -6, 4, 14, 20)),
    "power": _pose((50, 56, 32), (56, 60, 34), (60, 62, 35), (62, 60, 34), 1, _OPPOSED_THUMB),
    "wide_grasp": _pose((26, 34, 18), (28, 36, 20), (30, 36, 20), (30, 34, 18), 7, (8, 22, 12, 8, 12)),
    "hook": _pose((8, 92, 55), (8, 95, 56), (8, 95, 56), (8, 92, 55), 0, _SIDE_THUMB),
    "claw": _pose((-8, 52, 36), (-8, 54, 38), (-8, 54, 38), (-8, 52, 36), 9, (0, 14, 4, 14, 34)),
    "tabletop": _pose((68, 8, 4), (70, 8, 4), (72, 8, 4), (70, 8, 4), 0, _SIDE_THUMB),
    "cupped": _pose((34, 18, 10), (36, 20, 10), (38, 20, 10), (38, 18, 10), 0, (8, 10, 8, 8, 10)),
    "typing": _pose((30, 38, 16), (32, 40, 18), (34, 40, 18), (32, 38, 16), 5, (4, 6, 6, 6, 10)),
}
_NAMES = tuple(POSES)
_COMMON = ("rest", "open", "flat", "point_relaxed", "power", "wide_grasp", "pinch", "cupped")
_ALLOWED_OVERLAP_M = 0.004
_OPENING = np.array([0.0, 0.12, 0.25, 0.4, 0.6, 0.8])
_LOW, _HIGH = np.ascontiguousarray(JOINT_LIMITS[..., 0]), np.ascontiguousarray(JOINT_LIMITS[..., 1])


def within_limits(angles: np.ndarray) -> np.ndarray:
    """(15, 3) angles, clipped to the anatomical ranges."""
    return np.minimum(np.maximum(angles, _LOW), _HIGH)


def sample_pose(rng: np.random.Generator, hand: FastHand, spheres: SphereSet) -> np.ndarray:
    """(15, 3) angles of a plausible hand whose fingers do not pass through one another.

    Two named poses blended finger by finger, with correlated noise; one in eight is drawn freely from the
    joint ranges, with the coupling that fingers have.
    """
    angles = _free_pose(rng) if rng.random() < 0.125 else _blended_pose(rng)
    return untangled(angles, hand, spheres)


def _blended_pose(rng: np.random.Generator) -> np.ndarray:
    pick = [
        _COMMON[rng.integers(len(_COMMON))] if rng.random() < 0.35 else _NAMES[rng.integers(len(_NAMES))]
        for _ in "ab"
    ]
    first, second = POSES[pick[0]], POSES[pick[1]]
    # Mostly near one of the two; fingers lag and lead one another a little.
    share = rng.beta(0.6, 0.6) + np.repeat(rng.normal(0, 0.1, 5), 3)[:, None]
    share = np.minimum(np.maximum(share, 0.0), 1.0)
    return within_limits(first + share * (second - first) + _noise(rng, 1.0))


_BEND, _SIDEWAYS = np.array([0.7, 1.0, 0.6]), np.array([3.0, 2.0])


def _noise(rng: np.random.Generator, strength: float) -> np.ndarray:
    """(15, 3) rad: fingers move together, then apart; PIP and DIP of a finger are coupled."""
    together, per_finger = 5.0 * rng.standard_normal(), 6.0 * rng.standard_normal((5, 1))
    own = rng.standard_normal((5, 5))
    noise = np.zeros((5, 3, 3))
    noise[:, :, 0] = (together + per_finger) * _BEND + 3.0 * own[:, :3]
    noise[:, 0, 1:] = own[:, 3:] * _SIDEWAYS
    noise[4, 0] += 5.0 * rng.standard_normal(3)
    return np.deg2rad(strength) * noise.reshape(15, 3)


def _free_pose(rng: np.random.Generator) -> np.ndarray:
    """Within the ranges; a DIP joint follows its PIP (tendons: about two thirds), neighbors resemble each
    other."""
    share = np.clip(rng.beta(0.8, 0.9) + rng.normal(0, 0.28, (15, 3)), 0, 1)
    angles = _LOW + share * (_HIGH - _LOW)
    for row in (0, 3, 6, 9):
        angles[row + 2, 0] = 0.62 * angles[row + 1, 0] + np.deg2rad(rng.normal(0, 5))
        angles[row, 1] *= np.cos(np.clip(angles[row, 0], 0, np.pi / 2))  # bent fingers cannot spread
    return within_limits(angles)


def untangled(angles: np.ndarray, hand: FastHand, spheres: SphereSet) -> np.ndarray:
    """The same pose, opened towards rest until no finger is deeper than 4 mm in another."""
    share = first_free(
        angles, POSES["open"], _OPENING, _ALLOWED_OVERLAP_M, hand.axes, hand.template_joints,
        spheres.template, spheres.carrier, spheres.radius, spheres.finger,
    )  # fmt: skip
    return angles + share * (POSES["open"] - angles)
