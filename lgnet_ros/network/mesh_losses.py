"""Losses on meshes and 3D joints, Eqs. 12–16, of one mesh (the total adds M_r's and M_f's).

The paper leaves units and reduction open: centimetres and means. In metres the normal term would swamp the
rest, in millimetres the Laplacian would. Masked entries have neither value nor gradient.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lgnet_ros.network.mesh_topology import MeshTopology

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


def normal_loss(vertices: Tensor, target: Tensor, mesh: MeshTopology, mask: Tensor) -> Tensor:
    """Eq. 14, one mesh: |⟨ê, n_GT⟩| over each face's three edges, both of unit length, a cosine.

    Args:
        vertices, target: (B,2,778,3) m.
        mesh: the mesh's faces, edges and neighbors.
        mask: (B,2).
    """
    edges = F.normalize(mesh.edge_vectors(vertices), dim=-1)  # (B,2,E,3)
    beside = _normals(target, mesh.faces)[..., mesh.edge_faces, :]  # (B,2,E,2,3)
    cosines = (edges[..., None, :] * beside).sum(-1).abs()
    return _mean_over_faces(cosines * mesh.edge_sides, mesh, mask)


def edge_loss(vertices: Tensor, target: Tensor, mesh: MeshTopology, mask: Tensor) -> Tensor:
    """Eq. 15, one mesh: | |e| − |e_GT| | over each face's three edges, cm. Arguments as `normal_loss`."""
    lengths, true_lengths = (mesh.edge_vectors(points).norm(dim=-1) for points in (vertices, target))
    errors = CENTIMETRES * (lengths - true_lengths).abs()  # (B,2,E)
    return _mean_over_faces(errors[..., None] * mesh.edge_sides, mesh, mask)


def laplacian_loss(vertices: Tensor, target: Tensor, mesh: MeshTopology, mask: Tensor) -> Tensor:
    """Eq. 16, one mesh: ‖δ_i − mean of its neighbors' δ‖², δ = M_GT − M, cm². Arguments as `normal_loss`."""
    return masked_mean(mesh.laplacian(CENTIMETRES * (target - vertices)).square().sum(-1), mask)


def _mean_over_faces(values: Tensor, mesh: MeshTopology, mask: Tensor) -> Tensor:
    """(B,2,E,2) values of edges, one for the face on either side, to the mean over faces' edges."""
    return masked_mean(values.sum((-2, -1)) / (3 * len(mesh.faces)), mask)


def _normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """(…,778,3) to (…,F,3) unit normals."""
    first, second, third = vertices[..., faces, :].unbind(-2)
    return F.normalize(torch.linalg.cross(second - first, third - first, dim=-1), dim=-1)
