"""What follows from a triangle list alone: edges, boundary, orientation, volume."""

from __future__ import annotations

import math

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.jit import exactly


def directed_edges(faces: np.ndarray) -> np.ndarray:
    """(F, 3) faces → (3F, 2) edges, each as its face runs along it."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def undirected_edges(faces: np.ndarray) -> np.ndarray:
    """(F, 3) faces → (E, 2) edges, each once, smaller index first, sorted."""
    return np.unique(np.sort(directed_edges(faces), axis=1), axis=0)


def boundary_loop(faces: np.ndarray) -> np.ndarray:
    """The vertices of the mesh's only boundary, in the order in which the faces run along it.

    Starts at the smallest index, so that the same mesh always gives the same loop.

    Raises:
        UserError: the mesh is closed, or its open edges do not form one loop.
    """
    edges = directed_edges(faces)
    present = {(int(a), int(b)) for a, b in edges}
    following = {a: b for a, b in present if (b, a) not in present}
    if not following:
        raise UserError("hand mesh: closed, a hand model ends in an open loop at the wrist")
    loop = [min(following)]
    while len(loop) <= len(following) and following.get(loop[-1], loop[0]) != loop[0]:
        loop.append(following[loop[-1]])
    if len(loop) != len(following):
        raise UserError(f"hand mesh: {len(following)} open edges do not form one loop at the wrist")
    return np.array(loop, dtype=np.int64)


def neighbor_mean(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(V, C) → (V, C): the mean of each vertex's neighbors, along undirected (E, 2) edges."""
    both = np.concatenate([edges, edges[:, ::-1]])
    total = np.zeros_like(values)
    np.add.at(total, both[:, 0], values[both[:, 1]])
    return total / np.bincount(both[:, 0], minlength=len(values))[:, None]


def euler_characteristic(faces: np.ndarray) -> int:
    """V − E + F over the vertices that faces use: 1 for a sphere with one hole."""
    return len(np.unique(faces)) - len(undirected_edges(faces)) + len(faces)


def face_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(…, V, 3) → (…, F, 3) normals whose length is twice the face's area; outward for outward winding."""
    a, b, c = (vertices[..., faces[:, i], :] for i in range(3))
    return np.cross(b - a, c - a)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) → (V, 3) unit normals, faces weighted by area."""
    normals = np.zeros((len(vertices), 3))
    _fill_normals(np.ascontiguousarray(vertices), np.ascontiguousarray(faces, dtype=np.int64), normals)
    return normals.astype(vertices.dtype, copy=False)


def enclosed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume of a closed mesh, in the cube of its unit (divergence theorem)."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


@exactly
def _fill_normals(vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray) -> None:
    """See `vertex_normals`; `normals` come as zeros."""
    of_faces = np.empty((len(faces), 3), vertices.dtype)
    for face in range(len(faces)):
        a, b, c = vertices[faces[face, 0]], vertices[faces[face, 1]], vertices[faces[face, 2]]
        for x in range(3):
            y, z = (x + 1) % 3, (x + 2) % 3
            of_faces[face, x] = (b[y] - a[y]) * (c[z] - a[z]) - (b[z] - a[z]) * (c[y] - a[y])
    for corner in range(3):
        for face in range(len(faces)):
            for axis in range(3):
                normals[faces[face, corner], axis] += of_faces[face, axis]
    for normal in normals:
        length = max(math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2), 1e-12)
        for axis in range(3):
            normal[axis] /= length
