"""Rotations against scipy, and by identities over types and extreme angles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.geometry import rotations

ANGLES = [0.0, 1e-9, 1e-5, 9.9e-4, 1.1e-3, 0.5, np.pi / 2, 3.0, np.pi - 1e-6, np.pi]
AXES = np.array([[1, 0, 0], [0, -1, 0], [0, 0, 1], [0.6, -0.8, 0], [0.48, 0.6, -0.64]], dtype=np.float64)


def extreme_rotvecs() -> np.ndarray:
    """(10, 5, 3) rotation vectors over all the angles and axes above."""
    return np.array(ANGLES)[:, None, None] * AXES


def random_matrices(*leading: int) -> torch.Tensor:
    count = int(np.prod(leading))
    matrices = Rotation.random(count, random_state=0).as_matrix()
    return torch.from_numpy(matrices).reshape(*leading, 3, 3)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_rotvec_to_matrix_agrees_with_scipy_at_extreme_angles(dtype: torch.dtype, tolerance: float) -> None:
    rotvecs = extreme_rotvecs()
    expected = Rotation.from_rotvec(rotvecs.reshape(-1, 3)).as_matrix().reshape(10, 5, 3, 3)
    got = rotations.rotvec_to_matrix(torch.from_numpy(rotvecs).to(dtype))
    assert got.dtype == dtype
    np.testing.assert_allclose(got.double(), expected, atol=tolerance)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-7), (torch.float32, 2e-3)])
def test_rotvec_survives_the_way_through_a_matrix(dtype: torch.dtype, tolerance: float) -> None:
    rotvecs = torch.from_numpy(extreme_rotvecs()).to(dtype)
    matrices = rotations.rotvec_to_matrix(rotvecs)
    back = rotations.matrix_to_rotvec(matrices)
    assert (back.norm(dim=-1) <= np.pi + 1e-6).all()
    torch.testing.assert_close(rotations.rotvec_to_matrix(back), matrices, atol=tolerance, rtol=0)
    torch.testing.assert_close(back[:-2], rotvecs[:-2], atol=tolerance, rtol=0)


def test_small_angles_keep_their_relative_precision_in_float32() -> None:
    rotvec = torch.tensor([3e-6, -2e-6, 1e-6])
    back = rotations.matrix_to_rotvec(rotations.rotvec_to_matrix(rotvec))
    torch.testing.assert_close(back, rotvec, rtol=1e-5, atol=0)


def test_quaternions_are_xyzw_with_positive_w_as_scipy() -> None:
    matrices = random_matrices(4, 50)
    expected = Rotation.from_matrix(matrices.reshape(-1, 3, 3).numpy()).as_quat(canonical=True)
    got = rotations.matrix_to_quaternion_xyzw(matrices)
    np.testing.assert_allclose(got.reshape(-1, 4), expected, atol=1e-12)


def test_quaternions_of_any_length_give_the_rotation_back() -> None:
    matrices = random_matrices(20)
    quaternions = 3.7 * rotations.matrix_to_quaternion_xyzw(matrices)
    torch.testing.assert_close(rotations.quaternion_xyzw_to_matrix(quaternions), matrices)


def test_sixd_is_the_first_two_columns_and_comes_back() -> None:
    matrices = random_matrices(2, 16)
    sixd = rotations.matrix_to_sixd(matrices)
    assert sixd.shape == (2, 16, 6)
    torch.testing.assert_close(sixd[..., :3], matrices[..., 0])
    torch.testing.assert_close(sixd[..., 3:], matrices[..., 1])
    torch.testing.assert_close(rotations.sixd_to_matrix(sixd), matrices)


def test_any_sixd_gives_a_rotation() -> None:
    matrices = rotations.sixd_to_matrix(torch.randn(100, 6, dtype=torch.float64))
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(3, dtype=torch.float64).expand(100, 3, 3))
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(100, dtype=torch.float64))


def test_gradients_are_finite_and_right_from_no_turn_to_a_half_turn() -> None:
    rotvecs = torch.from_numpy(extreme_rotvecs()).reshape(-1, 3).requires_grad_()
    round_trip = rotations.matrix_to_rotvec(rotations.rotvec_to_matrix(rotvecs))
    (gradient,) = torch.autograd.grad(round_trip.square().sum(), rotvecs)
    assert gradient.isfinite().all()
    inside = rotvecs.detach().norm(dim=-1) < 3.1  # |round trip|² = |rotvec|², so its gradient is 2 rotvec
    torch.testing.assert_close(gradient[inside], 2 * rotvecs[inside].detach(), atol=1e-6, rtol=1e-6)


def test_gradients_agree_with_finite_differences() -> None:
    rotvecs = torch.tensor([[0.3, -1.2, 0.4], [1e-4, 2e-4, -1e-4]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rotations.rotvec_to_matrix, rotvecs)
    matrices = rotations.rotvec_to_matrix(rotvecs.detach()).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: rotations.sixd_to_matrix(rotations.matrix_to_sixd(m)), matrices)
