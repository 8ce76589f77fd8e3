"""Whole images of the size that `HandCenters` sees, and where in them hands are."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from lgnet_ros.data.augment import MIN_JOINTS_INSIDE, jittered_colors
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_sample
from lgnet_ros.geometry import box_around
from lgnet_ros.network.hand_centers import IMAGE_HEIGHT, IMAGE_WIDTH

_SIZE = np.array([IMAGE_WIDTH, IMAGE_HEIGHT])
# With fewer joints in sight, or smaller, a hand counts neither as one nor as none.
_LEAST_SEEN, _LEAST_PX = 4, 12.0
_ENLARGED = 0.6, 1.6
_SHOWN_A_HAND = 0.7  # of what is enlarged, how much moves towards a hand
# Most images are turned a little. Some are turned anyhow, for the hands of hanging arms, which point down.
_SMALL_TURN_RAD, _TURNED_ANYHOW = 0.2, 0.25

Packed = tuple[bytes, np.ndarray, np.ndarray]
"""JPEG, and the labels of `Labelled`."""


class Labelled(NamedTuple):
    """image (288, 384, 3) uint8 RGB. joints (2, 21, 2) px. seen (2,): how many of them; 0: no such hand."""

    image: np.ndarray
    joints: np.ndarray
    seen: np.ndarray


def rendered(seed: int, split: str, index: int) -> Packed:
    """One image of a split."""
    settings = SyntheticSettings(split=split, width=IMAGE_WIDTH, height=IMAGE_HEIGHT)
    sample = render_sample(seed, index, settings)
    _, content = cv2.imencode(".jpg", sample.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    joints = sample.intrinsics.project(sample.joints.astype(np.float64))
    return content.tobytes(), joints, sample.visibility.sum(axis=1) * sample.presence


def unpacked(packed: Packed) -> Labelled:
    """What `rendered` gave, to be looked at."""
    content, joints, seen = packed
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return Labelled(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), joints, seen)


def augmented(sample: Labelled, rng: np.random.Generator) -> Labelled:
    """Scaled by 0.6 to 1.6, turned, a little or anyhow, moved, mirrored half the time, recoloured."""
    zoom = math.exp(rng.uniform(*np.log(_ENLARGED)))
    anyhow = rng.random() < _TURNED_ANYHOW
    angle = rng.uniform(-math.pi, math.pi) if anyhow else rng.normal(0.0, _SMALL_TURN_RAD)
    middle, spare = (_SIZE - 1) / 2, max(0.0, 1 - 1 / zoom)
    source = middle + rng.uniform(-0.5, 0.5, 2) * _SIZE * spare
    there = np.flatnonzero(sample.seen)
    if len(there) and rng.random() < _SHOWN_A_HAND:
        hand = np.clip(sample.joints[rng.choice(there)].mean(axis=0), 0, _SIZE)
        source = source + (hand - source) * rng.random() * spare
    turn = zoom * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = np.column_stack([turn, middle - turn @ source])
    image = cv2.warpAffine(sample.image, matrix, (IMAGE_WIDTH, IMAGE_HEIGHT), flags=cv2.INTER_LINEAR)
    joints, seen = sample.joints @ turn.T + matrix[:, 2], sample.seen
    if rng.random() < 0.5:
        image, joints, seen = np.ascontiguousarray(image[:, ::-1]), joints[::-1].copy(), seen[::-1]
        joints[..., 0] = IMAGE_WIDTH - 1 - joints[..., 0]
    return Labelled(jittered_colors(image, rng, 0.7), joints, seen)


def can_be_found(joints: np.ndarray, seen: int) -> bool:
    """Whether a hand, joints (21, 2) px, is in the image, in sight and large enough to be asked for."""
    inside = ((joints >= 0) & (joints < _SIZE)).all(axis=1).sum()
    return inside >= MIN_JOINTS_INSIDE and seen >= _LEAST_SEEN and box_in_image(joints)[1] >= _LEAST_PX


def box_in_image(joints: np.ndarray) -> tuple[np.ndarray, float]:
    """Center (2,) and longer side, px, of the box around joints (21, 2) held inside the image."""
    return box_around(np.clip(joints, 0, _SIZE - 1), margin=1.0)
