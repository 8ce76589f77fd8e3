"""Ellipsoids that hold what they should: counted by hand on made-up wrists."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.evaluation.coverage import WristCoverage, squared_distance
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth
from lgnet_ros.geometry.cameras import CameraIntrinsics

_CAMERA = CameraIntrinsics(64, 64, np.array([[70.0, 0, 31.5], [0, 70.0, 31.5], [0, 0, 1]]))
_STD_M = 0.01


def truth(distance_m: float, presence: tuple[bool, bool] = (True, True)) -> HandsTruth:
    joints = np.zeros((2, 21, 3))
    joints[..., 2] = distance_m
    vertices, rotations, visible = np.zeros((2, 778, 3)), np.zeros((2, 16, 3, 3)), np.array([21, 21])
    return HandsTruth(np.array(presence), vertices, joints, rotations, _CAMERA, "", visible)


def estimate(
    true: HandsTruth, errors_m: tuple[float, float], score: tuple[float, float] = (1.0, 1.0)
) -> HandsEstimate:
    """Wrists off by so much along x; when the size is known, by half of it."""
    off = np.zeros((2, 3))
    off[:, 0] = errors_m
    flat = np.zeros((2, 778, 3))
    stated = np.tile(np.diag([_STD_M**2, _STD_M**2, 4 * _STD_M**2]), (2, 1, 1))
    wrists = true.joints[:, 0]
    return HandsEstimate(
        np.array(score), flat, true.joints, flat, np.zeros(3), wrists + off, wrists + off / 2, stated, stated
    )


def test_a_distance_is_counted_in_stated_deviations() -> None:
    assert squared_distance(np.array([0.0, 0.03, 0.0]), np.diag([1.0, 1e-4, 1.0])) == pytest.approx(9.0)


def test_wrists_within_their_ellipsoids_are_counted_overall_and_by_distance() -> None:
    coverage = WristCoverage()
    for distance, errors in ((0.4, (0.01, 0.05)), (0.6, (0.02, 0.09)), (1.5, (0.2, 0.2))):
        coverage.update(estimate(truth(distance), errors), truth(distance))
    found = coverage.compute()
    assert found["hands"] == 6
    assert found["unknown_size"] == pytest.approx(2 / 6)  # 1 and 2 deviations; 2.8 are the limit
    assert found["known_size"] == pytest.approx(3 / 6)  # 0.5, 2.5 and 1, but not 4.5
    near, middle, empty, far = found["by_distance"]
    assert [part["hands"] for part in (near, middle, empty, far)] == [2, 2, 0, 2]
    assert near["unknown_size"] == pytest.approx(0.5)
    assert near["error_mm_unknown_size"] == pytest.approx(30.0)
    assert near["stated_mm_known_size"] == pytest.approx(20.0)
    assert far["known_size"] == 0.0
    assert np.isnan(empty["unknown_size"])


def test_hands_that_are_absent_missed_or_without_a_covariance_do_not_count() -> None:
    coverage = WristCoverage()
    coverage.update(estimate(truth(0.5, (True, False)), (0, 0)), truth(0.5, (True, False)))
    coverage.update(estimate(truth(0.5), (0, 0), score=(1.0, 0.2)), truth(0.5))
    unplaced = estimate(truth(0.5), (0, 0))
    unplaced.covariance_unknown_size[:] = np.nan
    coverage.update(unplaced, truth(0.5))
    assert coverage.compute()["hands"] == 2
