"""What mesh losses need of a triangle mesh, worked out once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lgnet_ros.network.sparse import SparseMatrix


class MeshTopology(nn.Module):
    """Edges, the faces beside them, and the graph Laplacian of a mesh; moves with `.to()`.

    Args:
        faces: (F,3) vertex indices; their winding does not matter.
        vertices: how many.

    Attributes:
        faces: (F,3).
        edge_faces: (E,2) the faces on either side of each edge; at the mesh's border the only one, twice.
        edge_sides: (E,2) 1, or 0 where the second face is lacking.
    """

    faces: Tensor
    edge_faces: Tensor
    edge_sides: Tensor

    def __init__(self, faces: NDArray[np.integer], vertices: int) -> None:
        super().__init__()
        sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), -1)
        edges, edge_of = np.unique(sides, axis=0, return_inverse=True)
        edge_of = edge_of.reshape(-1)
        order = np.argsort(edge_of, kind="stable")
        first = np.searchsorted(edge_of[order], np.arange(len(edges)))
        counts = np.bincount(edge_of)
        face_of = np.tile(np.arange(len(faces)), 3)[order]
        beside = np.stack([face_of[first], face_of[first + counts - 1]], -1)
        self.register_buffer("faces", torch.from_numpy(faces.astype(np.int64)), persistent=False)
        self.register_buffer("edge_faces", torch.from_numpy(beside), persistent=False)
        both = np.stack([np.ones_like(counts), counts - 1], -1).astype(np.float32)
        self.register_buffer("edge_sides", torch.from_numpy(both), persistent=False)
        self.edge_vectors = _incidence(edges, vertices)  # (…,V,3) to (…,E,3)
        self.laplacian = _laplacian(edges, vertices)  # (…,V,3) to (…,V,3): x_i − mean of its neighbors


def _incidence(edges: NDArray[np.integer], vertices: int) -> SparseMatrix:
    rows = np.tile(np.arange(len(edges)), 2)
    signs = np.repeat([-1.0, 1.0], len(edges))
    return SparseMatrix(rows, edges.T.reshape(-1), (len(edges), vertices), signs)


def _laplacian(edges: NDArray[np.integer], vertices: int) -> SparseMatrix:
    degree = np.bincount(edges.reshape(-1), minlength=vertices)
    itself, (starts, ends) = np.arange(vertices), edges.T
    rows, columns = np.concatenate([itself, starts, ends]), np.concatenate([itself, ends, starts])
    weights = np.concatenate([np.ones(vertices), -1 / degree[starts], -1 / degree[ends]])
    return SparseMatrix(rows, columns, (vertices, vertices), weights)
