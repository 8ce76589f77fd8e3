"""The free part of the mesh: the palm between the wrist's ring and the fingers' first rings.

A grid mesh of the surface is cut off short of the rings, sewn to them, and remeshed to the count that is
left.
"""

from __future__ import annotations

import numpy as np

from lgnet_ros.hand_model.mesh import directed_edges
from lgnet_ros.hand_model.open_hand.nets import surface_net
from lgnet_ros.hand_model.open_hand.remesh import SurfaceMesh, remesh
from lgnet_ros.hand_model.open_hand.surface import HandSurface
from lgnet_ros.hand_model.open_hand.tubes import cast_rays, stations_of

WRIST_RING = 16
WRIST_CUT = -12.0  # mm along the hand: where the mesh ends, behind the wrist's center of rotation

_CELL = 3.0  # mm of the grid mesh
_MARGIN = 0.5  # cells between a ring and the ragged edge that is sewn to it
_BOX = np.array([[-30.0, -70.0, -70.0], [140.0, 40.0, 100.0]])

# Wanted edge lengths, mm before the common factor: fine where fingers begin and bend, coarse elsewhere.
_FINE, _COARSE, _GROWTH = 5.4, 9.5, 0.09


def wrist_ring(surface: HandSurface) -> np.ndarray:
    """(16, 3) vertices where the mesh ends, evenly turned around the forearm's axis."""
    angles = np.arange(WRIST_RING) * 2 * np.pi / WRIST_RING
    size = surface.measures.size
    # Evenly spaced on a circle stretched to the wrist's oval, so that edges are of like length.
    directions = np.stack([np.zeros(WRIST_RING), 0.72 * np.cos(angles), np.sin(angles)], 1)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origin = np.array([WRIST_CUT, -4.5, 0.5]) * size
    return cast_rays(surface, np.broadcast_to(origin, directions.shape).copy(), directions, 45.0 * size)


def build_patch(
    surface: HandSurface, rings: dict[str, np.ndarray], vertex_count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The palm patch.

    Args:
        surface: the hand.
        rings: "wrist" and each finger → (n, 3) ring that the patch is sewn to, in order.
        vertex_count: of the patch, rings included.

    Returns:
        vertices, the rings first in the order given, and faces, outward.
    """
    vertices, faces = _cut_grid(surface)
    sewn = np.concatenate(list(rings.values()))
    base = len(sewn)
    starts = dict(zip(rings, np.cumsum([0, *[len(ring) for ring in rings.values()]]), strict=False))
    positions = np.concatenate([sewn, vertices])
    strips = [faces + base]
    for loop in _boundary_loops(faces + base):
        name = min(rings, key=lambda n: np.linalg.norm(rings[n].mean(0) - positions[loop].mean(0)))
        ring = starts[name] + np.arange(len(rings[name]))
        strips.append(_sew(positions, loop, ring))
    fixed = np.arange(len(positions)) < base
    mesh = SurfaceMesh(positions, np.concatenate(strips), fixed, _size_field(surface, rings), surface.project)
    return remesh(mesh, vertex_count)


def _size_field(surface: HandSurface, rings: dict[str, np.ndarray]):
    """Edge length wanted, by the distance to the finger rings and to the MCP joints."""
    names = [name for name in rings if name != "wrist"]
    centers = np.concatenate(
        [[rings[n].mean(0) for n in names], [surface.skeleton.fingers[n].origin for n in names]]
    )

    def size(points: np.ndarray) -> np.ndarray:
        nearest = np.linalg.norm(points[:, None] - centers, axis=2).min(1)
        return np.clip(_FINE + _GROWTH * np.maximum(nearest - 11.0, 0), _FINE, _COARSE)

    return size


def _cut_grid(surface: HandSurface) -> tuple[np.ndarray, np.ndarray]:
    """The grid mesh without forearm and fingers, unused vertices dropped."""
    size = surface.measures.size
    vertices, faces = surface_net(surface.distance, _BOX[0] * size, _BOX[1] * size, _CELL)
    drop = vertices[:, 0] < WRIST_CUT * size + _MARGIN * _CELL
    nearness = []
    for shape in surface.fingers.values():
        local = shape.finger.local(vertices)
        nearness.append(np.where(local[:, 0] > 0, np.hypot(local[:, 1], local[:, 2]), np.inf))
    owner = np.argmin(nearness, axis=0)
    for index, (name, shape) in enumerate(surface.fingers.items()):
        limit = shape.finger.along(np.array(stations_of(name)[0])) - _MARGIN * _CELL
        drop |= (
            (owner == index)
            & (np.min(nearness, axis=0) < 25 * size)
            & (shape.finger.local(vertices)[:, 0] > limit)
        )
    faces = faces[~drop[faces].any(1)]
    used, compact = np.unique(faces, return_inverse=True)
    return vertices[used], compact.reshape(-1, 3)


def _boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """All closed boundary loops, in the direction of the faces' edges."""
    edges = {(int(a), int(b)) for a, b in directed_edges(faces)}
    following = {a: b for a, b in sorted(edges) if (b, a) not in edges}
    loops = []
    while following:
        vertex = min(following)
        loop = []
        while vertex in following:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(np.array(loop))
    return loops


def _sew(positions: np.ndarray, loop: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Triangles between a ragged loop (in its faces' direction) and a ring, over the shorter diagonals."""
    if _turns(positions[loop]) @ _turns(positions[ring]) < 0:
        ring = ring[::-1]
    ring = np.roll(ring, -int(np.argmin(np.linalg.norm(positions[ring] - positions[loop[0]], axis=1))))
    i = j = 0
    faces = []
    while i < len(loop) or j < len(ring):
        a, b = loop[i % len(loop)], ring[j % len(ring)]
        next_a, next_b = loop[(i + 1) % len(loop)], ring[(j + 1) % len(ring)]
        over_loop = np.linalg.norm(positions[next_a] - positions[b]) <= np.linalg.norm(
            positions[next_b] - positions[a]
        )
        if j >= len(ring) or (i < len(loop) and over_loop):
            faces.append((next_a, a, b))
            i += 1
        else:
            faces.append((a, b, next_b))
            j += 1
    return np.array(faces)


def _turns(points: np.ndarray) -> np.ndarray:
    """Area vector of a closed polygon."""
    centered = points - points.mean(0)
    return np.cross(centered, np.roll(centered, -1, axis=0)).sum(0)
