"""What hands do in clips, as key frames: facing the camera, in the camera frame (y down, z away), m and s."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lgnet_ros.data.synthetic.build import HandKit
from lgnet_ros.data.synthetic.carrying import Prop
from lgnet_ros.data.synthetic.grasps import Grasp
from lgnet_ros.data.synthetic.motion import KeyFrame
from lgnet_ros.data.synthetic.objects import Thing
from lgnet_ros.data.synthetic.orientation import root_from
from lgnet_ros.data.synthetic.passing import take_from
from lgnet_ros.data.synthetic.poses import POSES, untangled
from lgnet_ros.data.synthetic.spheres import slide_to_contact
from lgnet_ros.hand_model.topology import LEFT, RIGHT

_UP, _TO_CAMERA, _AWAY = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, 1.0])
Keys = list[KeyFrame]
HANDED_OVER_S = 3.4
_OFFERING = "open"


@dataclass(frozen=True)
class Stage:
    """Whose hands they are, and the chance that makes each clip a little different; in those of `PROPS`, what
    is carried, and how it lies on the giver's palm."""

    kits: tuple[HandKit, HandKit]
    shape: np.ndarray
    rng: np.random.Generator
    lying: tuple[Thing, Grasp] | None

    def key(
        self,
        side: int,
        time_s: float,
        pose: str,
        wrist: tuple[float, float, float],
        fingers: tuple[float, float, float] = (0.0, -1.0, 0.0),
        back: tuple[float, float, float] = (0.0, 0.0, 1.0),
        exact: bool = False,
    ) -> KeyFrame:
        """A key frame by a pose's name; unless `exact`, a centimetre and a few degrees off."""
        kit = self.kits[side]
        angles = untangled(POSES[pose], kit.hand, kit.spheres)
        loose = 0.0 if exact else 1.0
        direction = np.array(fingers) + loose * self.rng.normal(0, 0.06, 3)
        place = np.array(wrist) + loose * self.rng.normal(0, 0.01, 3)
        return KeyFrame(time_s, place, root_from(direction, np.array(back), 0.0, side), angles)


def wave(stage: Stage) -> tuple[Keys, Keys]:
    """The right hand waves, the left hangs in the picture's corner."""
    right = [stage.key(RIGHT, 0.0, "open", (-0.16, 0.10, 0.62))]
    for k in range(6):
        lean = 0.45 if k % 2 else -0.45
        right.append(
            stage.key(RIGHT, 1.0 + 0.5 * k, "spread", (-0.13 + 0.05 * lean, 0.03, 0.58), (lean, -1.0, 0.0))
        )
    right += [
        stage.key(RIGHT, 5.0, "open", (-0.16, 0.10, 0.62)),
        stage.key(RIGHT, 6.0, "open", (-0.16, 0.10, 0.62)),
    ]
    right[-1] = _again(right[0], 6.0)
    left = [
        stage.key(LEFT, t, "rest", (0.17, 0.15, 0.66), (0.1, -0.8, -0.5), (0.6, 0.0, 0.6)) for t in (0.0, 3.0)
    ]
    return right, [*left, _again(left[0], 6.0)]


def count(stage: Stage) -> tuple[Keys, Keys]:
    """The right hand counts to five, the left to two."""
    names = ("fist", "point", "victory", "three", "four", "spread")
    right = [stage.key(RIGHT, 1.0 * k, name, (-0.13, 0.06, 0.55)) for k, name in enumerate(names)]
    right += [_again(right[-1], 5.8), _again(right[0], 7.0)]
    left = [
        stage.key(LEFT, 2.3 * k, name, (0.14, 0.07, 0.58))
        for k, name in enumerate(("fist", "point", "victory"))
    ]
    return right, [*left, _again(left[0], 7.0)]


def reach(stage: Stage) -> tuple[Keys, Keys]:
    """The right hand reaches towards the camera, opens, closes and draws back; then the left."""
    tracks = []
    for side, start in ((RIGHT, 0.0), (LEFT, 4.0)):
        sign = -1.0 if side == RIGHT else 1.0
        home = ((sign * 0.17, 0.13, 0.72), (0.0, -0.75, -0.65), (sign * -0.2, -0.6, 0.75))
        out = ((sign * 0.04, 0.04, 0.44), (0.0, -0.35, -0.95), (-sign * 0.7, -0.7, 0.1))
        keys = [stage.key(side, 0.0, "rest", *home), stage.key(side, start + 0.4, "rest", *home)]
        keys += [
            stage.key(side, start + 1.8, "wide_grasp", *out),
            stage.key(side, start + 2.4, "power", *out),
        ]
        keys += [stage.key(side, start + 3.8, "rest", *home), stage.key(side, 8.2, "rest", *home)]
        keys[-1] = _again(keys[0], 8.4)
        tracks.append(keys)
    return tracks[0], tracks[1]


def take(stage: Stage) -> tuple[Keys, Keys]:
    """Both hands come forward with open palms, close together round something wide, and lift it."""
    tracks = []
    for side in (RIGHT, LEFT):
        sign = -1.0 if side == RIGHT else 1.0
        low = ((sign * 0.2, 0.16, 0.72), (0.0, -0.8, -0.6), (sign * 0.8, -0.4, 0.3))
        wide = ((sign * 0.16, 0.10, 0.55), (0.0, -0.7, -0.7), (sign * 1.0, -0.2, 0.0))
        closed = ((sign * 0.105, 0.09, 0.55), (-sign * 0.15, -0.7, -0.7), (sign * 1.0, -0.2, 0.0))
        lifted = ((sign * 0.105, -0.01, 0.58), (-sign * 0.15, -0.8, -0.55), (sign * 1.0, -0.2, 0.0))
        moves = (
            (0.0, "rest", low),
            (1.4, "wide_grasp", wide),
            (2.2, "cupped", closed),
            (3.6, "cupped", lifted),
        )
        keys = [stage.key(side, t, pose, *place) for t, pose, place in moves]
        keys += [stage.key(side, 5.0, "cupped", *closed), stage.key(side, 5.7, "wide_grasp", *wide)]
        tracks.append([*keys, _again(keys[0], 7.2)])
    return tracks[0], tracks[1]


def hand_over(stage: Stage) -> tuple[Keys, Keys]:
    """The right hand comes with a thing on its palm and offers it, the left takes it and leaves."""
    offer = ((-0.06, 0.10, 0.52), (0.55, -0.25, -0.6), (0.0, 1.0, 0.15))
    away_r = ((-0.28, 0.62, 0.66), (0.4, -0.4, -0.6), (0.0, 1.0, 0.15))
    away_l = ((0.3, 0.62, 0.66), (-0.5, 0.1, -0.6), (0.1, -0.8, -0.4))
    right = [stage.key(RIGHT, 0.0, "cupped", *away_r), stage.key(RIGHT, 1.4, _OFFERING, *offer, exact=True)]
    right += [stage.key(RIGHT, t, _OFFERING, *offer, exact=True) for t in (2.6, HANDED_OVER_S)]
    right += [stage.key(RIGHT, 4.4, _OFFERING, *offer), stage.key(RIGHT, 5.8, "rest", *away_r)]
    left = [stage.key(LEFT, t, "rest", *away_l) for t in (0.0, 0.9)]
    offered = right[1]
    giver = stage.kits[RIGHT].posed(offered.angles, offered.root, offered.wrist, stage.shape)
    thing, lies = stage.lying
    from_above = root_from(np.array([-0.8, 0.5, -0.2]), np.array([0.1, -0.8, -0.4]), 0.0, LEFT)
    closed, taker = take_from(stage.rng, stage.kits[LEFT], thing, lies.object_pose(giver), giver, from_above)
    root, grip = taker.posed.turned[0].astype(np.float64), taker.posed.chain[0].astype(np.float64)
    opened, above = POSES["wide_grasp"], grip + 0.06 * root[:, 1] + 0.03 * _UP
    beside = np.array([0.14, -0.02, 0.0])  # comes and goes on its own side, not through the other hand
    left += [
        KeyFrame(1.8, above + beside, root, opened),
        KeyFrame(2.4, above, root, opened),
        KeyFrame(3.0, grip + 0.01 * root[:, 1], root, opened),
        KeyFrame(HANDED_OVER_S, grip, root, closed),
        KeyFrame(3.6, grip, root, closed),
        KeyFrame(4.2, grip + 0.06 * _UP, root, closed),
        KeyFrame(4.7, grip + 0.06 * _UP + beside, root, closed),
    ]
    gone = stage.key(LEFT, 5.6, "rest", *away_l)
    left += [KeyFrame(gone.time_s, gone.wrist, gone.root, closed)]
    return [*right, _again(right[0], 6.2)], [*left, _again(left[0], 6.2)]


def clasp(stage: Stage) -> tuple[Keys, Keys]:
    """Palms meet, slide on each other, and part."""
    angles = "flat"
    fingers = {RIGHT: (0.12, -0.95, -0.25), LEFT: (-0.12, -0.95, -0.25)}
    back = {RIGHT: (-1.0, 0.0, 0.0), LEFT: (1.0, 0.0, 0.0)}
    place = np.array([0.0, 0.08, 0.55])
    hands = []
    for side in (RIGHT, LEFT):
        frame = stage.key(side, 0.0, angles, tuple(place), fingers[side], back[side], exact=True)
        hands.append(stage.kits[side].posed(frame.angles, frame.root, frame.wrist, stage.shape))
    # How far the left palm stops short of the right one's place.
    shift = slide_to_contact(
        (hands[0].balls, hands[0].radii), (hands[1].balls, hands[1].radii), np.array([-1.0, 0.0, 0.0]), 0.003
    )
    gap = float(shift[0]) / 2
    tracks = []
    for side in (RIGHT, LEFT):
        sign = -1.0 if side == RIGHT else 1.0
        home = tuple(place + [sign * 0.17, 0.05, 0.08])
        meet = place + [sign * gap, 0.0, 0.0]
        up, down = tuple(meet + [0, -0.012 * sign, 0]), tuple(meet + [0, 0.012 * sign, 0])
        near = tuple(meet + [sign * 0.05, 0.0, 0.0])
        moves = (
            (1.6, near),
            (2.2, tuple(meet)),
            (2.8, up),
            (3.4, down),
            (4.0, up),
            (4.6, tuple(meet)),
            (5.2, near),
        )
        keys = [stage.key(side, 0.0, "rest", home, (0.0, -0.9, -0.4), (sign * 0.7, 0.0, 0.5))]
        keys += [
            stage.key(side, t, angles, where, fingers[side], back[side], exact=True) for t, where in moves
        ]
        tracks.append([*keys, _again(keys[0], 6.8)])
    return tracks[0], tracks[1]


def cross(stage: Stage) -> tuple[Keys, Keys]:
    """The hands pass in front of each other and back: the nearer one hides the other for a moment."""
    tracks = []
    for side, z in ((RIGHT, 0.47), (LEFT, 0.66)):
        sign = -1.0 if side == RIGHT else 1.0
        here, there = (sign * 0.16, 0.08, z), (-sign * 0.12, 0.06, z)
        first, second = ("open", "spread") if side == RIGHT else ("flat", "point")
        keys = [
            stage.key(side, 0.0, first, here),
            stage.key(side, 2.0, second, there, (-sign * 0.3, -1.0, 0.0)),
        ]
        keys += [
            stage.key(side, 2.8, second, there, (-sign * 0.3, -1.0, 0.0)),
            stage.key(side, 4.8, first, here),
        ]
        tracks.append([*keys, _again(keys[0], 5.6)])
    return tracks[0], tracks[1]


def leave_and_return(stage: Stage) -> tuple[Keys, Keys]:
    """One hand after the other leaves the picture and comes back; for a while none is there."""
    tracks = []
    for side, leave, back in ((RIGHT, 1.0, 6.0), (LEFT, 3.0, 5.0)):
        sign = -1.0 if side == RIGHT else 1.0
        here, gone = (sign * 0.13, 0.07, 0.6), (sign * 0.25, 0.75, 0.7)
        keys = [stage.key(side, t, "open" if side == RIGHT else "point_relaxed", here) for t in (0.0, leave)]
        keys += [stage.key(side, leave + 1.0, "rest", gone), stage.key(side, back, "rest", gone)]
        keys += [stage.key(side, back + 1.0, "spread", here)]
        tracks.append([*keys, _again(keys[0], 8.0)])
    return tracks[0], tracks[1]


def _again(key: KeyFrame, time_s: float) -> KeyFrame:
    """The same at another time: how a loop closes."""
    return KeyFrame(time_s, key.wrist, key.root, key.angles)


CHOREOGRAPHIES: dict[str, Callable[[Stage], tuple[Keys, Keys]]] = {
    "wave": wave,
    "reach": reach,
    "hand_over": hand_over,
    "take": take,
    "clasp": clasp,
    "count": count,
    "cross": cross,
    "leave_and_return": leave_and_return,
}

# What is carried in a clip: on whose palm it lies, and when the other hand takes it.
PROPS = {"hand_over": Prop(RIGHT, _OFFERING, HANDED_OVER_S)}
