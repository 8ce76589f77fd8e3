"""Fingers round things: an object brought to an open hand, then the fingers closed until they touch it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.data.synthetic.build import HandKit, PlacedHand
from lgnet_ros.data.synthetic.closing import brought_up, close_fingers
from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.data.synthetic.objects import Thing
from lgnet_ros.data.synthetic.poses import POSES, within_limits
from lgnet_ros.geometry.vectors import cross, turn_about, unit
from lgnet_ros.hand_model.topology import LEFT

# Balls are a little thinner than the flesh.
_TOUCH_M = 0.0015


@dataclass(frozen=True)
class Grasp:
    """Joint angles (15, 3), and the object's pose in the hand's frame: turn (3, 3), place (3,) from the
    wrist."""

    angles: np.ndarray
    turn: np.ndarray
    place: np.ndarray

    def object_pose(self, hand: PlacedHand) -> tuple[np.ndarray, np.ndarray]:
        """The object's rotation and translation in the scene, held by a hand."""
        root = hand.posed.turned[0].astype(np.float64)
        return root @ self.turn, root @ self.place + hand.posed.chain[0]

    def hand_root(self, turn: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Root rotation and wrist (3,) of a hand that holds an object which is at this pose."""
        root = turn @ self.turn.T
        return root, place - root @ self.place


def sample_grasp(
    rng: np.random.Generator, kit: HandKit, thing: Thing, shape: np.ndarray, along: float | None = None
) -> Grasp:
    """A hold on a thing: in the fist, in the fingertips if it is thin, or flat on the palm.

    Args:
        along: where on its axis the hand grips it, as a share of its reach; None: anywhere.
    """
    thin = min(thing.half[0], thing.half[2]) < 0.02
    kind = rng.random()
    if along is None and kind < 0.15:
        return on_palm(rng, kit, thing, shape, ("flat", "cupped", "open")[rng.integers(3)])
    shift = thing.reach * (uniform(rng, -0.6, 0.6) if along is None else along)
    pinched = thin and kind < 0.5
    opened, closed, start = (_pinch if pinched else _fist)(rng, kit, shape)
    sign = -1.0 if kit.hand.side == LEFT else 1.0
    # The axis runs across the palm, towards the thumb's side, sometimes the other way up, always a little
    # oblique.
    tilt = rng.normal(0.25, 0.2)
    axis = np.array([-sign * np.sin(tilt), rng.normal(0, 0.1), np.cos(tilt)]) * (-1.0, 1.0)[rng.integers(2)]
    turn = _frame_along(axis, uniform(rng, 0, 2 * np.pi))
    place = start - turn[:, 1] * shift
    opened = within_limits(opened)
    if not pinched:
        place = _brought_up(kit, thing, shape, opened, turn, place)
    return Grasp(_closed(kit, thing, shape, opened, within_limits(closed), turn, place), turn, place)


def _fist(
    rng: np.random.Generator, kit: HandKit, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Open and closed angles, and a place before the palm, from the wrist, in the hand's frame."""
    joints = _rest(kit, shape)
    knuckles = joints[[1, 4, 10, 7]].mean(axis=0) - joints[0]
    opened = POSES["wide_grasp"] * uniform(rng, 0.3, 0.8)
    opened[12:] = POSES["wide_grasp"][12:]
    closed = POSES["fist"].copy()
    closed[12:] = POSES["power"][12:] * 1.6
    return opened, closed, knuckles * uniform(rng, 0.85, 1.0) + np.array([0.0, -0.12, 0.0])


def _pinch(
    rng: np.random.Generator, kit: HandKit, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `_fist`, between the fingertips."""
    name = ("pinch", "tripod", "five_tips")[rng.integers(3)]
    opened = POSES[name] * 0.7
    hand = kit.posed(POSES[name], np.eye(3), np.zeros(3), shape)
    middle = 0.5 * hand.posed.joints[4] + 0.25 * (hand.posed.joints[8] + hand.posed.joints[12])
    return opened, POSES[name] * 1.35, middle.astype(np.float64)


def on_palm(rng: np.random.Generator, kit: HandKit, thing: Thing, shape: np.ndarray, pose: str) -> Grasp:
    """Offered on the open hand, in a pose by its name."""
    angles = within_limits(POSES[pose])
    joints = _rest(kit, shape)
    palm = 0.75 * (joints[[1, 4, 10, 7]].mean(axis=0) - joints[0])
    axis = np.array([rng.normal(), rng.normal(0, 0.05), rng.normal()])
    turn = _frame_along(axis, 0.0)
    place = _brought_up(kit, thing, shape, angles, turn, palm + np.array([0.0, -0.15, 0.0]))
    return Grasp(angles, turn, place)


def _frame_along(axis: np.ndarray, about: float) -> np.ndarray:
    """(3, 3) with y along an axis and z as near the palm's normal as can be, turned about y."""
    y = unit(axis)
    z = np.array([0.0, -1.0, 0.0])
    z = unit(z - y * (z @ y))
    return np.array([cross(y, z), y, z]).T @ turn_about(np.array([0.0, 1.0, 0.0]), about)


def _rest(kit: HandKit, shape: np.ndarray) -> np.ndarray:
    return kit.grown(shape).joints.astype(np.float64)


def _brought_up(
    kit: HandKit, thing: Thing, shape: np.ndarray, angles: np.ndarray, turn: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """The place, moved along the palm's normal until the thing touches the hand: towards it, or out of it."""
    traveled = brought_up(
        kit.balls(angles, shape), kit.grown(shape).radii, kit.spheres.finger,
        *_grip(thing, turn, place), np.float32(_TOUCH_M),
    )  # fmt: skip
    return place + np.array([0.0, traveled, 0.0])


def _closed(
    kit: HandKit,
    thing: Thing,
    shape: np.ndarray,
    opened: np.ndarray,
    closed: np.ndarray,
    turn: np.ndarray,
    place: np.ndarray,
) -> np.ndarray:
    """Angles between open and closed: each finger's joints in turn, from base to tip, as far as nothing
    touches."""
    grown = kit.grown(shape)
    share = close_fingers(
        opened, closed, np.float32(_TOUCH_M), *_grip(thing, turn, place),
        kit.hand.axes, grown.joints, grown.balls, kit.spheres.carrier, grown.radii, kit.spheres.finger,
    )  # fmt: skip
    return opened + share[:, None] * (closed - opened)


def _grip(thing: Thing, turn: np.ndarray, place: np.ndarray) -> tuple:
    """A thing's grip and its pose, as the compiled loops take them."""
    turn = np.ascontiguousarray(turn, dtype=np.float32)
    return thing.half.astype(np.float32), thing.round_grip, turn, place.astype(np.float32)
