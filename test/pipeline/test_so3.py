"""Rotation vectors and matrices against scipy, and at the angles where such code breaks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgnet_ros.pipeline.so3 import quaternions, rotation_matrices, rotation_vectors


def axes() -> np.ndarray:
    random = np.random.default_rng(0).normal(size=(200, 3))
    return np.concatenate([np.eye(3), -np.eye(3), random / np.linalg.norm(random, axis=1, keepdims=True)])


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-6, 1e-4, 0.3, 1.5, 2.5, 3.1, np.pi - 1e-7])
def test_both_ways_agree_with_scipy_at_any_angle(angle: float) -> None:
    vectors = axes() * angle
    matrices = Rotation.from_rotvec(vectors).as_matrix()
    np.testing.assert_allclose(rotation_matrices(vectors), matrices, atol=1e-12)
    np.testing.assert_allclose(rotation_vectors(matrices), vectors, atol=1e-8)
    turns = quaternions(matrices)
    np.testing.assert_allclose(Rotation.from_quat(turns).as_matrix(), matrices, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1, atol=1e-14)
    assert (turns[:, 3] >= 0).all()


def test_half_a_turn_comes_back_as_the_same_rotation() -> None:
    matrices = Rotation.from_rotvec(axes() * np.pi).as_matrix()
    np.testing.assert_allclose(rotation_matrices(rotation_vectors(matrices)), matrices, atol=1e-7)


def test_slightly_imprecise_matrices_give_nearly_the_same_vectors() -> None:
    vectors = axes() * 1.2
    matrices = rotation_matrices(vectors) + np.random.default_rng(1).normal(0, 1e-6, (len(vectors), 3, 3))
    np.testing.assert_allclose(rotation_vectors(matrices), vectors, atol=1e-5)
