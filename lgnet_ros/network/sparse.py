"""Products with fixed sparse matrices: sums over neighbors, edges as differences of vertices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


class _Bags(NamedTuple):
    """A sparse matrix by rows: from starts[i] on, `weights` (1 where None) in the columns `members`."""

    members: Tensor
    starts: Tensor
    weights: Tensor | None


class _BagProduct(torch.autograd.Function):
    """A matrix times rows, by embedding_bag; the gradient is the transpose times rows.

    On a CPU this takes an eighth of a gather's time, and of embedding_bag's own gradient, a scatter.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, *bags: Tensor | None) -> Tensor:
        """`bags`: the matrix's `_Bags`, then its transpose's."""
        ctx.transpose = _Bags(*bags[3:])
        return _product(_Bags(*bags[:3]), rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return _product(ctx.transpose, gradient.contiguous()), *[None] * 6


def _product(bags: _Bags, rows: Tensor) -> Tensor:
    return F.embedding_bag(bags.members, rows, bags.starts, mode="sum", per_sample_weights=bags.weights)


class SparseMatrix(nn.Module):
    """S·x for a fixed sparse S (M,N).

    Args:
        rows, columns: (K,) the entries' places, none twice.
        size: (M,N); every row and column has an entry.
        weights: (K,) the entries; all 1 where None, which also serves bfloat16.
    """

    def __init__(
        self,
        rows: NDArray[np.integer],
        columns: NDArray[np.integer],
        size: tuple[int, int],
        weights: NDArray[np.floating] | None = None,
    ) -> None:
        super().__init__()
        for name, bags in (
            ("matrix", _bags(rows, columns, size[0], weights)),
            ("transpose", _bags(columns, rows, size[1], weights)),
        ):
            for part, value in bags._asdict().items():
                self.register_buffer(f"{name}_{part}", value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(…,N,C) to (…,M,C)."""
        leading, channels = x.shape[:-2], x.shape[-1]
        rows = x.movedim(-2, 0)
        bags = (getattr(self, f"{name}_{part}") for name in ("matrix", "transpose") for part in _Bags._fields)
        product = _BagProduct.apply(rows.flatten(1), *bags)
        return product.reshape(product.shape[0], *leading, channels).movedim(0, -2)


class NeighborSum(SparseMatrix):
    """x_i + Σ_j x_j over the neighbors j of node i: the aggregation of Eq. 11.

    Args:
        edges: (E,2) undirected edges, each once.
        nodes: N.
    """

    def __init__(self, edges: NDArray[np.integer], nodes: int) -> None:
        itself = np.arange(nodes)
        rows = np.concatenate([edges[:, 0], edges[:, 1], itself])
        columns = np.concatenate([edges[:, 1], edges[:, 0], itself])
        super().__init__(rows, columns, (nodes, nodes))


def _bags(
    rows: NDArray[np.integer], columns: NDArray[np.integer], count: int, weights: NDArray[np.floating] | None
) -> _Bags:
    order = np.lexsort((columns, rows))
    starts = np.searchsorted(rows[order], np.arange(count))
    return _Bags(
        torch.from_numpy(columns[order].astype(np.int64)),
        torch.from_numpy(starts.astype(np.int64)),
        None if weights is None else torch.from_numpy(weights[order].astype(np.float32)),
    )
