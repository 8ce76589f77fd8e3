"""Inverses of small positive definite matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgnet_ros.geometry.information import positive_inverse


def test_a_matrix_worked_by_hand() -> None:
    np.testing.assert_allclose(
        positive_inverse(np.array([[2.0, 1.0], [1.0, 2.0]])), [[2 / 3, -1 / 3], [-1 / 3, 2 / 3]]
    )


@given(st.integers(1, 9), st.integers(0, 10**6))
def test_it_is_the_inverse_whatever_the_units(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size)) + 3 * np.eye(size)
    units = 10.0 ** rng.uniform(-3, 3, size)  # as unlike as metres and logarithms of sizes
    matrix = (root @ root.T + np.eye(size)) * np.outer(units, units)
    whole = positive_inverse(matrix)
    np.testing.assert_allclose(
        whole * np.outer(units, units), np.linalg.inv(matrix / np.outer(units, units)), atol=1e-9
    )


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.diag([1.0, -1.0]), np.full((2, 2), np.nan)])
def test_what_is_not_positive_definite_has_none(matrix: np.ndarray) -> None:
    assert np.isnan(positive_inverse(matrix)).all()
