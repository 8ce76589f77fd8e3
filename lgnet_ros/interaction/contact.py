"""Where two hand surfaces are closest, touch, or pass into each other.

Bounding boxes leave the vertices that can matter; compiled loops find which of them come near the other hand
and measure only those against its triangles. Inside and outside are told by angle-weighted pseudo-normals
(Bærentzen and Aanæs 2005), which give the right sign wherever the closest point is on a closed part of the
mesh; next to the open wrist everything counts as outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lgnet_ros.jit import exactly

Vector = tuple[float, float, float]

_NEAREST_VERTICES = 6
_EVERY = 8  # of so many vertices one tells well enough about where two meshes are nearest
_REACH_M = (
    0.012  # no closest point of a triangle is further than this from one of its corners on a hand's mesh
)


@dataclass(frozen=True)
class SurfaceContact:
    """distance_m, closest_points (2, 3) [first surface, second], contacts (N, 3), penetration_m; see
    `HandRelation`.
    """

    distance_m: float
    closest_points: np.ndarray
    contacts: np.ndarray
    penetration_m: float


class SurfaceTopology:
    """What the measurements need to know of one mesh's faces (F, 3), outward-wound; made once per hand."""

    def __init__(self, faces: np.ndarray, vertex_count: int) -> None:
        self.faces = np.ascontiguousarray(faces, dtype=np.int64)
        corner = self.faces.ravel()
        order = np.argsort(corner, kind="stable")
        self.incident_faces = np.ascontiguousarray(
            order // 3
        )  # faces around vertex v: [start[v], start[v + 1])
        self.incident_start = np.concatenate([[0], np.cumsum(np.bincount(corner, minlength=vertex_count))])
        self.edge_neighbors = _edge_neighbors(self.faces)
        self.on_boundary = np.zeros(vertex_count, dtype=np.bool_)
        open_face, open_edge = np.nonzero(self.edge_neighbors < 0)
        self.on_boundary[self.faces[open_face, open_edge]] = True
        self.on_boundary[self.faces[open_face, (open_edge + 1) % 3]] = True


def surface_contact(
    first: np.ndarray,
    second: np.ndarray,
    first_topology: SurfaceTopology,
    second_topology: SurfaceTopology,
    contact_m: float = 0.005,
) -> SurfaceContact:
    """Distance, contacts and penetration of two meshes (V, 3) each, metres, in one frame.

    contact_m: points whose distance to the other surface is below this, or that lie inside it, are contacts.
    Measured from the vertices of either mesh to the surface of the other: two edges that cross without a
    vertex nearby are off by less than the mesh's spacing squared over its radius, below half a millimetre on
    a hand.
    """
    first, second = (
        np.ascontiguousarray(first, dtype=np.float64),
        np.ascontiguousarray(second, dtype=np.float64),
    )
    facing_first, facing_second, near_first, near_second = _facing(first, second, contact_m)
    on_first, on_second, from_first = _measure(first[facing_first], second, near_second, second_topology)
    back_second, back_first, from_second = _measure(second[facing_second], first, near_first, first_topology)
    on_first = np.concatenate([on_first, back_first])
    on_second = np.concatenate([on_second, back_second])
    signed = np.concatenate([from_first, from_second])
    closest = int(np.argmin(np.abs(signed)) if signed.min() > 0 else np.argmin(signed))
    touching = signed < contact_m
    return SurfaceContact(
        distance_m=float(max(signed[closest], 0.0)),
        closest_points=np.stack([on_first[closest], on_second[closest]]),
        contacts=((on_first + on_second) / 2)[touching],
        penetration_m=float(max(-signed.min(), 0.0)),
    )


def _measure(
    points: np.ndarray, mesh: np.ndarray, near: np.ndarray, topology: SurfaceTopology
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The points (N, 3), their closest points (N, 3) on the mesh, signed distances (N,), inside negative.

    near: the mesh's vertices among which each point's nearest ones are.
    """
    closest, signed = _signed_distances(
        points, near, mesh, topology.faces, topology.incident_start, topology.incident_faces,
        topology.edge_neighbors, topology.on_boundary,
    )  # fmt: skip
    return points, closest, signed


def _edge_neighbors(faces: np.ndarray) -> np.ndarray:
    """(F, 3) the face across edge k → k + 1 of each face, −1 where the mesh is open."""
    neighbors = np.full(faces.shape, -1, dtype=np.int64)
    seen: dict[tuple[int, int], tuple[int, int]] = {}
    for face, corners in enumerate(faces.tolist()):
        for k in range(3):
            a, b = corners[k], corners[(k + 1) % 3]
            other = seen.pop((b, a), None)
            if other is None:
                seen[(a, b)] = (face, k)
            else:
                neighbors[face, k], neighbors[other] = other[0], face
    return neighbors


# Compiled from here on. Vectors are tuples of three floats: arrays would be allocated in the innermost loop.


@exactly
def _facing(first: np.ndarray, second: np.ndarray, contact_m: float):
    """Indices of the vertices (V, 3) of either mesh among which the closest points and the contacts are, and
    of those that the other's of these may be near.
    """
    bound = max(_upper_bound(first, second), contact_m) + _REACH_M
    of_first, of_second = _near_box(first, second, bound), _near_box(second, first, bound)
    to_second, to_first = _least_distances(first[of_first], second[of_second], bound)
    within = max(to_second.min(), contact_m) + _REACH_M
    facing_first, facing_second = of_first[to_second < within], of_second[to_first < within]
    around = within + 2 * _REACH_M  # a facing vertex, all of its nearest ones
    near_first = _near_box(first, second[facing_second], around)
    near_second = _near_box(second, first[facing_first], around)
    return facing_first, facing_second, near_first, near_second


@exactly
def _upper_bound(first: np.ndarray, second: np.ndarray) -> float:
    """A distance between two vertices, no smaller than the least and seldom much larger: that of every
    eighth's nearest ones, taken nearer from either side.
    """
    start, least = 0, np.inf
    for i in range(0, len(first), _EVERY):
        _, distance = _nearest(second[::_EVERY], first[i])
        if distance < least:
            start, least = i, distance
    there, _ = _nearest(second, first[start])
    back, _ = _nearest(first, second[there])
    return _nearest(second, first[back])[1]


@exactly
def _nearest(points: np.ndarray, point: np.ndarray):
    """Index and distance of the nearest of the points (N, 3)."""
    nearest, least = 0, np.inf
    for i in range(len(points)):
        away = _minus(_row(points, i), (point[0], point[1], point[2]))
        if _dot(away, away) < least:
            nearest, least = i, _dot(away, away)
    return nearest, math.sqrt(least)


@exactly
def _near_box(points: np.ndarray, others: np.ndarray, distance: float) -> np.ndarray:
    """Indices of the points within the distance of the others' axis-aligned box."""
    outside = np.zeros(len(points))
    for axis in range(3):
        low, high = others[:, axis].min(), others[:, axis].max()
        for i in range(len(points)):
            outside[i] += max(low - points[i, axis], points[i, axis] - high, 0.0) ** 2
    return np.flatnonzero(outside <= distance**2)


@exactly
def _least_distances(first: np.ndarray, second: np.ndarray, limit: float):
    """Per point of either set (N, 3), (M, 3), the distance to the nearest point of the other; infinite where
    that is more than the limit.
    """
    from_first, from_second = np.full(len(first), np.inf), np.full(len(second), np.inf)
    order = np.argsort(second[:, 0])
    columns = second[order].T.copy()
    for i in range(len(first)):
        x, y, z = _row(first, i)
        start, stop = np.searchsorted(columns[0], x - limit), np.searchsorted(columns[0], x + limit)
        for j in range(start, stop):
            distance = (columns[0, j] - x) ** 2 + (columns[1, j] - y) ** 2 + (columns[2, j] - z) ** 2
            if distance <= limit**2:  # few are
                from_first[i] = min(from_first[i], distance)
                from_second[order[j]] = min(from_second[order[j]], distance)
    return np.sqrt(from_first), np.sqrt(from_second)


@exactly
def _signed_distances(
    points: np.ndarray,
    near: np.ndarray,
    mesh: np.ndarray,
    faces: np.ndarray,
    incident_start: np.ndarray,
    incident_faces: np.ndarray,
    edge_neighbors: np.ndarray,
    on_boundary: np.ndarray,
):
    """Closest points (N, 3) on the faces around each point's nearest vertices, and signed distances (N,)."""
    closest = np.empty_like(points)
    signed = np.empty(len(points))
    count = min(_NEAREST_VERTICES, len(near))
    nearest, distances = np.empty(count, dtype=np.int64), np.empty(count)
    measured_for = np.full(len(faces), -1)  # neighbors have faces in common
    for i in range(len(points)):
        point = _row(points, i)
        _find_nearest(point, mesh, near, nearest, distances)
        best, face, feature, best_point = np.inf, 0, 0, point
        for vertex in nearest:
            for slot in range(incident_start[vertex], incident_start[vertex + 1]):
                candidate = incident_faces[slot]
                if measured_for[candidate] == i:
                    continue
                measured_for[candidate] = i
                a, b, c = _corners(mesh, faces, candidate)
                on_face, kind = _closest_on_triangle(point, a, b, c)
                away = _minus(point, on_face)
                distance = _dot(away, away)
                if distance < best:
                    best, face, feature, best_point = distance, candidate, kind, on_face
        normal = _pseudo_normal(
            mesh, faces, face, feature, incident_start, incident_faces, edge_neighbors, on_boundary
        )
        inside = _dot(_minus(point, best_point), normal) < 0
        signed[i] = -math.sqrt(best) if inside else math.sqrt(best)
        closest[i, 0], closest[i, 1], closest[i, 2] = best_point
    return closest, signed


@exactly
def _find_nearest(
    point: Vector, mesh: np.ndarray, near: np.ndarray, nearest: np.ndarray, distances: np.ndarray
) -> None:
    """Fill `nearest` with the vertices nearest to the point, among `near`, by insertion; `distances` are
    squared.
    """
    distances[:] = np.inf
    last = len(nearest) - 1
    for vertex in near:
        away = _minus(point, _row(mesh, vertex))
        distance = _dot(away, away)
        if distance >= distances[last]:
            continue
        slot = last
        while slot > 0 and distances[slot - 1] > distance:
            distances[slot], nearest[slot] = distances[slot - 1], nearest[slot - 1]
            slot -= 1
        distances[slot], nearest[slot] = distance, vertex


@exactly
def _closest_on_triangle(p: Vector, a: Vector, b: Vector, c: Vector):
    """The closest point and where it lies: 0–2 a corner, 3–5 the edge from corner 0, 1, 2 on, 6 the inside.

    Ericson, Real-Time Collision Detection (2005), section 5.1.5.
    """
    ab, ac, ap = _minus(b, a), _minus(c, a), _minus(p, a)
    d1, d2 = _dot(ab, ap), _dot(ac, ap)
    if d1 <= 0 and d2 <= 0:
        return a, 0
    bp = _minus(p, b)
    d3, d4 = _dot(ab, bp), _dot(ac, bp)
    if d3 >= 0 and d4 <= d3:
        return b, 1
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        return _along(a, ab, d1 / (d1 - d3)), 3
    cp = _minus(p, c)
    d5, d6 = _dot(ab, cp), _dot(ac, cp)
    if d6 >= 0 and d5 <= d6:
        return c, 2
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        return _along(a, ac, d2 / (d2 - d6)), 5
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 >= d3 and d5 >= d6:
        return _along(b, _minus(c, b), (d4 - d3) / ((d4 - d3) + (d5 - d6))), 4
    scale = 1.0 / (va + vb + vc)
    return _along(_along(a, ab, vb * scale), ac, vc * scale), 6


@exactly
def _pseudo_normal(
    mesh: np.ndarray,
    faces: np.ndarray,
    face: int,
    feature: int,
    incident_start: np.ndarray,
    incident_faces: np.ndarray,
    edge_neighbors: np.ndarray,
    on_boundary: np.ndarray,
):
    """The normal that decides inside from outside at a corner, edge or face; zero on the mesh's open
    boundary.
    """
    normal = (0.0, 0.0, 0.0)
    if on_boundary[faces[face, 0]] or on_boundary[faces[face, 1]] or on_boundary[faces[face, 2]]:
        return normal
    if feature == 6:
        return _face_normal(mesh, faces, face)
    if feature >= 3:
        across = edge_neighbors[face, feature - 3]
        return _along(_face_normal(mesh, faces, face), _face_normal(mesh, faces, across), 1.0)
    vertex = faces[face, feature]
    for slot in range(incident_start[vertex], incident_start[vertex + 1]):
        around = incident_faces[slot]
        k = 0 if faces[around, 0] == vertex else (1 if faces[around, 1] == vertex else 2)
        here = _row(mesh, vertex)
        u = _minus(_row(mesh, faces[around, (k + 1) % 3]), here)
        v = _minus(_row(mesh, faces[around, (k + 2) % 3]), here)
        cosine = _dot(u, v) / max(math.sqrt(_dot(u, u) * _dot(v, v)), 1e-18)
        normal = _along(normal, _face_normal(mesh, faces, around), math.acos(min(1.0, max(-1.0, cosine))))
    return normal


@exactly
def _face_normal(mesh: np.ndarray, faces: np.ndarray, face: int):
    a, b, c = _corners(mesh, faces, face)
    u, v = _minus(b, a), _minus(c, a)
    normal = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    length = max(math.sqrt(_dot(normal, normal)), 1e-18)
    return (normal[0] / length, normal[1] / length, normal[2] / length)


@exactly
def _corners(mesh: np.ndarray, faces: np.ndarray, face: int):
    return _row(mesh, faces[face, 0]), _row(mesh, faces[face, 1]), _row(mesh, faces[face, 2])


@exactly
def _row(array: np.ndarray, i: int):
    return (array[i, 0], array[i, 1], array[i, 2])


@exactly
def _minus(u: Vector, v: Vector):
    return (u[0] - v[0], u[1] - v[1], u[2] - v[2])


@exactly
def _along(start: Vector, direction: Vector, length: float):
    return (
        start[0] + direction[0] * length,
        start[1] + direction[1] * length,
        start[2] + direction[2] * length,
    )


@exactly
def _dot(u: Vector, v: Vector):
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
