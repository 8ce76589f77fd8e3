"""How large a person's hands are, and so how far: everything that is known put together in information form.

The state of a hand is its position τ at the network's own size and λ, the logarithm of its true size over
that. The wrist is at exp(λ) (τ + X_0). λ is known by its prior (a spread of 6 % over humans, or a stated hand
length), by an aligned depth image, and from the person's other hand, which is nearly the same size; the
network's relative translation ties the two hands' positions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from lgnet_ros.geometry.information import positive_inverse
from lgnet_ros.jit import exactly
from lgnet_ros.pipeline.placement import PlacementSettings, UnitHand

_STEPS = 2  # Gauss–Newton steps; the state starts within a few percent


@dataclass(frozen=True)
class DepthEvidence:
    """Surface points of one hand that a depth image measures.

    offsets_z: (N,) m, their z relative to the root-relative origin, at the network's own size.
    depths: (N,) m, as measured. std_m: of one of them; common_std_m: of all of them together.
    """

    offsets_z: np.ndarray
    depths: np.ndarray
    std_m: float
    common_std_m: float


@dataclass(frozen=True)
class Placement:
    """A hand in the camera's frame.

    position: (3,) m, where the root-relative origin is. scale: what root-relative joints and vertices are
    multiplied by. covariance: (3, 3) m², of the wrist joint, the size's uncertainty included. scale_source:
    see `SCALE_SOURCES`.
    """

    position: np.ndarray
    scale: float
    covariance: np.ndarray
    scale_source: str


@dataclass(frozen=True)
class PlacedHands:
    """placements: in the order of the hands. relative_covariance: (3, 3) m², of second wrist − first; 0 for
    one hand.
    """

    placements: list[Placement]
    relative_covariance: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))


def place(
    hands: list[UnitHand],
    settings: PlacementSettings,
    relative_translation: np.ndarray | None = None,
    depths: list[DepthEvidence | None] | None = None,
) -> PlacedHands:
    """Place one person's one or two hands in the camera's frame.

    relative_translation: (3,) m, second wrist − first as the network sees it, camera's axes; None if not
    known.
    depths: per hand, what a depth image measures of it.
    """
    depths = depths or [None] * len(hands)
    state, covariance = _solve(hands, settings, relative_translation, depths)
    states, scales = state.reshape(-1, 4), np.exp(state[3::4])
    jacobian = np.zeros((3 * len(hands), 4 * len(hands)))
    for k, hand in enumerate(hands):
        jacobian[3 * k : 3 * k + 3, 4 * k : 4 * k + 4] = _wrist_jacobian(states[k, :3], hand.wrist, scales[k])
    wrists = jacobian @ covariance @ jacobian.T
    placements = [
        Placement(
            position=scales[k] * states[k, :3],
            scale=float(scales[k]),
            covariance=wrists[3 * k : 3 * k + 3, 3 * k : 3 * k + 3],
            scale_source=hand.source if depths[k] is None else "depth",
        )
        for k, hand in enumerate(hands)
    ]
    if len(hands) < 2:
        return PlacedHands(placements)
    difference = np.hstack([-np.eye(3), np.eye(3)])
    return PlacedHands(placements, difference @ wrists @ difference.T)


def _solve(
    hands: list[UnitHand],
    settings: PlacementSettings,
    relative: np.ndarray | None,
    depths: list[DepthEvidence | None],
) -> tuple[np.ndarray, np.ndarray]:
    """State (4n,), (τ, λ) of each hand, and its covariance (4n, 4n)."""
    prior_mean = np.concatenate([[*hand.position, hand.log_scale] for hand in hands])
    prior = _prior_information(hands, settings)
    state = prior_mean.copy()
    for k, depth in enumerate(depths):
        if depth is not None:
            state[4 * k + 3] = np.log(np.median(depth.depths / (state[4 * k + 2] + depth.offsets_z)))
    for _ in range(_STEPS):
        information, pull = prior.copy(), prior @ (prior_mean - state)
        for k, depth in enumerate(depths):
            if depth is not None:
                block = slice(4 * k, 4 * k + 4)
                of_depth, pull_of_depth = _depth_measurement(state[block], depth)
                information[block, block] += of_depth
                pull[block] += pull_of_depth
        if relative is not None and len(hands) == 2:
            wrists, weight = (hands[0].wrist, hands[1].wrist), settings.errors.relative_std_m**-2
            _tie_wrists(state, *wrists, relative, weight, information, pull)
        covariance = positive_inverse(information)
        state = state + covariance @ pull
    return state, covariance


def _prior_information(hands: list[UnitHand], settings: PlacementSettings) -> np.ndarray:
    count = len(hands)
    information = np.zeros((4 * count, 4 * count))
    for k, hand in enumerate(hands):
        information[4 * k : 4 * k + 3, 4 * k : 4 * k + 3] = hand.information
    std = np.array([hand.log_scale_std for hand in hands])
    correlation = np.full((count, count), settings.same_size_correlation)
    np.fill_diagonal(correlation, 1.0)
    information[3::4, 3::4] = positive_inverse(np.outer(std, std) * correlation)
    return information


def _depth_measurement(state: np.ndarray, depth: DepthEvidence) -> tuple[np.ndarray, np.ndarray]:
    """Information (4, 4) and pull (4,) of exp(λ) (τ_z + X_z) = d, with an error that all points share."""
    scale = np.exp(state[3])
    expected = scale * (state[2] + depth.offsets_z)
    jacobian = np.zeros((len(expected), 4))
    jacobian[:, 2], jacobian[:, 3] = scale, expected
    # Times (σ² I + c² 1 1ᵀ)⁻¹, by Sherman and Morrison.
    share = depth.common_std_m**2 / (depth.std_m**2 + len(expected) * depth.common_std_m**2)
    weighted = (jacobian - share * jacobian.sum(axis=0)) / depth.std_m**2
    return weighted.T @ jacobian, weighted.T @ (depth.depths - expected)


@exactly
def _tie_wrists(state, first_wrist, second_wrist, relative, weight, information, pull):
    """Adds what wrist₂ − wrist₁ = r says of the state (8,), with that weight (1/m²) per axis, to information
    (8, 8) and pull (8,); r comes from the image and so scales with the hands.
    """
    scales = (math.exp(state[3]), math.exp(state[7]))
    row = np.zeros(8)
    for axis in range(3):
        first, second = state[axis] + first_wrist[axis], state[4 + axis] + second_wrist[axis]
        row[:] = 0.0
        row[axis], row[3] = -scales[0], -scales[0] * (first + relative[axis] / 2)
        row[4 + axis], row[7] = scales[1], scales[1] * (second - relative[axis] / 2)
        expected = scales[1] * second - scales[0] * first
        residual = (scales[0] + scales[1]) / 2 * relative[axis] - expected
        for i in range(8):
            pull[i] += weight * row[i] * residual
            for j in range(8):
                information[i, j] += weight * row[i] * row[j]


def _wrist_jacobian(unit: np.ndarray, wrist: np.ndarray, scale: float) -> np.ndarray:
    """(3, 4) derivative of the wrist exp(λ) (τ + X_0) by (τ, λ)."""
    return scale * np.column_stack([np.eye(3), unit + wrist])
