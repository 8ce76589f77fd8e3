"""Linear blend skinning with shape and pose blend shapes, as small differentiable functions.

The model is SMPL's (Loper et al. 2015, Eqs. 2–10) as MANO uses it (Romero et al. 2017). Everything takes any
number of leading batch dimensions, written `…`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def blend_coefficients(rotations: Tensor, shape: Tensor) -> Tensor:
    """1. Shape (…, 10) and the 15 rotations minus identity, row-major: (…, 145)."""
    identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
    pose_feature = (rotations[..., 1:, :, :] - identity).flatten(-3)
    return torch.cat([shape, pose_feature], dim=-1)


def kinematic_chain(rotations: Tensor, rest_joints: Tensor) -> tuple[Tensor, Tensor]:
    """2. Local rotations (…, 16, 3, 3) and rest joints (…, 16, 3) → global rotations and posed joints.

    The root turns about its own joint: joint 0 stays where it is. MANO's tree is five chains of three joints
    that hang on the wrist, (1, 2, 3) to (13, 14, 15), so that one step serves all five fingers.
    """
    parent_rotation, parent_rest = rotations[..., :1, :, :], rest_joints[..., :1, :]
    parent_joint = parent_rest
    global_rotations, joints = [], []
    for depth in (1, 2, 3):
        rest = rest_joints[..., depth::3, :]  # (…, 5, 3), one of each finger
        parent_joint = parent_joint + (parent_rotation @ (rest - parent_rest).unsqueeze(-1)).squeeze(-1)
        parent_rotation = parent_rotation @ rotations[..., depth::3, :, :]
        parent_rest = rest
        global_rotations.append(parent_rotation)
        joints.append(parent_joint)
    turned = torch.stack(global_rotations, dim=-3).flatten(-4, -3)  # (…, 5, 3, 3, 3) → (…, 15, 3, 3)
    moved = torch.stack(joints, dim=-2).flatten(-3, -2)
    return (
        torch.cat([rotations[..., :1, :, :], turned], dim=-3),
        torch.cat([rest_joints[..., :1, :], moved], dim=-2),
    )


def skin(vertices: Tensor, weights: Tensor, rotations: Tensor, joints: Tensor, rest_joints: Tensor) -> Tensor:
    """3. Move each vertex by its weighted mean of joint transforms.

    Coordinates come before vertices here: whole rows of 778 multiply at once, several times faster on a CPU.

    Args:
        vertices: (…, 3, V) in rest pose, blend shapes applied.
        weights: (16, V), columns sum to 1.
        rotations: (…, 16, 3, 3) global.
        joints, rest_joints: (…, 16, 3) posed and at rest.

    Returns:
        (…, 3, V).
    """
    offsets = joints - (rotations @ rest_joints.unsqueeze(-1)).squeeze(-1)
    transforms = torch.cat([rotations, offsets.unsqueeze(-1)], dim=-1)  # (…, 16, 3, 4)
    per_vertex = transforms.flatten(-2).transpose(-1, -2) @ weights  # (…, 12, V)
    x_axis, y_axis, z_axis, offset = per_vertex.unflatten(-2, (3, 4)).unbind(-2)  # each (…, 3, V)
    x, y, z = vertices.unsqueeze(-2).unbind(-3)  # each (…, 1, V)
    return torch.addcmul(torch.addcmul(torch.addcmul(offset, x_axis, x), y_axis, y), z_axis, z)
