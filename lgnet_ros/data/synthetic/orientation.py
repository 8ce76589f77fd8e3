"""Which way hands point in a robot's camera, and where the elbow is."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from lgnet_ros.data.synthetic.arms import Arm
from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.geometry.vectors import cross, length, unit
from lgnet_ros.hand_model.topology import LEFT
from lgnet_ros.jit import compiled

# How robots see people (camera frame, y down, z away): the share, the direction from wrist to elbow (None:
# along the image), and the direction from elbow to shoulder.
VIEWPOINTS = {
    "facing": (0.35, (0.0, 0.75, 0.55), (0.0, -0.55, 0.85)),
    "egocentric": (0.3, (0.0, 0.65, -0.55), (0.0, 0.1, -1.0)),
    "above": (0.35, None, (0.0, 0.0, -0.7)),
}
_NAMES = list(VIEWPOINTS)
_SHARES = list(accumulate(share for share, _, _ in VIEWPOINTS.values()))[:-1]
_WITHIN_UPRIGHT = 0.6
_WRIST_BEND = np.array([0.45, 0.2])  # rad, one standard deviation of flexion and deviation
_ALONG_IMAGE = np.zeros(3)


class Viewpoint(NamedTuple):
    """name: a key of VIEWPOINTS; elbow: (3,) preferred direction from the wrist to the elbow, or None for
    any that runs along the image; shoulder: (3,) direction in which the shoulders lie from the elbows."""

    name: str
    elbow: np.ndarray | None
    shoulder: np.ndarray


def sample_viewpoint(rng: np.random.Generator) -> Viewpoint:
    """Facing a person, over their shoulder, or from above a table."""
    name = _NAMES[bisect(_SHARES, rng.random())]
    _, elbow, shoulder = VIEWPOINTS[name]
    return Viewpoint(name, None if elbow is None else np.array(elbow), np.array(shoulder))


def sample_root(rng: np.random.Generator, side: int) -> np.ndarray:
    """(3, 3) a hand's orientation in the camera frame.

    In 60 %, the fingers are within 90° of upright in the image, leaning towards or away from the camera by
    some 25° (1 σ), and the hand shows palm, back or an edge; the rest is anywhere.
    """
    if rng.random() >= _WITHIN_UPRIGHT:
        return random_rotation(rng)
    in_image, lean = uniform(rng, -np.pi / 2, np.pi / 2), rng.normal(0.0, 0.45)
    fingers = np.array([np.sin(in_image) * np.cos(lean), -np.cos(in_image) * np.cos(lean), np.sin(lean)])
    turn = np.pi * rng.integers(2) + rng.normal(0.0, 0.9)  # about the fingers: 0 shows the back, π the palm
    return root_from(fingers, np.array([0.0, 0.0, -1.0]), turn, side)


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """(3, 3) uniform over all rotations: a normal quaternion (xyzw) has no preferred direction."""
    x, y, z, w = (q := rng.standard_normal(4)) / np.sqrt(q @ q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def root_from(fingers: np.ndarray, back: np.ndarray, turn: float, side: int) -> np.ndarray:
    """(3, 3) the rotation that points the fingers along a unit vector, and the back as nearly as can be along
    another, then turned about the fingers by `turn` rad."""
    fingers = unit(fingers)
    back = back - fingers * (back @ fingers)
    if length(back) < 1e-6:
        back = cross(fingers, np.array([0.6, 0.64, 0.48]))
    back = unit(back)
    along = fingers if side == LEFT else -fingers  # the template's x axis
    third = cross(along, back)
    # Rodrigues: a frame turned about its own x axis only mixes the other two.
    cosine, sine = np.cos(turn), np.sin(turn) * (1.0 if side == LEFT else -1.0)
    return np.array([along, cosine * back + sine * third, cosine * third - sine * back]).T


def sample_arm(rng: np.random.Generator, root: np.ndarray, side: int, view: Viewpoint) -> Arm:
    """An arm for a hand: of some wrist bends that people make, the one that suits the view best."""
    bends = rng.standard_normal((10, 2)) * _WRIST_BEND
    elbow = _ALONG_IMAGE if view.elbow is None else unit(view.elbow)
    local, sign = np.empty(3), -1.0 if side == LEFT else 1.0
    _best_bend(bends, sign, root.astype(np.float64), elbow, local)
    return arm_along(unit(local), view.shoulder)


@compiled
def _best_bend(bends, sign, root, elbow, best):
    """Of bends (K, 2) [flexion, deviation], the forearm (3,) in the scene that lies best and bends least.

    In the template the forearm runs along +x (right); flexed, it turns about z, deviated, about y. elbow
    (3,): where it should point; all zero: along the image.
    """
    least = 1e9
    along_image = elbow[0] == 0 and elbow[1] == 0 and elbow[2] == 0
    for k in range(bends.shape[0]):
        flexion, deviation = bends[k, 0], bends[k, 1]
        x, y, z = sign * np.cos(flexion) * np.cos(deviation), np.sin(flexion), np.sin(deviation)
        u = root[0, 0] * x + root[0, 1] * y + root[0, 2] * z
        v = root[1, 0] * x + root[1, 1] * y + root[1, 2] * z
        w = root[2, 0] * x + root[2, 1] * y + root[2, 2] * z
        cost = abs(w + 0.15) if along_image else -(u * elbow[0] + v * elbow[1] + w * elbow[2])
        cost += 0.25 * (flexion**2 / 0.9 + deviation**2 / 0.2)
        if cost < least:
            least, best[0], best[1], best[2] = cost, u, v, w


def arm_along(forearm: np.ndarray, shoulder: np.ndarray) -> Arm:
    """An arm with a given forearm whose elbow bends towards the shoulder's direction."""
    upper = 0.45 * forearm + shoulder
    return Arm(forearm.astype(np.float32), unit(upper).astype(np.float32))
