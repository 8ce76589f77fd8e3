"""Graph convolutions on small fixed graphs: the 8×8 grid of a feature map, the hand's mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

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


class _SymmetricSum(torch.autograd.Function):
    """Row i of the output is the sum of the rows that bag i lists.

    The graph is undirected, so the gradient is the same sum; embedding_bag's own gradient scatters and takes
    eight times as long.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, members: Tensor, starts: Tensor) -> Tensor:
        ctx.save_for_backward(members, starts)
        return F.embedding_bag(members, rows, starts, mode="sum")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        members, starts = ctx.saved_tensors
        return F.embedding_bag(members, gradient.contiguous(), starts, mode="sum"), None, None


class NeighborSum(nn.Module):
    """x_i + Σ_j x_j over the neighbors j of node i: the aggregation of Eq. 11.

    Args:
        edges: (E,2) undirected edges, each once.
        nodes: N.
    """

    def __init__(self, edges: NDArray[np.integer], nodes: int) -> None:
        super().__init__()
        both_ways = np.concatenate([edges, edges[:, ::-1], np.arange(nodes)[:, None].repeat(2, 1)])
        both_ways = both_ways[np.lexsort((both_ways[:, 1], both_ways[:, 0]))]
        starts = np.searchsorted(both_ways[:, 0], np.arange(nodes))
        self.register_buffer("members", torch.from_numpy(both_ways[:, 1].astype(np.int64)), persistent=False)
        self.register_buffer("starts", torch.from_numpy(starts.astype(np.int64)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B,N,C) to (B,N,C)."""
        batch, nodes, channels = x.shape
        rows = x.transpose(0, 1).reshape(nodes, batch * channels)
        summed = _SymmetricSum.apply(rows, self.members, self.starts)
        return summed.reshape(nodes, batch, channels).transpose(0, 1)


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
