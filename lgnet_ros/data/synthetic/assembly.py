"""How parts become one lit surface."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.columns import ALBEDO, AMBIENT, ATTRIBUTES, NORMAL, TEXTURE
from lgnet_ros.data.synthetic.meshes import Part
from lgnet_ros.data.synthetic.shading import Surface
from lgnet_ros.data.synthetic.vertex_light import irradiance, openness
from lgnet_ros.jit import compiled


def assemble(
    parts: list[Part], harmonics: np.ndarray, balls: tuple[np.ndarray, np.ndarray]
) -> tuple[Surface, np.ndarray]:
    """One surface of all parts, lit by the environment, and the faces (K, 3) of it that cast shadows.

    Args:
        parts: at least one.
        harmonics: (9, 3) irradiance, see `irradiance`.
        balls: centers (K, 3) and radii (K,) that keep the environment's light off their neighborhood.
    """
    vertex_count = sum(len(part.mesh.vertices) for part in parts)
    face_count = sum(len(part.mesh.faces) for part in parts)
    surface = Surface(
        np.empty((vertex_count, 3), np.float32),
        np.empty((face_count, 3), np.int32),
        np.empty(face_count, np.uint8),
        np.empty(face_count, np.int16),
        np.empty((vertex_count, ATTRIBUTES), np.float32),
        np.concatenate([part.materials for part in parts]),
        np.concatenate([part.details for part in parts]),
    )
    harmonics = harmonics.astype(np.float32)
    centers, squared_radii = np.ascontiguousarray(balls[0].T), np.square(balls[1])
    vertex = face = material = detail = 0
    casting = [surface.faces[:0]]
    for part in parts:
        mesh = part.mesh
        end = face + len(mesh.faces)
        _append(
            mesh.faces, part.face_material, part.face_detail, face, vertex, material, detail,
            surface.faces, surface.part, surface.detail,
            mesh.vertices, mesh.normals, part.albedo, mesh.texture, harmonics, centers, squared_radii,
            part.shaded, surface.vertices, surface.attributes,
        )  # fmt: skip
        if part.casts_shadow:
            casting.append(surface.faces[face:end])
        vertex, face = vertex + len(mesh.vertices), end
        material, detail = material + len(part.materials), detail + len(part.details)
    return surface, np.concatenate(casting)


@compiled
def _append(
    faces, material, detail, first, first_vertex, first_material, first_detail,
    all_faces, all_parts, all_details,
    vertices, normals, albedo, texture, harmonics, centers, squared_radii, shaded, all_vertices, attributes,
):  # fmt: skip
    """Writes one part behind those that are there: `first` faces and `first_vertex` vertices."""
    end = first + faces.shape[0]
    _append_faces(
        faces, material, detail, first_vertex, first_material, first_detail,
        all_faces[first:end], all_parts[first:end], all_details[first:end],
    )  # fmt: skip
    _append_vertices(
        vertices, normals, albedo, texture, harmonics, centers, squared_radii, shaded, first_vertex,
        all_vertices, attributes,
    )  # fmt: skip


@compiled
def _append_faces(faces, material, detail, first_vertex, first_material, first_detail, out, part, details):
    one_material, one_detail = material.shape[0] == 1, detail.shape[0] == 1
    for f in range(faces.shape[0]):
        for k in range(3):
            out[f, k] = faces[f, k] + first_vertex
        part[f] = material[0 if one_material else f] + first_material
        d = detail[0 if one_detail else f]
        details[f] = d + first_detail if d >= 0 else -1


@compiled
def _append_vertices(
    vertices, normals, albedo, texture, harmonics, centers, squared_radii, shaded, first, out, attributes
):
    one_color = albedo.shape[0] == 1
    for i in range(vertices.shape[0]):
        v, a = first + i, 0 if one_color else i
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        opened = np.float32(1)
        if shaded:
            x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
            opened = openness(x, y, z, nx, ny, nz, centers, squared_radii)
        for c in range(3):
            out[v, c] = vertices[i, c]
            attributes[v, NORMAL + c] = normals[i, c]
            attributes[v, ALBEDO + c] = albedo[a, c]
            attributes[v, AMBIENT + c] = irradiance(c, nx, ny, nz, harmonics) * opened
            attributes[v, TEXTURE + c] = texture[i, c]
