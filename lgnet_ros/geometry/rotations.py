"""Conversions between rotation vectors, matrices, quaternions (xyzw) and the 6D form, in PyTorch.

Every function takes any leading dimensions, keeps dtype and device, and has finite gradients everywhere,
rotations by 0 and by π included. NumPy code uses `scipy.spatial.transform.Rotation`, with the same orders.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Below this squared angle the series below are exact to float64's last digits and 0/0 is avoided.
_SMALL_SQUARED_ANGLE = 1e-6


def rotvec_to_matrix(rotvec: Tensor) -> Tensor:
    """Rodrigues' formula, R = I + (sin θ / θ) K + ((1 − cos θ) / θ²) K², by series near 0.

    Args:
        rotvec: (…,3) axis times angle, rad.

    Returns:
        (…,3,3) rotation matrices.
    """
    squared = rotvec.square().sum(-1)
    small = squared < _SMALL_SQUARED_ANGLE
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    sine = torch.where(small, 1 - squared / 6 + squared.square() / 120, angle.sin() / angle)
    # 2 sin²(θ/2) instead of 1 − cos θ: no cancellation at small angles.
    versine = 2 * ((angle / 2).sin() / angle).square()
    versine = torch.where(small, 0.5 - squared / 24 + squared.square() / 720, versine)
    cross = _cross_matrix(rotvec)
    identity = torch.eye(3, dtype=rotvec.dtype, device=rotvec.device)
    return identity + sine[..., None, None] * cross + versine[..., None, None] * (cross @ cross)


def matrix_to_rotvec(matrix: Tensor) -> Tensor:
    """The shortest rotation vector, |rotvec| ≤ π.

    Args:
        matrix: (…,3,3) rotation matrices.

    Returns:
        (…,3) axis times angle, rad.
    """
    quaternion = matrix_to_quaternion_xyzw(matrix)
    vector, scalar = quaternion[..., :3], quaternion[..., 3]
    squared = vector.square().sum(-1)
    small = squared < _SMALL_SQUARED_ANGLE
    length = torch.where(small, torch.ones_like(squared), squared).sqrt()
    # 2 atan2(|v|, w) / |v|; near 0 its series in |v| / w.
    safe_scalar = torch.where(small, scalar, torch.ones_like(scalar))
    series = (2 - 2 * squared / (3 * safe_scalar.square())) / safe_scalar
    factor = torch.where(small, series, 2 * torch.atan2(length, scalar) / length)
    return factor[..., None] * vector


def matrix_to_quaternion_xyzw(matrix: Tensor) -> Tensor:
    """Unit quaternions with w ≥ 0, in the order x, y, z, w (as ROS).

    Args:
        matrix: (…,3,3) rotation matrices.

    Returns:
        (…,4) quaternions.
    """
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = matrix.flatten(-2).unbind(-1)
    # Row k is 4 q_k · (x, y, z, w). The row of the largest |q_k| is normalized: no root of a number near 0.
    rows = torch.stack(
        [
            torch.stack([1 + m00 - m11 - m22, m01 + m10, m02 + m20, m21 - m12], -1),
            torch.stack([m01 + m10, 1 - m00 + m11 - m22, m12 + m21, m02 - m20], -1),
            torch.stack([m02 + m20, m12 + m21, 1 - m00 - m11 + m22, m10 - m01], -1),
            torch.stack([m21 - m12, m02 - m20, m10 - m01, 1 + m00 + m11 + m22], -1),
        ],
        -2,
    )  # (…,4,4)
    largest = rows.diagonal(dim1=-2, dim2=-1).argmax(-1)
    index = largest[..., None, None].expand(*largest.shape, 1, 4)
    quaternion = F.normalize(rows.gather(-2, index).squeeze(-2), dim=-1)
    return torch.where(quaternion[..., 3:] < 0, -quaternion, quaternion)


def quaternion_xyzw_to_matrix(quaternion: Tensor) -> Tensor:
    """Rotation matrices of quaternions in the order x, y, z, w; they need not have unit length.

    Args:
        quaternion: (…,4), not zero.

    Returns:
        (…,3,3) rotation matrices.
    """
    quaternion = F.normalize(quaternion, dim=-1)
    cross = _cross_matrix(quaternion[..., :3])
    identity = torch.eye(3, dtype=quaternion.dtype, device=quaternion.device)
    return identity + 2 * quaternion[..., 3, None, None] * cross + 2 * (cross @ cross)


def sixd_to_matrix(sixd: Tensor) -> Tensor:
    """Gram-Schmidt on two 3-vectors (Zhou et al., "On the continuity of rotation representations", 2019).

    Args:
        sixd: (…,6), the matrix's first column, then its second, neither zero nor parallel.

    Returns:
        (…,3,3) rotation matrices.
    """
    first = F.normalize(sixd[..., :3], dim=-1)
    second = sixd[..., 3:]
    second = F.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    # Written out: OpenVINO cannot read an exported linalg.cross over its default axis.
    third = first.roll(-1, -1) * second.roll(1, -1) - first.roll(1, -1) * second.roll(-1, -1)
    return torch.stack([first, second, third], -1)


def matrix_to_sixd(matrix: Tensor) -> Tensor:
    """The first column, then the second, of rotation matrices.

    Args:
        matrix: (…,3,3).

    Returns:
        (…,6).
    """
    return matrix[..., :2].transpose(-1, -2).flatten(-2)


def _cross_matrix(vector: Tensor) -> Tensor:
    """(…,3,3) matrices K with K w = vector × w."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
