"""The temporal filter on simulated signals: jitter at rest, lag in motion, and stamps that misbehave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgnet_ros.pipeline.filters import FilterSettings, HandFilter, HandState, OneEuro, OneEuroRotations

RATE = 30.0
NOISE_M = 0.004  # per axis: the noise that the filter's documentation states


def state(wrist: np.ndarray, rotations: np.ndarray | None = None) -> HandState:
    rotations = np.tile(np.eye(3), (16, 1, 1)) if rotations is None else rotations
    surface = np.random.default_rng(0).uniform(-0.1, 0.1, (778, 3)) @ rotations[0].T
    return HandState(np.asarray(wrist, dtype=float), rotations, surface, np.zeros(10), 1.0)


def wrists(positions: np.ndarray, settings: FilterSettings | None = None) -> tuple[np.ndarray, HandFilter]:
    hand = HandFilter(settings or FilterSettings())
    return np.array([hand.update(state(p), k / RATE).wrist for k, p in enumerate(positions)]), hand


def test_a_still_hand_jitters_less_than_two_millimetres() -> None:
    noisy = np.random.default_rng(0).normal([0.1, 0, 0.6], NOISE_M, (900, 3))
    filtered, _ = wrists(noisy)
    settled = filtered[60:] - filtered[60:].mean(axis=0)
    assert np.sqrt((settled**2).sum(axis=1).mean()) < 0.002


def test_a_hand_at_half_a_metre_a_second_lags_less_than_thirty_milliseconds() -> None:
    time = np.arange(90) / RATE
    path = np.stack([0.5 * time, 0 * time, 0 * time + 0.6], axis=1)
    noisy = path + np.random.default_rng(1).normal(0, NOISE_M, path.shape)
    filtered, hand = wrists(noisy)
    lag = ((path - filtered)[60:, 0] / 0.5).mean()
    assert 0 < lag < 0.030
    assert lag == pytest.approx(hand.lag_s, abs=0.006)


def test_velocity_is_that_of_the_motion() -> None:
    time = np.arange(90) / RATE
    turning = Rotation.from_rotvec(np.outer(time, [0, 0, 1.5]))
    hand = HandFilter(FilterSettings())
    for t, wrist_rotation in zip(time, turning, strict=True):
        rotations = np.tile(np.eye(3), (16, 1, 1))
        rotations[0] = (wrist_rotation * Rotation.from_euler("x", 0.7)).as_matrix()
        hand.update(state([0.3 * t, -0.2 * t, 0.6], rotations), t)
    np.testing.assert_allclose(hand.velocity, [0.3, -0.2, 0, 0, 0, 1.5], atol=0.01)


def test_the_first_frame_passes_unchanged() -> None:
    first = state([0.1, 0.2, 0.5])
    assert HandFilter(FilterSettings()).update(first, 12.0) is first


def test_a_repeated_stamp_gives_the_last_answer_again() -> None:
    hand = HandFilter(FilterSettings())
    hand.update(state([0, 0, 0.5]), 0.0)
    before = hand.update(state([0.01, 0, 0.5]), 1 / RATE)
    assert hand.update(state([9, 9, 9]), 1 / RATE) is before
    assert np.isfinite(hand.velocity).all()


@pytest.mark.parametrize("stamp", [-5.0, 0.0, 2.0], ids=["back", "a little back", "far ahead"])
def test_a_stamp_that_jumps_starts_afresh(stamp: float) -> None:
    hand = HandFilter(FilterSettings())
    hand.update(state([0, 0, 0.5]), 0.5)
    hand.update(state([0.01, 0, 0.5]), 0.53)
    np.testing.assert_array_equal(hand.update(state([0.3, 0, 0.9]), stamp).wrist, [0.3, 0, 0.9])
    np.testing.assert_array_equal(hand.velocity, np.zeros(6))


def test_turned_off_it_hands_raw_values_through_and_still_knows_the_velocity() -> None:
    path = np.outer(np.arange(60) / RATE, [0.4, 0, 0])
    filtered, hand = wrists(path, FilterSettings(enabled=False))
    np.testing.assert_array_equal(filtered, path)
    assert hand.velocity[0] == pytest.approx(0.4, abs=0.01)
    assert hand.lag_s == 0


def test_a_turning_hand_keeps_its_shape() -> None:
    hand = HandFilter(FilterSettings())
    for k in range(60):
        rotations = np.tile(np.eye(3), (16, 1, 1))
        rotations[0] = Rotation.from_rotvec([0, 0.1 * k, 0]).as_matrix()
        filtered = hand.update(state([0, 0, 0.5], rotations), k / RATE)
    own_axes = filtered.surface @ filtered.rotations[0]
    np.testing.assert_allclose(own_axes, state([0, 0, 0.5]).surface, atol=1e-9)


def test_rotations_stay_rotations_and_pass_half_a_turn() -> None:
    turn = [Rotation.from_rotvec([0, 0, 0.2 * k]).as_matrix()[None] for k in range(80)]
    rotation_filter = OneEuroRotations(FilterSettings().rotation, turn[0])
    for value in turn[1:]:
        filtered = rotation_filter.update(value, 1 / RATE)
        np.testing.assert_allclose(filtered[0] @ filtered[0].T, np.eye(3), atol=1e-9)
    lag = Rotation.from_matrix(filtered[0].T @ turn[-1][0]).magnitude()
    assert lag / (0.2 * RATE) < 0.040


def test_a_still_orientation_is_calmer_than_its_noise() -> None:
    noise = Rotation.from_rotvec(np.random.default_rng(2).normal(0, np.deg2rad(2), (600, 3))).as_matrix()
    rotation_filter = OneEuroRotations(FilterSettings().rotation, noise[:1])
    angles = [
        Rotation.from_matrix(rotation_filter.update(n[None], 1 / RATE)[0]).magnitude() for n in noise[1:]
    ]
    raw = Rotation.from_matrix(noise).magnitude()
    assert np.sqrt(np.mean(np.square(angles[60:]))) < 0.4 * np.sqrt(np.mean(raw**2))


def test_rows_are_filtered_each_by_its_own_speed() -> None:
    settings = replace(FilterSettings().surface)
    both = OneEuro(settings, np.zeros((2, 3)))
    for k in range(30):
        both.update(np.array([[0.0, 0, 0], [0.03 * k, 0, 0]]), 1 / RATE)
    assert both.cutoff_hz[0] == pytest.approx(settings.minimum_hz)
    assert both.cutoff_hz[1] > 5
