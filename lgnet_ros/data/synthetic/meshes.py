"""Triangles with normals and texture coordinates: boxes, turned shapes, planes, tubes; and how parts make a
surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lgnet_ros.data.synthetic.columns import (
    ALBEDO,
    AMBIENT,
    ATTRIBUTES,
    BUMP,
    DETAIL_COLUMNS,
    GLOSS,
    GLOSS_POWER,
    IMAGE,
    IMAGE_SCALE,
    KIND,
    LABEL,
    MATERIAL_COLUMNS,
    NOISE,
    NOISE_SCALE,
    NORMAL,
    PLAIN,
    TEXTURE,
    WRAP,
)
from lgnet_ros.data.synthetic.shading import Surface
from lgnet_ros.data.synthetic.vertex_light import environment_light, occlusion

NO_DETAILS = np.zeros((0, DETAIL_COLUMNS), np.float32)


@dataclass(frozen=True)
class Mesh:
    """Bare geometry: vertices, normals, texture (N, 3) float32; faces (M, 3) int32, outward. m."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    texture: np.ndarray

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
    `details`.

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
    """One row (12,) of the material table; scales are repeats per metre of texture coordinate."""
    row = np.zeros(MATERIAL_COLUMNS, np.float32)
    row[[KIND, IMAGE, NOISE, NOISE_SCALE, BUMP, GLOSS, GLOSS_POWER]] = [
        kind, image, noise, noise_scale, bump, gloss, gloss_power,
    ]  # fmt: skip
    row[WRAP : WRAP + 3] = wrap
    row[[LABEL, IMAGE_SCALE]] = [label, image_scale]
    return row


def plain_part(
    mesh: Mesh, albedo: np.ndarray, row: np.ndarray, casts_shadow: bool = True, shaded: bool = True
) -> Part:
    """A mesh of one color (3,) and one material."""
    faces = len(mesh.faces)
    return Part(
        mesh,
        np.broadcast_to(albedo.astype(np.float32), mesh.vertices.shape),
        row[None],
        np.zeros(faces, np.uint8),
        np.full(faces, -1, np.int16),
        NO_DETAILS,
        casts_shadow=casts_shadow,
        shaded=shaded,
    )


def assemble(
    parts: list[Part], harmonics: np.ndarray, balls: tuple[np.ndarray, np.ndarray]
) -> tuple[Surface, np.ndarray]:
    """One surface of all parts, lit by the environment, and the indices of the faces that cast shadows.

    Args:
        parts: at least one.
        harmonics: (9, 3) irradiance, see `environment_light`.
        balls: centers (K, 3) and radii (K,) that keep the environment's light off their neighborhood.
    """
    first_vertex = np.cumsum([0] + [len(p.mesh.vertices) for p in parts])
    first_material = np.cumsum([0] + [len(p.materials) for p in parts])
    first_detail = np.cumsum([0] + [len(p.details) for p in parts])
    vertices = np.concatenate([p.mesh.vertices for p in parts])
    attributes = np.empty((len(vertices), ATTRIBUTES), np.float32)
    normals = np.concatenate([p.mesh.normals for p in parts])
    attributes[:, NORMAL : NORMAL + 3] = normals
    attributes[:, ALBEDO : ALBEDO + 3] = np.concatenate([p.albedo for p in parts])
    attributes[:, TEXTURE : TEXTURE + 3] = np.concatenate([p.mesh.texture for p in parts])
    light = environment_light(normals, harmonics)
    for part, start in zip(parts, first_vertex, strict=False):
        if part.shaded:
            own = slice(start, start + len(part.mesh.vertices))
            light[own] *= occlusion(vertices[own], normals[own], *balls)[:, None]
    attributes[:, AMBIENT : AMBIENT + 3] = light
    starts = list(zip(parts, first_vertex, first_material, first_detail, strict=False))
    surface = Surface(
        np.ascontiguousarray(vertices),
        np.concatenate([p.mesh.faces + vertex for p, vertex, _, _ in starts]).astype(np.int32),
        np.concatenate([p.face_material + row for p, _, row, _ in starts]).astype(np.uint8),
        np.concatenate(
            [np.where(p.face_detail >= 0, p.face_detail + row, -1) for p, _, _, row in starts]
        ).astype(np.int16),
        attributes,
        np.concatenate([p.materials for p in parts]),
        np.concatenate([p.details for p in parts]),
    )
    casts = np.repeat([p.casts_shadow for p in parts], [len(p.mesh.faces) for p in parts])
    return surface, np.flatnonzero(casts)


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
    offset = a * first + b * second
    normal = np.cross(first, second)
    normal = normal / np.linalg.norm(normal)
    texture = np.concatenate(
        [a * np.linalg.norm(first), b * np.linalg.norm(second), np.zeros_like(a)], axis=1
    )
    return _mesh(center + offset, np.broadcast_to(normal, offset.shape), faces, texture)


@lru_cache(maxsize=4)
def _plane_grid(cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    share = np.linspace(-1.0, 1.0, cells + 1)
    # Denser in the middle, where hands throw their shadows.
    share = np.sign(share) * np.abs(share) ** 1.7
    a, b = (grid.ravel()[:, None] for grid in np.meshgrid(share, share, indexing="ij"))
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
