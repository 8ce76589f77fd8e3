"""Losses on meshes and 3D joints, Eqs. 12–16, of one mesh (the total adds M_r's and M_f's).

The paper leaves units and reduction open: centimetres and means. In metres the normal term would swamp the
rest, in millimetres the Laplacian would. Masked entries have neither value nor gradient.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CENTIMETRES = 100.0


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the entries that `mask` keeps; 0 when it keeps none.

    Args:
        values: (…), finite where the mask keeps them.
        mask: bool, broadcastable to `values` from the left: (B,2) keeps whole hands of (B,2,778,3).
    """
    mask = mask.reshape(*mask.shape, *[1] * (values.ndim - mask.ndim)).expand_as(values)
    return torch.where(mask, values, 0).sum() / mask.sum().clamp(min=1)


def mesh_loss(vertices: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Eq. 12, one mesh: ‖M_GT − M‖₁, cm.

    Args:
        vertices, target: (B,2,778,3) wrist-relative, m.
        mask: (B,2) hands that count.
    """
    return CENTIMETRES * masked_mean((vertices - target).abs(), mask)


def joint_loss(joints: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Eq. 13, one mesh: ‖J_GT − G·M‖₁, cm.

    Args:
        joints, target: (B,2,21,3) wrist-relative, m.
        mask: (B,2,21) joints that count.
    """
    return CENTIMETRES * masked_mean((joints - target).abs(), mask)


def normal_loss(vertices: Tensor, target: Tensor, faces: Tensor, mask: Tensor) -> Tensor:
    """Eq. 14, one mesh: |⟨ê, n_GT⟩| over each face's three edges, both of unit length, a cosine.

    Args:
        vertices, target: (B,2,778,3) m.
        faces: (1538,3); their winding does not matter.
        mask: (B,2).
    """
    true_edges = _face_edges(target, faces)
    normals = F.normalize(torch.linalg.cross(true_edges[..., 0, :], true_edges[..., 1, :], dim=-1), dim=-1)
    edges = F.normalize(_face_edges(vertices, faces), dim=-1)  # (B,2,1538,3,3)
    return masked_mean((edges * normals[..., None, :]).sum(-1).abs(), mask)


def edge_loss(vertices: Tensor, target: Tensor, faces: Tensor, mask: Tensor) -> Tensor:
    """Eq. 15, one mesh: | |e| − |e_GT| | over each face's three edges, cm. Arguments as `normal_loss`."""
    lengths = torch.linalg.vector_norm(_face_edges(vertices, faces), dim=-1)
    true_lengths = torch.linalg.vector_norm(_face_edges(target, faces), dim=-1)
    return CENTIMETRES * masked_mean((lengths - true_lengths).abs(), mask)


def laplacian_loss(vertices: Tensor, target: Tensor, edges: Tensor, mask: Tensor) -> Tensor:
    """Eq. 16, one mesh: ‖δ_i − mean of δ over i's neighbors‖², δ = M_GT − M, cm².

    Args:
        vertices, target: (B,2,778,3) m.
        edges: (E,2) undirected mesh edges, each once.
        mask: (B,2).
    """
    error = CENTIMETRES * (target - vertices)
    ends, others = torch.cat([edges, edges.flip(-1)]).unbind(-1)
    sums = torch.zeros_like(error).index_add(-2, ends, error.index_select(-2, others))
    degree = torch.bincount(ends, minlength=error.shape[-2]).to(error.dtype)
    return masked_mean((error - sums / degree[:, None]).square().sum(-1), mask)


def _face_edges(vertices: Tensor, faces: Tensor) -> Tensor:
    """(…,778,3) to (…,F,3,3): each face's edges, corner k to corner k + 1."""
    corners = vertices[..., faces, :]
    return corners.roll(-1, dims=-2) - corners
