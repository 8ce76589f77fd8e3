"""Graph convolutions on small fixed graphs: the 8×8 grid of a feature map, the hand's mesh."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lgnet_ros.network.sparse import NeighborSum

CHEBYSHEV_ORDER = 3


def grid_edges(height: int, width: int) -> NDArray[np.int64]:
    """(E,2) undirected edges, each once, of a row-major grid whose nodes have eight neighbors."""
    node = np.arange(height * width).reshape(height, width)
    pairs = [
        (node[:, :-1], node[:, 1:]),
        (node[:-1], node[1:]),
        (node[:-1, :-1], node[1:, 1:]),
        (node[:-1, 1:], node[1:, :-1]),
    ]
    return np.concatenate([np.stack([a.ravel(), b.ravel()], -1) for a, b in pairs])


class NodeNorm(nn.BatchNorm1d):
    """Batch normalization over batch and nodes: (B,N,C) to (B,N,C)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class GINConvBlock(nn.Module):
    """ReLU(BatchNorm(MLP(x_i + Σ neighbors))) (Eq. 11, Figure 3; Xu et al., 2019), MLP: c→c→c."""

    def __init__(self, neighbor_sum: NeighborSum, channels: int) -> None:
        super().__init__()
        self.neighbor_sum = neighbor_sum
        self.mlp = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels))
        self.norm = NodeNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.mlp(self.neighbor_sum(x))))


class GINResBlock(nn.Module):
    """Two GINConvBlocks and an identity connection (Figure 3)."""

    def __init__(self, neighbor_sum: NeighborSum, channels: int) -> None:
        super().__init__()
        self.first = GINConvBlock(neighbor_sum, channels)
        self.second = GINConvBlock(neighbor_sum, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class ChebyshevBlock(nn.Module):
    """ReLU(BatchNorm(Σ_k T_k(L̂) x W_k)), k = 0, 1, 2 (Eq. 2; Defferrard et al., 2016).

    L̂ = 2L/λ_max − I of the normalized Laplacian L = I − D^−½ A D^−½.
    """

    laplacian: Tensor

    def __init__(self, edges: NDArray[np.integer], nodes: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("laplacian", scaled_laplacian(edges, nodes), persistent=False)
        self.weights = nn.Linear(CHEBYSHEV_ORDER * channels, channels)
        self.norm = NodeNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        terms = [x, self.laplacian @ x]
        for _ in range(CHEBYSHEV_ORDER - 2):
            terms.append(2 * (self.laplacian @ terms[-1]) - terms[-2])
        return F.relu(self.norm(self.weights(torch.cat(terms, -1))))  # (B,N,3c) to (B,N,c)


def scaled_laplacian(edges: NDArray[np.integer], nodes: int) -> Tensor:
    """(N,N) L̂ with eigenvalues in [−1, 1]."""
    adjacency = np.zeros((nodes, nodes))
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = 1
    inverse_root = 1 / np.sqrt(adjacency.sum(1))
    laplacian = np.eye(nodes) - inverse_root[:, None] * adjacency * inverse_root
    largest = np.linalg.eigvalsh(laplacian)[-1]
    return torch.from_numpy(2 * laplacian / largest - np.eye(nodes)).float()


def gin_stack(edges: NDArray[np.integer], nodes: int, channels: int) -> nn.Sequential:
    """Figure 3's graph network: GINConvBlock, three GINResBlocks, GINConvBlock."""
    neighbor_sum = NeighborSum(edges, nodes)
    return nn.Sequential(
        GINConvBlock(neighbor_sum, channels),
        *(GINResBlock(neighbor_sum, channels) for _ in range(3)),
        GINConvBlock(neighbor_sum, channels),
    )


def chebyshev_stack(edges: NDArray[np.integer], nodes: int, channels: int) -> nn.Sequential:
    """Eq. 2's graph network: blocks t = 0, 1, 2."""
    return nn.Sequential(*(ChebyshevBlock(edges, nodes, channels) for _ in range(3)))
