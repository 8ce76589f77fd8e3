"""What light does smoothly, computed at the vertices: normals, environment light, ambient occlusion."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.jit import compiled


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(N, 3) float32 unit normals of (N, 3) float32 vertices, faces (M, 3) int32 weighted by area."""
    normals = np.zeros_like(vertices)
    _accumulate_normals(vertices, faces, normals)
    return normals


@compiled
def _accumulate_normals(vertices, faces, normals):
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in range(3):
            v = faces[f, k]
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(normals.shape[0]):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        scale = np.float32(1.0) / max(np.sqrt(x * x + y * y + z * z), np.float32(1e-12))
        normals[v, 0], normals[v, 1], normals[v, 2] = x * scale, y * scale, z * scale


def environment_light(normals: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """(N, 3) irradiance at normals (N, 3) from nine spherical-harmonic coefficients per channel (9, 3).

    The coefficients are of the irradiance itself (Ramamoorthi and Hanrahan 2001), in the order 1, y, z, x,
    xy, yz, 3z² − 1, xz, x² − y².
    """
    x, y, z = normals[:, 0], normals[:, 1], normals[:, 2]
    basis = np.stack([np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1)
    return np.maximum(basis @ harmonics.astype(np.float32), np.float32(0.015))


def occlusion(points: np.ndarray, normals: np.ndarray, centers: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """(N,) how open the half-space over each point is, 0 to 1, among balls (K, 3) with radii (K,).

    A ball of radius r at distance d in direction ω takes (n · ω)(r/d)² of the cosine-weighted half-space.
    """
    result = np.empty(len(points), np.float32)
    _occlude(points, normals, np.ascontiguousarray(centers.T), np.square(radii), result)
    return result


@compiled
def _occlude(points, normals, centers, squared_radii, result):
    for p in range(points.shape[0]):
        taken = np.float32(0)
        px, py, pz = points[p, 0], points[p, 1], points[p, 2]
        nx, ny, nz = normals[p, 0], normals[p, 1], normals[p, 2]
        for k in range(squared_radii.shape[0]):
            x, y, z = centers[0, k] - px, centers[1, k] - py, centers[2, k] - pz
            squared = x * x + y * y + z * z
            inverse = np.float32(1.0) / np.sqrt(squared + np.float32(1e-9))
            facing = (x * nx + y * ny + z * nz) * inverse
            blocked = max(facing, np.float32(0)) * min(squared_radii[k] * inverse * inverse, np.float32(1.0))
            taken += blocked
        # Balls hide one another: shares multiply rather than add up.
        result[p] = np.exp(np.float32(-0.9) * taken)
