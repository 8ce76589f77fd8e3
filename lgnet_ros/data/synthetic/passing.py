"""Two hands and one thing: one holds it, or both, or one takes what lies on the other."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.build import HandKit, PlacedHand
from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.data.synthetic.grasps import Grasp, sample_grasp
from lgnet_ros.data.synthetic.objects import Thing
from lgnet_ros.data.synthetic.orientation import sample_root
from lgnet_ros.data.synthetic.spheres import gap
from lgnet_ros.geometry.vectors import turn_about
from lgnet_ros.hand_model.topology import LEFT, RIGHT

Held = tuple[Thing, np.ndarray, np.ndarray]  # what, its rotation (3, 3), its place (3,)
_TRIES = 4
_Y = np.array([0.0, 1.0, 0.0])
_APART_M = 0.002
_HOLDS = 300
_RAD_PER_M = 200.0  # a centimetre in the giver's hand is worse than any turn


def sample_passing(
    rng: np.random.Generator, kits: tuple[HandKit, HandKit], thing: Thing, shape: np.ndarray
) -> tuple[list[PlacedHand], Held] | None:
    """Both hands on one thing, the right at one end, the left at the other; None where it is too short for
    two."""
    grasp = sample_grasp(rng, kits[RIGHT], thing, shape, along=1.0)
    right = kits[RIGHT].posed(grasp.angles, sample_root(rng, RIGHT), np.zeros(3), shape)
    turn, place = grasp.object_pose(right)
    for _ in range(_TRIES):
        other = sample_grasp(rng, kits[LEFT], thing, shape, along=-1.0)
        left = _holding(rng, kits[LEFT], thing, other, shape, turn, place)
        if gap(right.balls, right.radii, left.balls, left.radii) > _APART_M:
            return [right, left], (thing, turn, place)
    return None


def take_from(
    rng: np.random.Generator,
    kit: HandKit,
    thing: Thing,
    pose: tuple[np.ndarray, np.ndarray],
    giver: PlacedHand,
    root: np.ndarray,
) -> tuple[np.ndarray, PlacedHand]:
    """Joint angles (15, 3) and hand round a thing that lies on the giver's at a pose (rotation, place).

    Of many holds one that leaves room for the giver's hand and is turned nearly like `root` (3, 3).
    """
    best, least = None, np.inf
    for _ in range(_HOLDS):
        grasp = sample_grasp(rng, kit, thing, giver.shape, along=uniform(rng, -1.0, 1.0))
        hand = _holding(rng, kit, thing, grasp, giver.shape, *pose)
        turned_by = np.arccos(np.clip((np.trace(hand.posed.turned[0].T @ root) - 1) / 2, -1, 1))
        room = gap(hand.balls, hand.radii, giver.balls, giver.radii)
        oddness = turned_by + _RAD_PER_M * max(_APART_M - room, 0.0)
        if oddness < least:
            best, least = (grasp.angles, hand), oddness
    return best


def _holding(
    rng: np.random.Generator,
    kit: HandKit,
    thing: Thing,
    grasp: Grasp,
    shape: np.ndarray,
    turn: np.ndarray,
    place: np.ndarray,
) -> PlacedHand:
    """A hand that holds a thing which is at this pose, from any side of its axis, or of its corners."""
    about = uniform(rng, 0, 2 * np.pi) if thing.round_grip else rng.integers(4) * np.pi / 2
    if not thing.round_grip and thing.half[0] != thing.half[2]:
        about = rng.integers(2) * np.pi
    root, wrist = grasp.hand_root(turn @ turn_about(_Y, about), place)
    return kit.posed(grasp.angles, root, wrist, shape)


def holding_one_of(
    rng: np.random.Generator, pair: list[PlacedHand], side: int, thing: Thing
) -> tuple[list[PlacedHand], Held | None]:
    """The same two hands, but that one of them holds a thing, if the other leaves room for it."""
    hand, other = pair[side], pair[1 - side]
    grasp = sample_grasp(rng, hand.kit, thing, hand.shape)
    root = hand.posed.turned[0]
    new = hand.kit.posed(grasp.angles, root, hand.posed.chain[0], hand.shape)
    turn, place = grasp.object_pose(new)
    ball = (place[None].astype(np.float32), np.array([thing.radius], np.float32))
    free = gap(new.balls, new.radii, other.balls, other.radii) > _APART_M
    if not free or gap(*ball, other.balls, other.radii) < 0:
        return pair, None
    return ([new, other] if side == RIGHT else [other, new]), (thing, turn, place)
