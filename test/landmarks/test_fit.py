"""The fit finds known hands from exact, noisy, missing and wild landmarks, and bends nothing that cannot."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lgnet_ros.evaluation.landmark_fit import CASES, Disturbance, FitTrial, KnownHand, landmarks_of
from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, RIGHT
from lgnet_ros.landmarks.articulation import ANGLE_LIMITS
from lgnet_ros.landmarks.sight import Landmarks

Hands = list[KnownHand]


def test_exact_landmarks_give_the_hand_to_three_millimetres(trial: FitTrial, hands: Hands) -> None:
    measured = trial.run(hands, CASES["exact"], seed=0)
    assert measured["mpvpe_mm"] < 3.0 and measured["worst_mm"] < 12.0 and measured["possible_angles"]


@pytest.mark.parametrize("case", ["3 px", "3 px, world points 10 mm"])
def test_three_pixels_of_noise_cost_less_than_eight_millimetres(
    trial: FitTrial, hands: Hands, case: str
) -> None:
    measured = trial.run(hands, CASES[case], seed=0)
    assert measured["mpvpe_mm"] < 8.0 and measured["possible_angles"]


@pytest.mark.parametrize("case", ["3 px, 4 missing", "3 px, 3 wild"])
def test_missing_and_wild_landmarks_are_survived(trial: FitTrial, hands: Hands, case: str) -> None:
    measured = trial.run(hands, CASES[case], seed=0)
    assert measured["mpvpe_mm"] < 10.0 and measured["possible_angles"]


def test_landmarks_that_no_hand_makes_give_possible_angles_or_nothing(trial: FitTrial) -> None:
    rng, camera = np.random.default_rng(0), CameraIntrinsics.from_field_of_view(640, 480, 1.0)
    for _ in range(20):
        pixels = rng.uniform((0, 0), (640, 480), (21, 2))
        (fitted,) = trial.fitter.fit([Landmarks(RIGHT, pixels, 0.1 * rng.standard_normal((21, 3)))], camera)
        if fitted is not None:
            assert (fitted.angles >= ANGLE_LIMITS[:, 0]).all() and (fitted.angles <= ANGLE_LIMITS[:, 1]).all()
            assert np.isfinite(fitted.landmarks).all() and fitted.position[2] > 0


def test_too_few_landmarks_give_nothing(trial: FitTrial, hands: Hands) -> None:
    seen = landmarks_of(hands[0], Disturbance(missing=17), np.random.default_rng(0))
    nothing = dataclasses.replace(seen, pixels=np.full((21, 2), np.nan))
    no_depth = dataclasses.replace(seen, world=np.full((21, 3), np.nan))
    assert trial.fitter.fit([seen, nothing, no_depth], hands[0].camera) == [None] * 3


def test_a_fit_that_continues_ends_where_a_new_one_does(trial: FitTrial, hands: Hands) -> None:
    changes = []
    for hand in hands[:20]:
        seen = landmarks_of(hand, Disturbance(pixels=1.0), np.random.default_rng(0))
        fits = [trial.fitter.fit([seen], hand.camera)[0]]
        for _ in range(2):
            fits.append(trial.fitter.fit([seen], hand.camera, fits[-1:])[0])
        forms = np.stack([fitted.landmarks - fitted.landmarks[0] for fitted in fits])
        changes.append(np.abs(np.diff(forms, axis=0)).max(axis=(1, 2)))
    assert (np.median(changes, axis=0) < (0.004, 0.001)).all()  # noise is told from residuals once more


def test_a_wrong_start_does_not_hold_the_fit(trial: FitTrial, hands: Hands) -> None:
    right = [hand for hand in hands if hand.side == RIGHT][:6]
    rng = np.random.default_rng(0)
    for hand, other in zip(right, right[::-1], strict=True):
        exact = landmarks_of(hand, Disturbance(), rng)
        (elsewhere,) = trial.fitter.fit([landmarks_of(other, Disturbance(), rng)], other.camera)
        fitted = trial.fitter.fit([exact], hand.camera, [elsewhere])[0]
        assert trial.errors_mm(hand, exact, fitted) < 12.0


def test_mirrored_landmarks_give_the_mirrored_hand(trial: FitTrial, hands: Hands) -> None:
    camera = CameraIntrinsics.from_field_of_view(640, 480, 1.0)
    for hand in hands[:5]:
        seen = landmarks_of(dataclasses.replace(hand, camera=camera), Disturbance(), np.random.default_rng(0))
        mirrored = Landmarks(
            LEFT if seen.side == RIGHT else RIGHT,
            np.array([639.0, 0.0]) + seen.pixels * (-1, 1),
            seen.world * (-1, 1, 1),
        )
        one, other = trial.fitter.fit([seen, mirrored], camera)
        np.testing.assert_allclose(other.angles, one.angles, atol=0.02)
        np.testing.assert_allclose(other.position, one.position * (-1, 1, 1), atol=2e-3)


def test_stated_deviations_grow_with_the_noise_and_cover_the_errors(trial: FitTrial, hands: Hands) -> None:
    stated: dict[float, list[float]] = {}
    off: list[float] = []
    rng = np.random.default_rng(0)
    for pixels in (0.5, 3.0):
        for hand in hands[:30]:
            seen = landmarks_of(hand, Disturbance(pixels=pixels), rng)
            (fitted,) = trial.fitter.fit([seen], hand.camera)
            stated.setdefault(pixels, []).append(fitted.joint_std.mean())
            true = fitted.view.to_crop(hand.joints)
            found, known = (np.linalg.norm(points[9] - points[0]) for points in (fitted.landmarks, true))
            error = (fitted.landmarks - fitted.landmarks[0]) - found / known * (true - true[0])
            off += list((np.abs(error[1:]) / fitted.joint_std[1:]).ravel())
    assert np.mean(stated[3.0]) > 1.15 * np.mean(stated[0.5])
    # 0.67 for a normal distribution; less, since the hand's size, unknown too, is aligned away here.
    assert 0.15 < np.median(off) < 0.8


def test_a_distorted_image_is_seen_through_its_lens(trial: FitTrial, hands: Hands) -> None:
    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    lens = CameraIntrinsics(640, 480, matrix, "plumb_bob", (-0.3, 0.1, 0.0, 0.0, 0.0))
    errors = []
    for hand in hands[:8]:
        bent = dataclasses.replace(hand, camera=lens)
        if np.isfinite(lens.project(hand.joints)).all():
            seen = landmarks_of(bent, Disturbance(), np.random.default_rng(0))
            errors.append(trial.errors_mm(bent, seen, trial.fitter.fit([seen], lens)[0]))
    assert np.mean(errors) < 3.0


def test_the_fit_is_the_same_every_time(trial: FitTrial, model: HandModel, hands: Hands) -> None:
    seen = landmarks_of(hands[0], Disturbance(pixels=2.0), np.random.default_rng(0))
    one, other = (fitter.fit([seen], hands[0].camera)[0] for fitter in (trial.fitter, FitTrial(model).fitter))
    np.testing.assert_array_equal(one.angles, other.angles)
