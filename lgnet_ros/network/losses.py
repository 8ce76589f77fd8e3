"""All of LGNet's supervision, and its weighted sum.

The paper supervises meshes and joints only (Eqs. 12–16, `mesh_losses`); nothing there teaches the 2.5D
joints, the camera, the relative translation or presence, so their losses are added here. Every loss is
computed in float32 and masked by presence and by annotation; a batch without any valid entry gives 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, RIGHT, SIDES, VERTEX_COUNT
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
from lgnet_ros.network.mesh_topology import MeshTopology
from lgnet_ros.network.output import LGNetOutput
from lgnet_ros.network.precision import full_precision
from lgnet_ros.network.projection import is_in_front, project_to_crop
from lgnet_ros.network.target import Target

Term = Callable[[], Tensor]

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
        the total, and each term by its name in `LossWeights`, unweighted, detached. Terms of weight 0 are
        neither computed nor returned.
    """
    weights = weights or LossWeights()
    with full_precision(output.vertices):
        terms = _mesh_terms(output, target, hand_model) | _other_terms(output, target, input_size)
        parts = {name: term() for name, term in terms.items() if getattr(weights, name) != 0}
        total = torch.stack([getattr(weights, name) * value for name, value in parts.items()]).sum()
    return total, {name: value.detach() for name, value in parts.items()}


@lru_cache(maxsize=8)
def _topology(hand_model: HandModel, device: torch.device) -> MeshTopology:
    return MeshTopology(hand_model.faces(SIDES[RIGHT]), VERTEX_COUNT).to(device)


def _over_both(loss: Callable[[Tensor, Tensor], Tensor], output: LGNetOutput) -> Tensor:
    """The sum of a loss of (vertices, joints) over M_r and M_f."""
    if output.vertices is output.rough_vertices:
        return 2 * loss(output.vertices, output.joints)
    return loss(output.rough_vertices, output.rough_joints) + loss(output.vertices, output.joints)


def _mesh_terms(output: LGNetOutput, target: Target, hand_model: HandModel) -> dict[str, Term]:
    """Eqs. 12–16, on M_r and on M_f."""
    has_mesh, has_joint = target.masks()
    has_mesh = has_mesh & has_joint[..., 0]
    wrists = _kept(target.joints, has_joint)[..., :1, :]
    joints, vertices = _kept(target.joints, has_joint) - wrists, _kept(target.vertices, has_mesh) - wrists
    mesh = _topology(hand_model, output.vertices.device)
    return {
        "mesh": lambda: _over_both(lambda v, _: mesh_loss(v, vertices, has_mesh), output),
        "joint": lambda: _over_both(lambda _, j: joint_loss(j, joints, has_joint), output),
        "normal": lambda: _over_both(lambda v, _: normal_loss(v, vertices, mesh, has_mesh), output),
        "edge": lambda: _over_both(lambda v, _: edge_loss(v, vertices, mesh, has_mesh), output),
        "laplacian": lambda: _over_both(lambda v, _: laplacian_loss(v, vertices, mesh, has_mesh), output),
    }


def _other_terms(output: LGNetOutput, target: Target, input_size: int) -> dict[str, Term]:
    """What the paper does not supervise."""
    has_mesh, has_joint = target.masks()
    joints, focal = _kept(target.joints, has_joint), target.focal_px
    rotations, shape = _kept(target.rotations, has_mesh), _kept(target.shape, has_mesh)
    cells = joints_to_cells(joints, focal, input_size)
    in_front = has_joint & is_in_front(joints)
    inside = in_front & in_front[..., :1] & ((cells >= 0) & (cells <= CELLS - 1)).all(-1)
    near = in_front & ((cells[..., :2] / (CELLS - 1) - 0.5).abs() < _FARTHEST_CROPS).all(-1)
    wrists = output.camera_translation[:, :, None]
    relative = joints[:, LEFT, 0] - joints[:, RIGHT, 0]
    has_both = has_joint[:, LEFT, 0] & has_joint[:, RIGHT, 0]
    return {
        "joints_25d": lambda: joints_25d_loss(output.joints_25d, cells, inside),
        "heatmap": lambda: heatmap_loss(output.heatmap_logits, cells, inside),
        "projection": lambda: _over_both(
            lambda _, j: projection_loss(j + wrists, joints, focal, near, input_size), output
        ),
        "relative_translation": lambda: relative_translation_loss(
            output.relative_translation, relative, has_both
        ),
        "rotation": lambda: rotation_loss(output.rotations, rotations, has_mesh),
        "shape": lambda: shape_loss(output.shape, shape, has_mesh),
        "presence": lambda: presence_loss(output.presence_logits, target.presence),
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
