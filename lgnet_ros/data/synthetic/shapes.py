"""Hands of human sizes: length spread as the design fixes it, the rest as the hand model has it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lgnet_ros.data.synthetic.posing import FastHand
from lgnet_ros.hand_model.topology import SHAPE_COUNT

LENGTH_SPREAD = 0.06  # one standard deviation of hand length over its mean
_TRUNCATED_AT = 2.5


def sample_shape(rng: np.random.Generator, hand: FastHand) -> np.ndarray:
    """(10,) float32 coefficients: standard normal, then corrected along the direction that changes the hand's
    length most, so that length is normal with 6 % whatever the model's own spread."""
    shape = np.minimum(np.maximum(rng.standard_normal(SHAPE_COUNT), -_TRUNCATED_AT), _TRUNCATED_AT)
    gradient = _length_gradient(hand)
    wanted = LENGTH_SPREAD * min(max(rng.standard_normal(), -_TRUNCATED_AT), _TRUNCATED_AT)
    shape += gradient * (wanted - gradient @ shape) / (gradient @ gradient)
    return shape.astype(np.float32)


@lru_cache(maxsize=8)
def _length_gradient(hand: FastHand) -> np.ndarray:
    """(10,) relative change of the wrist-to-middle-fingertip length per unit of each coefficient, at zero."""
    base = _length(hand, np.zeros(SHAPE_COUNT))
    return np.array([(_length(hand, row) - _length(hand, -row)) / (2 * base) for row in np.eye(SHAPE_COUNT)])


def _length(hand: FastHand, shape: np.ndarray) -> float:
    shaped = hand.shaped(shape)
    joints = hand.ours(hand.rest_joints(shaped), shaped)
    return float(np.linalg.norm(np.diff(joints[[0, 9, 10, 11, 12]], axis=0), axis=1).sum())
