"""Arithmetic of single vectors, against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgnet_ros.geometry.vectors import cross, length, turn_about, turn_by, unit


@pytest.mark.parametrize("seed", range(5))
def test_vectors_are_crossed_measured_and_turned_as_elsewhere(seed: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b))
    assert length(a) == pytest.approx(np.linalg.norm(a))
    np.testing.assert_allclose(unit(a), a / np.linalg.norm(a))
    np.testing.assert_allclose(turn_by(a), Rotation.from_rotvec(a).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(
        turn_about(unit(a), 0.7), Rotation.from_rotvec(0.7 * unit(a)).as_matrix(), atol=1e-12
    )


def test_no_turn_is_none() -> None:
    np.testing.assert_array_equal(turn_by(np.zeros(3)), np.eye(3))
