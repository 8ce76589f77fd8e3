"""Graph convolutions against adjacency matrices and eigenvectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lgnet_ros.hand_model import HandModel
from lgnet_ros.network.graph import (
    ChebyshevBlock,
    GINConvBlock,
    GINResBlock,
    chebyshev_stack,
    gin_stack,
    grid_edges,
    scaled_laplacian,
)
from lgnet_ros.network.sparse import NeighborSum, SparseMatrix

GRID = grid_edges(8, 8)


def adjacency(edges: np.ndarray, nodes: int) -> Tensor:
    matrix = torch.zeros(nodes, nodes)
    for a, b in edges:
        matrix[a, b] = matrix[b, a] = 1
    return matrix


def plain_gin(block: GINConvBlock, matrix: Tensor, x: Tensor) -> Tensor:
    """ReLU(BatchNorm(MLP((A + I) x))) with batch statistics, written out."""
    first, _, second = block.mlp
    hidden = (matrix + torch.eye(len(matrix))) @ x
    hidden = (hidden @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias
    mean, variance = hidden.mean((0, 1)), hidden.var((0, 1), unbiased=False)
    hidden = (hidden - mean) / (variance + block.norm.eps).sqrt() * block.norm.weight + block.norm.bias
    return hidden.clamp(min=0)


def test_grid_nodes_touch_their_eight_neighbors() -> None:
    matrix = adjacency(GRID, 64)
    rows, columns = np.divmod(np.arange(64), 8)
    distance = np.maximum(np.abs(rows[:, None] - rows), np.abs(columns[:, None] - columns))
    np.testing.assert_array_equal(matrix.numpy(), distance == 1)
    assert len(GRID) == len(np.unique(GRID, axis=0)) == 210


@pytest.mark.parametrize("graph", ["grid", "mesh"])
def test_neighbor_sum_is_the_adjacency_matrix_plus_identity(graph: str, hand_model: HandModel) -> None:
    edges, nodes = (GRID, 64) if graph == "grid" else (hand_model.edges, 778)
    x = torch.randn(3, nodes, 5)
    expected = (adjacency(edges, nodes) + torch.eye(nodes)) @ x
    torch.testing.assert_close(NeighborSum(edges, nodes)(x), expected, atol=1e-5, rtol=1e-5)


def test_the_gradient_of_the_neighbor_sum_is_right() -> None:
    x = torch.randn(2, 9, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(NeighborSum(grid_edges(3, 3), 9), x)


def test_a_sparse_product_and_its_gradient_are_the_dense_ones() -> None:
    rows, columns = np.array([0, 0, 1, 2, 2, 2, 4, 3]), np.array([1, 3, 0, 2, 0, 3, 1, 3])
    weights = np.linspace(-2, 2, 8).astype(np.float32)
    dense = torch.zeros(5, 4)
    dense[rows, columns] = torch.from_numpy(weights)
    x = torch.randn(2, 3, 4, 6, requires_grad=True)
    got, expected = SparseMatrix(rows, columns, (5, 4), weights)(x), dense @ x
    torch.testing.assert_close(got, expected)
    pull = torch.randn(2, 3, 5, 6)
    gradients = (torch.autograd.grad((y * pull).sum(), x)[0] for y in (got, expected))
    torch.testing.assert_close(*gradients)


def test_gin_blocks_equal_the_adjacency_matrix_reference() -> None:
    neighbor_sum, matrix = NeighborSum(GRID, 64), adjacency(GRID, 64)
    x = torch.randn(2, 64, 16)
    block = GINConvBlock(neighbor_sum, 16).train()
    nn.init.normal_(block.norm.weight)
    torch.testing.assert_close(block(x), plain_gin(block, matrix, x), atol=1e-5, rtol=1e-5)
    residual = GINResBlock(neighbor_sum, 16).train()
    expected = x + plain_gin(residual.second, matrix, plain_gin(residual.first, matrix, x))
    torch.testing.assert_close(residual(x), expected, atol=1e-5, rtol=1e-5)


def test_figure_3_stacks_one_block_three_residual_blocks_and_one_block() -> None:
    kinds = [type(part) for part in gin_stack(GRID, 64, 8)]
    assert kinds == [GINConvBlock, GINResBlock, GINResBlock, GINResBlock, GINConvBlock]
    assert len(chebyshev_stack(GRID, 64, 8)) == 3


def test_the_scaled_laplacian_has_eigenvalues_from_minus_one_to_one() -> None:
    values = torch.linalg.eigvalsh(scaled_laplacian(GRID, 64).double())
    assert values[0].item() == pytest.approx(-1, abs=1e-5)
    assert values[-1].item() == pytest.approx(1, abs=1e-5)


def test_chebyshev_filters_by_cosines_of_the_spectrum() -> None:
    """T_k(cos φ) = cos kφ on the eigenvalues: no recursion in the reference."""
    block = ChebyshevBlock(GRID, 64, 6).train()
    x = torch.randn(2, 64, 6)
    values, vectors = torch.linalg.eigh(block.laplacian.double())
    angle = values.clamp(-1, 1).arccos()
    terms = [vectors @ torch.diag((k * angle).cos()) @ vectors.T @ x.double() for k in range(3)]
    hidden = sum(
        term @ weight.T for term, weight in zip(terms, block.weights.weight.double().split(6, 1), strict=True)
    )
    hidden = hidden + block.weights.bias
    mean, variance = hidden.mean((0, 1)), hidden.var((0, 1), unbiased=False)
    expected = ((hidden - mean) / (variance + block.norm.eps).sqrt()).clamp(min=0)
    torch.testing.assert_close(block(x).double(), expected, atol=1e-5, rtol=1e-5)
