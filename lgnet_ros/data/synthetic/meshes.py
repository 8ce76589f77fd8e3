"""Triangles with normals and texture coordinates: boxes, turned shapes, planes, tubes; and how parts make a
surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lgnet_ros.data.synthetic.columns import (
    DETAIL_COLUMNS,
    PLAIN,
)
from lgnet_ros.geometry.vectors import cross, length, unit
from lgnet_ros.jit import exactly

NO_DETAILS = np.zeros((0, DETAIL_COLUMNS), np.float32)
FIRST_MATERIAL, BARE = np.zeros(1, np.uint8), np.full(1, -1, np.int16)  # the same for all of a part's faces


@dataclass(frozen=True)
class Mesh:
    """Bare geometry: vertices, normals, texture (N, 3) float32; faces (M, 3) int32, outward. m."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    texture: np.ndarray

    def shifted(self, translation: np.ndarray) -> Mesh:
        """Elsewhere, unturned."""
        return Mesh(self.vertices + translation.astype(np.float32), self.normals, self.faces, self.texture)

    def moved(self, rotation: np.ndarray, translation: np.ndarray) -> Mesh:
        """Turned, then shifted."""
        turn = rotation.astype(np.float32).T
        return Mesh(
            self.vertices @ turn + translation.astype(np.float32),
            self.normals @ turn,
            self.faces,
            self.texture,
        )


@dataclass(frozen=True)
class Part:
    """Geometry with a look: albedo (N, 3) float32 linear; per face a row of `materials` (K, 12) and of
    `details`. Of albedo and rows one may stand for all.

    `casts_shadow` of the key light; `shaded`: whether hands nearby keep the environment's light from it.
    """

    mesh: Mesh
    albedo: np.ndarray
    materials: np.ndarray
    face_material: np.ndarray
    face_detail: np.ndarray
    details: np.ndarray
    casts_shadow: bool = True
    shaded: bool = True


def material(
    label: int,
    *,
    kind: float = PLAIN,
    image: int = -1,
    image_scale: float = 1.0,
    noise: float = 0.0,
    noise_scale: float = 10.0,
    bump: float = 0.0,
    gloss: float = 0.03,
    gloss_power: float = 12.0,
    wrap: tuple[float, float, float] = (0.05, 0.05, 0.05),
) -> np.ndarray:
    """One row (12,) of the material table, in the order of `columns`; scales are repeats per metre of texture
    coordinate."""
    return np.array(
        [kind, image, image_scale, noise, noise_scale, bump, gloss, gloss_power, label, *wrap], np.float32
    )


def plain_part(
    mesh: Mesh, albedo: np.ndarray, row: np.ndarray, casts_shadow: bool = True, shaded: bool = True
) -> Part:
    """A mesh of one color (3,) and one material."""
    return Part(
        mesh,
        albedo.astype(np.float32)[None],
        row[None],
        FIRST_MATERIAL,
        BARE,
        NO_DETAILS,
        casts_shadow=casts_shadow,
        shaded=shaded,
    )


def box(half: np.ndarray) -> Mesh:
    """A box of half extents (3,); every side has its own corners, so that edges stay sharp."""
    vertices, normals, texture, faces = [], [], [], []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for sign in (1.0, -1.0):
            start = len(vertices)
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                corner = np.zeros(3)
                corner[axis], corner[u], corner[v] = sign * half[axis], a * half[u], b * half[v]
                normal = np.zeros(3)
                normal[axis] = sign
                vertices.append(corner)
                normals.append(normal)
                texture.append((corner[u], corner[v], sign * half[axis]))
            order = (0, 1, 2, 0, 2, 3) if sign > 0 else (0, 2, 1, 0, 3, 2)
            faces += [[start + k for k in order[:3]], [start + k for k in order[3:]]]
    return _mesh(vertices, normals, faces, texture)


def turned(profile: np.ndarray, segments: int = 16) -> Mesh:
    """A solid of revolution about y from a profile (P, 2) of (radius, height), from bottom to top.

    Sharp along the profile, smooth around it; closed where the profile starts and ends at radius 0.
    """
    angle = np.linspace(0.0, 2.0 * np.pi, segments + 1)[None, :, None]
    bands = np.stack([profile[:-1], profile[1:]], axis=1)[:, None]  # (P − 1, 1, 2 ends, 2)
    radius, height = bands[..., 0], bands[..., 1]
    slope = np.stack([height[..., 1] - height[..., 0], radius[..., 0] - radius[..., 1]], axis=-1)
    slope = slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-9)
    shape = (len(profile) - 1, segments + 1, 2)
    cosine, sine = np.broadcast_to(np.cos(angle), shape), np.broadcast_to(np.sin(angle), shape)
    up, out = np.broadcast_to(slope[..., 1:], shape), np.broadcast_to(slope[..., :1], shape)
    y = np.broadcast_to(height, shape)
    # A flat band (a lid) is textured from above, a steep one unrolled.
    flat = np.abs(slope[..., :1]) < 1e-6
    widest = radius.max(axis=-1, keepdims=True)
    u = np.where(flat, radius * cosine, angle * widest)
    v = np.where(flat, radius * sine, y)
    grids = ((radius * cosine, y, radius * sine), (out * cosine, up, out * sine), (u, v, y))
    vertices, normals, texture = (np.stack(np.broadcast_arrays(*g), axis=-1).reshape(-1, 3) for g in grids)
    band = 2 * np.arange(segments)[:, None] + np.array([0, 1, 2, 2, 1, 3])
    faces = (band + np.arange(len(profile) - 1)[:, None, None] * 2 * (segments + 1)).reshape(-1, 3)
    return _mesh(vertices, normals, faces, texture)


def ellipsoid(half: np.ndarray, rings: int = 9, segments: int = 14) -> Mesh:
    """An ellipsoid of half axes (3,), smooth."""
    unit, faces = _sphere(rings, segments)
    half = np.asarray(half, np.float32)
    normals = unit / half
    normals /= np.sqrt((normals * normals).sum(axis=1, keepdims=True))
    vertices = unit * half
    return Mesh(vertices, normals, faces, vertices)


@lru_cache(maxsize=8)
def _sphere(rings: int, segments: int) -> tuple[np.ndarray, np.ndarray]:
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rings)
    longitude = np.linspace(0, 2 * np.pi, segments + 1)
    lat, lon = (grid.ravel() for grid in np.meshgrid(latitude, longitude, indexing="ij"))
    unit = np.stack([np.cos(lat) * np.cos(lon), np.sin(lat), np.cos(lat) * np.sin(lon)], axis=1)
    return unit.astype(np.float32), _grid_faces(rings, segments + 1)


def plane(center: np.ndarray, first: np.ndarray, second: np.ndarray, cells: int) -> Mesh:
    """A grid of cells² quads around `center`, spanned by two half-axes (3,); it faces first × second."""
    a, b, faces = _plane_grid(cells)
    vertices, normals, texture = (np.empty((len(a), 3), np.float32) for _ in range(3))
    sides = length(first), length(second)
    _lay_out(a, b, center, first, second, *sides, unit(cross(first, second)), vertices, normals, texture)
    return Mesh(vertices, normals, faces, texture)


@exactly
def _lay_out(a, b, center, first, second, width, height, normal, vertices, normals, texture):
    for i in range(a.shape[0]):
        for c in range(3):
            vertices[i, c] = center[c] + (a[i] * first[c] + b[i] * second[c])
            normals[i, c] = normal[c]
        texture[i, 0], texture[i, 1], texture[i, 2] = a[i] * width, b[i] * height, 0


@lru_cache(maxsize=4)
def _plane_grid(cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    share = np.linspace(-1.0, 1.0, cells + 1)
    # Denser in the middle, where hands throw their shadows.
    share = np.sign(share) * np.abs(share) ** 1.7
    a, b = (grid.ravel() for grid in np.meshgrid(share, share, indexing="ij"))
    return a, b, _grid_faces(cells + 1, cells + 1)


def tube_faces(rings: int, around: int) -> np.ndarray:
    """(2·(rings − 1)·around, 3) int32 faces of closed rings one after another.

    Outward where the vertices of a ring run counter-clockwise as seen from the last ring towards the first.
    """
    k, i = (grid.ravel() for grid in np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij"))
    a, b = k * around + i, k * around + (i + 1) % around
    lower, upper = np.stack([a, a + around, b], axis=1), np.stack([b, a + around, b + around], axis=1)
    return np.concatenate([lower, upper]).astype(np.int32)


def _grid_faces(rows: int, columns: int) -> np.ndarray:
    r, c = (grid.ravel() for grid in np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij"))
    a = r * columns + c
    lower = np.stack([a, a + columns, a + 1], axis=1)
    upper = np.stack([a + 1, a + columns, a + columns + 1], axis=1)
    return np.concatenate([lower, upper]).astype(np.int32)


def _mesh(vertices, normals, faces, texture) -> Mesh:
    arrays = (np.ascontiguousarray(array, dtype=np.float32) for array in (vertices, normals))
    return Mesh(
        *arrays, np.ascontiguousarray(faces, dtype=np.int32), np.ascontiguousarray(texture, dtype=np.float32)
    )
