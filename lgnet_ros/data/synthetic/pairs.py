"""Two hands together: near, touching, folded into one another."""

from __future__ import annotations

from math import log

import numpy as np

from lgnet_ros.data.synthetic.build import HandKit, PlacedHand
from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.data.synthetic.orientation import root_from, sample_root
from lgnet_ros.data.synthetic.poses import POSES, sample_pose, untangled, within_limits
from lgnet_ros.data.synthetic.spheres import gap, slide_to_contact
from lgnet_ros.geometry.vectors import length, turn_about, turn_by, unit
from lgnet_ros.hand_model.topology import LEFT, RIGHT

_IN_CONTACT = 1.0 / 3.0
# The balls are a little thinner than the flesh: touching balls would mean flesh some millimetres deep in
# flesh.
_TOUCH_M = 0.002
_SETTLED = ("palms", "stacked", "tips", "folded", "anyhow")


def sample_pair(
    rng: np.random.Generator, kits: tuple[HandKit, HandKit], root: np.ndarray, shape: np.ndarray
) -> list[PlacedHand]:
    """Two interacting hands about the origin: a third in contact or interlocked, the rest within a few
    centimetres.

    Args:
        root: (3, 3) orientation of the right hand.
    """
    touching = rng.random() < _IN_CONTACT
    kind = _SETTLED[rng.integers(len(_SETTLED))] if touching or rng.random() < 0.5 else "anyhow"
    target = _TOUCH_M if touching else float(np.exp(uniform(rng, log(0.004), log(0.06))))
    if kind == "folded":
        return _folded(rng, kits, root, shape, target if not touching else 0.0005)
    if kind == "anyhow":
        return _anyhow(rng, kits, root, shape, target)
    return _facing(rng, kits, root, shape, target, kind)


def sample_apart(
    rng: np.random.Generator, kits: tuple[HandKit, HandKit], shape: np.ndarray, mirrored: bool
) -> list[PlacedHand]:
    """Two hands beside each other, 0.15 to 0.5 m between them; `mirrored`: of a person who faces the
    camera."""
    hands = []
    for side in (RIGHT, LEFT):
        angles = sample_pose(rng, kits[side].hand, kits[side].spheres)
        hands.append(kits[side].posed(angles, sample_root(rng, side), np.zeros(3), shape))
    outward = -1.0 if mirrored else 1.0
    if rng.random() < 0.12:
        outward = -outward  # arms crossed
    between = np.array([outward * uniform(rng, 0.15, 0.5), rng.normal(0, 0.06), rng.normal(0, 0.08)])
    right, left = hands[0].shifted(between / 2), hands[1].shifted(-between / 2)
    free = 0.012 - gap(right.balls, right.radii, left.balls, left.radii)
    if free > 0:
        right = right.shifted(unit(between) * (free + 0.01))
    return [right, left]


def _facing(
    rng: np.random.Generator,
    kits: tuple[HandKit, HandKit],
    root: np.ndarray,
    shape: np.ndarray,
    target: float,
    kind: str,
) -> list[PlacedHand]:
    """Palm to palm, palm on back, or fingertip to fingertip."""
    fingers, back = -root[:, 0], root[:, 1]
    names = {
        "palms": ("flat", "open", "cupped"),
        "stacked": ("flat", "rest", "power"),
        "tips": ("five_tips", "cupped", "open"),
    }
    right = _posed(rng, kits[RIGHT], names[kind], root, shape)
    if kind == "palms":
        about, facing, travel = rng.normal(0, 0.35) + (0.0, 0.0, 1.2, -1.2)[rng.integers(4)], -back, back
    elif kind == "stacked":
        about, facing, travel = rng.normal(0, 0.5) + (0.0, 1.4, -1.4)[rng.integers(3)], back, -back
    else:
        about, facing, travel = np.pi + rng.normal(0, 0.3), -back if rng.random() < 0.5 else back, -fingers
    turned = turn_about(back, about) @ fingers
    left_root = root_from(turned, facing, 0.0, LEFT) @ turn_by(rng.normal(0, 0.15, 3))
    left = _posed(rng, kits[LEFT], names[kind], left_root, shape)
    # Middle over middle, then a little beside.
    beside = rng.normal(0, 0.02, 3)
    offset = right.balls.mean(axis=0) - left.balls.mean(axis=0) + beside - travel * (beside @ travel)
    left = left.shifted(offset)
    return [right, _slid(right, left, travel, target)]


def _folded(
    rng: np.random.Generator,
    kits: tuple[HandKit, HandKit],
    root: np.ndarray,
    shape: np.ndarray,
    target: float,
) -> list[PlacedHand]:
    """Interlocked: palms face each other, fingers bent towards the other palm pass between the other's
    fingers."""
    bend = np.deg2rad(uniform(rng, 28, 55))
    angles = POSES["spread"] * uniform(rng, 0.5, 1.0)
    for row in (0, 3, 6, 9):
        angles[row : row + 3, 0] = bend, bend * uniform(rng, 0.3, 0.9), bend * 0.3
    angles[12:] = POSES["open"][12:]
    noise = np.deg2rad(2.0)
    right, left = (
        kits[side].posed(within_limits(angles + rng.normal(0, noise, (15, 3))), turn, np.zeros(3), shape)
        for side, turn in (
            (RIGHT, root),
            (LEFT, root_from(-root[:, 0], -root[:, 1], rng.normal(0, 0.08), LEFT)),
        )
    )
    # Half a finger's pitch aside, so that fingers meet gaps.
    pitch = length(right.posed.joints[5] - right.posed.joints[9])
    aside = root[:, 2] * pitch * (-0.5, 0.5)[rng.integers(2)] + root[:, 0] * rng.normal(0.0, 0.006)
    left = left.shifted(
        right.posed.joints[[5, 9, 13, 17]].mean(0) - left.posed.joints[[5, 9, 13, 17]].mean(0) + aside
    )
    return [right, _slid(right, left, root[:, 1], target)]


def _anyhow(
    rng: np.random.Generator,
    kits: tuple[HandKit, HandKit],
    root: np.ndarray,
    shape: np.ndarray,
    target: float,
) -> list[PlacedHand]:
    """Any two poses at any angle, the left brought up from any direction."""
    right = kits[RIGHT].posed(
        sample_pose(rng, kits[RIGHT].hand, kits[RIGHT].spheres), root, np.zeros(3), shape
    )
    angles = sample_pose(rng, kits[LEFT].hand, kits[LEFT].spheres)
    left = kits[LEFT].posed(angles, sample_root(rng, LEFT), np.zeros(3), shape)
    travel = rng.normal(0, 1, 3) * [1.0, 0.8, 0.5]
    travel = unit(travel)
    left = left.shifted(right.balls.mean(axis=0) - left.balls.mean(axis=0) + rng.normal(0, 0.025, 3))
    return [right, _slid(right, left, travel, target)]


def _posed(
    rng: np.random.Generator, kit: HandKit, names: tuple[str, ...], root: np.ndarray, shape: np.ndarray
) -> PlacedHand:
    angles = within_limits(POSES[names[rng.integers(len(names))]] + np.deg2rad(rng.normal(0, 3.0, (15, 3))))
    return kit.posed(untangled(angles, kit.hand, kit.spheres), root, np.zeros(3), shape)


def _slid(right: PlacedHand, left: PlacedHand, travel: np.ndarray, target: float) -> PlacedHand:
    return left.shifted(
        slide_to_contact((right.balls, right.radii), (left.balls, left.radii), travel, target)
    )
