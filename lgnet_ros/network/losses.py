"""All of LGNet's supervision, and its weighted sum.

The paper supervises meshes and joints only (Eqs. 12–16, `mesh_losses`); nothing there teaches the 2.5D
joints, the camera, the relative translation or presence, so their losses are added here. Every loss is
computed in float32 and masked by presence and by annotation; a batch without any valid entry gives 0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, RIGHT, SIDES
from lgnet_ros.network.config import LossWeights
from lgnet_ros.network.heatmap import CELLS, depth_to_cells, pixels_to_cells, trilinear_target
from lgnet_ros.network.mesh_losses import (
    CENTIMETRES,
    edge_loss,
    joint_loss,
    laplacian_loss,
    masked_mean,
    mesh_loss,
    normal_loss,
)
from lgnet_ros.network.output import LGNetOutput
from lgnet_ros.network.precision import full_precision
from lgnet_ros.network.projection import is_in_front, project_to_crop
from lgnet_ros.network.target import Target

# Joints farther out than this many crops from the middle teach a projection nothing but noise.
_FARTHEST_CROPS = 1.5


def joints_25d_loss(joints: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """L1 of soft-argmax joints, cells.

    Args:
        joints, target: (B,2,21,3) cells.
        mask: (B,2,21) joints that count, those that a soft-argmax can reach.
    """
    return masked_mean((joints - target).abs(), mask)


def heatmap_loss(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of the heat maps against the trilinear distribution around the true joint, nats.

    Args:
        logits: (B,2,21,8,8,8).
        target: (B,2,21,3) cells, within [0, 7] where the mask keeps them.
        mask: (B,2,21).
    """
    log_probability = logits.float().flatten(-3).log_softmax(-1)
    return masked_mean(-(trilinear_target(target).flatten(-3) * log_probability).sum(-1), mask)


def projection_loss(
    joints: Tensor, target: Tensor, focal_px: Tensor, mask: Tensor, input_size: int
) -> Tensor:
    """L1 of projected joints, cells; teaches the camera head where the hand is, in full perspective.

    Args:
        joints, target: (B,2,21,3) in the crop camera, m.
        focal_px: (B,) crop px.
        mask: (B,2,21).
        input_size: S, crop px.
    """
    error = project_to_crop(joints, focal_px, input_size) - project_to_crop(target, focal_px, input_size)
    return masked_mean(error.abs() * (CELLS / input_size), mask)


def relative_translation_loss(translation: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """L1 of left wrist − right wrist, cm: (B,3), (B,3) m, mask (B,)."""
    return CENTIMETRES * masked_mean((translation - target).abs(), mask)


def rotation_loss(rotations: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """L1 of local rotation matrices: (B,2,16,3,3) twice, mask (B,2)."""
    return masked_mean((rotations - target).abs(), mask)


def shape_loss(shape: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """L1 of shape coefficients: (B,2,10) twice, mask (B,2)."""
    return masked_mean((shape - target).abs(), mask)


def presence_loss(logits: Tensor, presence: Tensor) -> Tensor:
    """Cross-entropy of presence, nats: (B,2) twice. Never masked: absence is an annotation."""
    return F.binary_cross_entropy_with_logits(logits.float(), presence.float())


def total_loss(
    output: LGNetOutput,
    target: Target,
    hand_model: HandModel,
    input_size: int,
    weights: LossWeights | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all losses.

    Args:
        input_size: S, crop px.
        weights: by default the paper's and ours, see `LossWeights`.

    Returns:
        the total, and each term by its name in `LossWeights`, unweighted, detached.
    """
    weights = weights or LossWeights()
    with full_precision(output.vertices):
        parts = _mesh_terms(output, target, hand_model) | _other_terms(output, target, input_size)
        total = torch.stack([getattr(weights, name) * value for name, value in parts.items()]).sum()
    return total, {name: value.detach() for name, value in parts.items()}


class _Mesh(NamedTuple):
    faces: Tensor  # (1538,3)
    edges: Tensor  # (E,2)


@lru_cache(maxsize=8)
def _mesh_of(hand_model: HandModel, device: torch.device) -> _Mesh:
    return _Mesh(
        torch.as_tensor(hand_model.faces(SIDES[RIGHT]), device=device),
        torch.as_tensor(hand_model.edges, device=device),
    )


def _mesh_terms(output: LGNetOutput, target: Target, hand_model: HandModel) -> dict[str, Tensor]:
    """Eqs. 12–16, on M_r and on M_f."""
    has_mesh, has_joint = target.masks()
    has_mesh = has_mesh & has_joint[..., 0]
    faces, edges = _mesh_of(hand_model, output.vertices.device)
    joints = _kept(target.joints, has_joint)
    wrists = joints[..., :1, :]
    vertices = _kept(target.vertices, has_mesh) - wrists
    meshes = ((output.rough_vertices, output.rough_joints), (output.vertices, output.joints))
    return {
        "mesh": sum(mesh_loss(mesh, vertices, has_mesh) for mesh, _ in meshes),
        "joint": sum(joint_loss(points, joints - wrists, has_joint) for _, points in meshes),
        "normal": sum(normal_loss(mesh, vertices, faces, has_mesh) for mesh, _ in meshes),
        "edge": sum(edge_loss(mesh, vertices, faces, has_mesh) for mesh, _ in meshes),
        "laplacian": sum(laplacian_loss(mesh, vertices, edges, has_mesh) for mesh, _ in meshes),
    }


def _other_terms(output: LGNetOutput, target: Target, input_size: int) -> dict[str, Tensor]:
    """What the paper does not supervise."""
    has_mesh, has_joint = target.masks()
    joints = _kept(target.joints, has_joint)
    cells = joints_to_cells(joints, target.focal_px, input_size)
    in_front = has_joint & is_in_front(joints)
    inside = in_front & in_front[..., :1] & ((cells >= 0) & (cells <= CELLS - 1)).all(-1)
    near = in_front & ((cells[..., :2] / (CELLS - 1) - 0.5).abs() < _FARTHEST_CROPS).all(-1)
    placed = [mesh + output.camera_translation[:, :, None] for mesh in (output.rough_joints, output.joints)]
    focal = target.focal_px
    return {
        "joints_25d": joints_25d_loss(output.joints_25d, cells, inside),
        "heatmap": heatmap_loss(output.heatmap_logits, cells, inside),
        "projection": sum(projection_loss(points, joints, focal, near, input_size) for points in placed),
        "relative_translation": relative_translation_loss(
            output.relative_translation,
            joints[:, LEFT, 0] - joints[:, RIGHT, 0],
            has_joint[:, LEFT, 0] & has_joint[:, RIGHT, 0],
        ),
        "rotation": rotation_loss(output.rotations, _kept(target.rotations, has_mesh), has_mesh),
        "shape": shape_loss(output.shape, _kept(target.shape, has_mesh), has_mesh),
        "presence": presence_loss(output.presence_logits, target.presence),
    }


def joints_to_cells(joints: Tensor, focal_px: Tensor, input_size: int) -> Tensor:
    """2.5D joints (B,2,21,3), cells, of joints (B,2,21,3) in the crop camera, m; depth is the wrist's own."""
    pixels = pixels_to_cells(project_to_crop(joints, focal_px, input_size), input_size)
    depth = depth_to_cells(joints[..., 2:] - joints[..., :1, 2:])
    return torch.cat([pixels, depth], -1)


def _kept(values: Tensor, mask: Tensor) -> Tensor:
    """`values` in float32, zero where the mask excludes them or they are not finite."""
    mask = mask.reshape(*mask.shape, *[1] * (values.ndim - mask.ndim))
    return torch.where(mask, values.float(), 0).nan_to_num(0, 0, 0)
