"""The z-buffer against a slow ray-caster that shares nothing with it."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.data.synthetic.raster import NEAR_M, View, rasterize


def _view(width: int = 37, height: int = 29, focal: float = 31.0) -> View:
    return View(
        np.eye(3), np.zeros(3), focal, focal * 1.1, (width - 1) / 2 + 0.7, (height - 1) / 2, width, height
    )


def _random_scene(seed: int, faces: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of all sizes, some reaching behind the camera."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform([-1.0, -1.0, 0.2], [1.0, 1.0, 3.0], (faces, 1, 3))
    corners = centers + rng.normal(0.0, 1.0, (faces, 3, 3)) * rng.choice([0.05, 0.3, 1.0], (faces, 1, 1))
    return corners.reshape(-1, 3).astype(np.float32), np.arange(3 * faces, dtype=np.int32).reshape(-1, 3)


def _cast(vertices: np.ndarray, faces: np.ndarray, direction: np.ndarray) -> tuple[int, float, float]:
    """Möller and Trumbore: nearest front face, its z, and the gap to the next hit or edge that could tie
    with it."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    edge1, edge2 = b - a, c - a
    normal = np.cross(edge1, edge2)
    p = np.cross(direction, edge2)
    determinant = np.einsum("fc,fc->f", edge1, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = -np.einsum("fc,fc->f", a, p) / determinant
        q = np.cross(-a, edge1)
        v = q @ direction / determinant
        z = np.einsum("fc,fc->f", edge2, q) / determinant
    margin = np.minimum(np.minimum(u, v), 1 - u - v)
    front = (normal @ direction < 0) & (z > NEAR_M)
    hits = np.flatnonzero(front & (margin >= 0))
    doubtful = bool(np.any(front & (np.abs(margin) < 1e-4)))
    if not len(hits):
        return -1, 0.0, 0.0 if doubtful else 1.0
    order = hits[np.argsort(z[hits])]
    gap = 1.0 if len(order) == 1 else z[order[1]] - z[order[0]]
    return int(order[0]), float(z[order[0]]), 0.0 if doubtful else float(gap)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("supersampling", [1, 2])
def test_z_buffer_sees_what_a_ray_caster_sees(seed: int, supersampling: int) -> None:
    view = _view()
    vertices, faces = _random_scene(seed)
    seen = rasterize(vertices, faces, view, supersampling)
    rng = np.random.default_rng(seed + 1000)
    compared = 0
    for _ in range(300):
        row, column = rng.integers(view.height * supersampling), rng.integers(view.width * supersampling)
        x, y = (column + 0.5) / supersampling - 0.5, (row + 0.5) / supersampling - 0.5
        ray = np.array([(x - view.center_x) / view.focal_x, (y - view.center_y) / view.focal_y, 1.0])
        face, z, gap = _cast(vertices, faces, ray)
        if gap < 1e-4:
            continue
        compared += 1
        assert seen.face[row, column] == face
        if face >= 0:
            assert 1.0 / seen.inverse_depth[row, column] == pytest.approx(z, rel=1e-4)
    assert compared > 200


def test_barycentric_planes_give_back_the_point_that_is_seen() -> None:
    view = _view()
    vertices, faces = _random_scene(3)
    seen = rasterize(vertices, faces, view, 1)
    rows, columns = np.nonzero(seen.face >= 0)
    planes = seen.planes[seen.face[rows, columns]].reshape(-1, 3, 3).astype(np.float64)
    weights = np.einsum("nij,nj->ni", planes, np.stack([columns, rows, np.ones_like(rows)], axis=1))
    corners = vertices[faces[seen.face[rows, columns]]]
    points = np.einsum("ni,nic->nc", weights / weights.sum(axis=1, keepdims=True), corners)
    projected_x = view.focal_x * points[:, 0] / points[:, 2] + view.center_x
    projected_y = view.focal_y * points[:, 1] / points[:, 2] + view.center_y
    np.testing.assert_allclose(projected_x, columns, atol=0.02)
    np.testing.assert_allclose(projected_y, rows, atol=0.02)
    np.testing.assert_allclose(points[:, 2], 1.0 / seen.inverse_depth[rows, columns], rtol=2e-3)


def test_a_closed_mesh_has_no_cracks_between_its_faces() -> None:
    view = View(np.eye(3), np.zeros(3), 40.0, 40.0, 31.5, 31.5, 64, 64)
    axis = np.linspace(-2.0, 2.0, 24)
    x, y = np.meshgrid(axis, axis)
    bumps = 1.5 + 0.1 * np.sin(3 * x) * np.cos(2 * y)
    vertices = np.stack([x, y, bumps], axis=-1).reshape(-1, 3).astype(np.float32)
    corner = (np.arange(23)[:, None] * 24 + np.arange(23)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 24, corner + 1], 1), np.stack([corner + 1, corner + 24, corner + 25], 1)]
    ).astype(np.int32)
    assert np.all(rasterize(vertices, faces, view, 2).face >= 0)


def test_level_and_upright_edges_fill_exactly_the_samples_between_them() -> None:
    view = View(np.eye(3), np.zeros(3), 16.0, 16.0, 0.0, 0.0, 16, 12)
    corners = [[2.25, 3.25, 16], [9.25, 3.25, 16], [9.25, 8.25, 16], [2.25, 8.25, 16]]
    faces = np.array([[0, 2, 1], [0, 3, 2]], np.int32)
    seen = rasterize(np.array(corners, np.float32) / 16, faces, view, 1)
    expected = np.zeros((12, 16), bool)
    expected[4:9, 3:10] = True
    np.testing.assert_array_equal(seen.face >= 0, expected)


def test_every_face_that_is_seen_counts_as_drawn_and_none_that_looks_away() -> None:
    view = _view()
    vertices, faces = _random_scene(5)
    seen = rasterize(vertices, faces, view, 2)
    assert seen.drawn[seen.face[seen.face >= 0]].all()
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    facing = np.einsum("fc,fc->f", a, np.cross(b, c)) < 0
    assert not seen.drawn[~facing].any()
