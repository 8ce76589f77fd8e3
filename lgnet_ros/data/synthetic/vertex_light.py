"""What light does smoothly, computed at the vertices: normals, environment light, ambient occlusion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lgnet_ros.data.synthetic.columns import AMBIENT, NORMAL
from lgnet_ros.jit import compiled


class Environment(NamedTuple):
    """Light from all around: `harmonics` (9, 3) of irradiance, see `irradiance`, and the balls that keep it
    off their neighborhood: centers (3, K) and squared radii (K,). All float32."""

    harmonics: np.ndarray
    centers: np.ndarray
    squared_radii: np.ndarray


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(N, 3) float32 unit normals of (N, 3) float32 vertices, faces (M, 3) int32 weighted by area."""
    normals = np.zeros_like(vertices)
    _accumulate_normals(vertices, faces, normals)
    return normals


@compiled
def _accumulate_normals(vertices, faces, normals):
    for f in range(faces.shape[0]):
        a, b, c = np.uint32(faces[f, 0]), np.uint32(faces[f, 1]), np.uint32(faces[f, 2])
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
            v = np.uint32(faces[f, k])
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(normals.shape[0]):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        scale = np.float32(1.0) / max(np.sqrt(x * x + y * y + z * z), np.float32(1e-12))
        normals[v, 0], normals[v, 1], normals[v, 2] = x * scale, y * scale, z * scale


@compiled
def light_vertices(drawn, faces, shaded, vertices, attributes, harmonics, centers, squared_radii):
    """Fills the ambient light of the vertices of `drawn` faces; of others nobody asks.

    shaded (N,) bool: whether the balls darken a vertex. The rest as in `Surface` and `Environment`.
    """
    lit = np.zeros(vertices.shape[0], np.bool_)
    for f in range(faces.shape[0]):
        for k in range(3 if drawn[f] else 0):
            v = np.uint32(faces[f, k])
            if lit[v]:
                continue
            lit[v] = True
            nx, ny, nz = attributes[v, NORMAL], attributes[v, NORMAL + 1], attributes[v, NORMAL + 2]
            opened = np.float32(1)
            if shaded[v]:
                x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
                opened = openness(x, y, z, nx, ny, nz, centers, squared_radii)
            for c in range(3):
                attributes[v, AMBIENT + c] = irradiance(c, nx, ny, nz, harmonics) * opened


@compiled
def irradiance(c, x, y, z, harmonics):
    """Of channel c at a unit normal, from nine spherical-harmonic coefficients per channel (9, 3).

    The coefficients are of the irradiance itself (Ramamoorthi and Hanrahan 2001), in the order 1, y, z, x,
    xy, yz, 3z² − 1, xz, x² − y².
    """
    h, one = harmonics, np.float32(1)
    linear = h[0, c] + h[1, c] * y + h[2, c] * z + h[3, c] * x
    squares = h[6, c] * (np.float32(3) * z * z - one) + h[8, c] * (x * x - y * y)
    return max(linear + squares + h[4, c] * x * y + h[5, c] * y * z + h[7, c] * x * z, np.float32(0.015))


@compiled
def openness(px, py, pz, nx, ny, nz, centers, squared_radii):
    """How open the half-space over a point with a normal is, 0 to 1, among balls (3, K), (K,).

    A ball of radius r at distance d in direction ω takes (n · ω)(r/d)² of the cosine-weighted half-space.
    """
    taken = np.float32(0)
    for k in range(squared_radii.shape[0]):
        x, y, z = centers[0, k] - px, centers[1, k] - py, centers[2, k] - pz
        squared = x * x + y * y + z * z
        inverse = np.float32(1.0) / np.sqrt(squared + np.float32(1e-9))
        facing = (x * nx + y * ny + z * nz) * inverse
        taken += max(facing, np.float32(0)) * min(squared_radii[k] * inverse * inverse, np.float32(1.0))
    # Balls hide one another: shares multiply rather than add up.
    return np.exp(np.float32(-0.9) * taken)
