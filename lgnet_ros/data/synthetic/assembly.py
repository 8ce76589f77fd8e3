"""How parts become one surface."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.columns import ALBEDO, ATTRIBUTES, NORMAL, TEXTURE
from lgnet_ros.data.synthetic.meshes import Part
from lgnet_ros.data.synthetic.shading import Surface
from lgnet_ros.jit import compiled


def assemble(parts: list[Part]) -> tuple[Surface, np.ndarray]:
    """One surface of all parts (at least one), ambient light left out, and the faces (K, 3) of it that cast
    shadows."""
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
        np.empty(vertex_count, np.bool_),
    )
    vertex = face = material = detail = 0
    casting = [surface.faces[:0]]
    for part in parts:
        mesh = part.mesh
        end = face + len(mesh.faces)
        _append_faces(
            mesh.faces, part.face_material, part.face_detail, face, vertex, material, detail,
            surface.faces, surface.part, surface.detail,
        )  # fmt: skip
        _append_vertices(
            mesh.vertices, mesh.normals, part.albedo, mesh.texture, part.shaded, vertex,
            surface.vertices, surface.attributes, surface.shaded,
        )  # fmt: skip
        if part.casts_shadow:
            casting.append(surface.faces[face:end])
        vertex, face = vertex + len(mesh.vertices), end
        material, detail = material + len(part.materials), detail + len(part.details)
    return surface, np.concatenate(casting)


@compiled
def _append_faces(
    faces, material, detail, first, first_vertex, first_material, first_detail, out, part, details
):
    """Writes a part's faces behind the `first` that are there."""
    one_material, one_detail = material.shape[0] == 1, detail.shape[0] == 1
    for i in range(faces.shape[0]):
        f = np.uint64(first + i)
        for k in range(3):
            out[f, k] = faces[i, k] + first_vertex
        part[f] = material[0 if one_material else i] + first_material
        d = detail[0 if one_detail else i]
        details[f] = d + first_detail if d >= 0 else -1


@compiled
def _append_vertices(vertices, normals, albedo, texture, shaded, first, out, attributes, all_shaded):
    """Writes a part's vertices behind the `first` that are there."""
    one_color = albedo.shape[0] == 1
    for i in range(vertices.shape[0]):
        v, a = np.uint64(first + i), 0 if one_color else i
        all_shaded[v] = shaded
        for c in range(3):
            out[v, c] = vertices[i, c]
            attributes[v, NORMAL + c] = normals[i, c]
            attributes[v, ALBEDO + c] = albedo[a, c]
            attributes[v, TEXTURE + c] = texture[i, c]
