"""What follows from a triangle list alone: edges, boundary, orientation, volume."""

from __future__ import annotations

import numpy as np

from lgnet_ros.errors import UserError


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
    corners, count = faces.T.ravel(), len(vertices)
    per_corner = np.tile(face_normals(vertices, faces), (3, 1))
    normals = np.stack([np.bincount(corners, per_corner[:, axis], count) for axis in range(3)], axis=1)
    lengths = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return (normals / lengths).astype(vertices.dtype)


def enclosed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume of a closed mesh, in the cube of its unit (divergence theorem)."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)
