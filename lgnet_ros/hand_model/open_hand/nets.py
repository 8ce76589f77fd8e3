"""Surface nets: a quad mesh of an implicit surface on a regular grid (Gibson 1998), as triangles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def surface_net(
    distance: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray, cell: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mesh the zero level inside a box.

    Returns:
        (V, 3) vertices, one per cell that the surface crosses, and (F, 3) triangles, outward.
    """
    counts = np.ceil((high - low) / cell).astype(int) + 1
    axes = [low[i] + cell * np.arange(counts[i]) for i in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    values = distance(grid.reshape(-1, 3)).reshape(counts)
    index, vertices = _cell_vertices(grid, values)
    quads = np.concatenate([_quads_across(index, values < 0, axis) for axis in range(3)])
    return vertices, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _cell_vertices(grid: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the surface's crossings of each cell's 12 edges."""
    shape = tuple(n - 1 for n in values.shape)
    total, crossings = np.zeros((*shape, 3)), np.zeros(shape)
    corners = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    for one in corners:
        for axis in range(3):
            if one[axis]:
                continue
            other = tuple(c + (i == axis) for i, c in enumerate(one))
            a, b = (
                tuple(slice(c, c + n) for c, n in zip(corner, shape, strict=True)) for corner in (one, other)
            )
            crossed = (values[a] < 0) != (values[b] < 0)
            difference = np.where(crossed, values[a] - values[b], 1.0)
            share = np.where(crossed, values[a] / difference, 0.0)[..., None]
            total += crossed[..., None] * (grid[a] + share * (grid[b] - grid[a]))
            crossings += crossed
    active = crossings > 0
    index = np.full(shape, -1)
    index[active] = np.arange(active.sum())
    return index, total[active] / crossings[active][:, None]


def _quads_across(index: np.ndarray, inside: np.ndarray, axis: int) -> np.ndarray:
    """A quad through the four cells around each inner grid edge along `axis` that the surface crosses."""
    first = np.take(inside, range(inside.shape[axis] - 1), axis)
    second = np.take(inside, range(1, inside.shape[axis]), axis)
    edges = np.argwhere(first != second)
    u, v = (axis + 1) % 3, (axis + 2) % 3
    inner = (
        (edges[:, u] > 0)
        & (edges[:, v] > 0)
        & (edges[:, u] < index.shape[u])
        & (edges[:, v] < index.shape[v])
    )
    edges = edges[inner]
    cells = []
    for du, dv in ((1, 1), (0, 1), (0, 0), (1, 0)):
        cell = edges.copy()
        cell[:, u] -= du
        cell[:, v] -= dv
        cells.append(index[tuple(cell.T)])
    quads = np.stack(cells, 1)
    leaving = first[tuple(edges.T)]  # from inside to outside along the axis
    return np.where(leaving[:, None], quads, quads[:, ::-1])
