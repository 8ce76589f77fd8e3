"""The structured part of the mesh: rings of vertices around each finger, closed by a cap at the tip.

Rings lie where fingers bend and where nails begin, so that knuckles fold along mesh lines. A vertex is found
by casting a ray from the finger's axis to the surface: its place in the rings is its identity, so that hands
of other measures get the same vertices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.hand_model.open_hand.skeleton import Finger
from lgnet_ros.hand_model.open_hand.surface import HandSurface

RING = 10  # vertices around a finger; the first is in the middle of its back, then towards its lateral side
CAP = 5  # vertices of the ring around the tip vertex
# Angles of the rays against the finger's axis: of the last ring, so that it rounds the tip, and of the cap's.
LAST_TILT, CAP_TILT = np.radians(74.0), np.radians(40.0)

_REACH = 22.0  # mm, more than any finger's radius
_MARCH, _BISECTIONS = 1.0, 22

# Stations of the rings (0 MCP, 1 PIP, 2 DIP, 3 tip); the first is where the tube joins the palm patch.
FINGER_STATIONS = (0.64, 0.86, 1.0, 1.19, 1.52, 1.80, 2.0, 2.22, 2.46, 2.74)
THUMB_STATIONS = (0.48, 0.82, 1.0, 1.18, 1.42, 1.70)


@dataclass(frozen=True)
class Tube:
    """One finger's vertices and faces.

    vertices (V, 3): ring after ring from the palm, then the cap ring, last the tip. stations, angles (V,):
    joint units and rad around the axis (0 = back, positive = lateral). faces (F, 3), outward.
    """

    vertices: np.ndarray
    faces: np.ndarray
    stations: np.ndarray
    angles: np.ndarray


def stations_of(name: str) -> tuple[float, ...]:
    return THUMB_STATIONS if name == "thumb" else FINGER_STATIONS


def vertex_count(name: str) -> int:
    return RING * len(stations_of(name)) + CAP + 1


def build_tube(surface: HandSurface, name: str) -> Tube:
    """Cast the rings of one finger onto the surface."""
    stations = np.array(stations_of(name))
    ring_angles = np.arange(RING) * 2 * np.pi / RING
    cap_angles = np.arange(CAP) * 2 * np.pi / CAP
    angles = np.concatenate([np.tile(ring_angles, len(stations)), cap_angles, [0.0]])
    starts = np.concatenate([np.repeat(stations, RING), np.full(CAP + 1, stations[-1])])
    upright = np.full(RING * (len(stations) - 1), np.pi / 2)
    tilts = np.concatenate([upright, np.full(RING, LAST_TILT), np.full(CAP, CAP_TILT), [0.0]])
    finger = surface.fingers[name].finger
    origins, directions = _rays(finger, surface.fingers[name].center_drop, starts, angles, tilts)
    vertices = cast_rays(surface, origins, directions, _REACH * surface.measures.size)
    vertices += surface.measures.size * _nail_relief(len(stations))[:, None] * finger.axes[1]
    reached = finger.station(finger.local(vertices)[:, 0])
    return Tube(vertices, tube_faces(len(stations)), reached, angles)


def nail_vertices(name: str) -> np.ndarray:
    """The nail within a tube: the middle three vertices of the back in the last two rings, one of the cap."""
    rings = len(stations_of(name))
    middle = np.array([-1, 0, 1]) % RING
    return np.concatenate([middle + (rings - 2) * RING, middle + (rings - 1) * RING, [rings * RING]])


# mm that the back's vertices are lifted at the fold before the nail, the nail's base and its plate, by their
# distance from the middle line: a fold before the nail and beside it, a plate set into it.
_NAIL_RELIEF = {0: (0.6, -0.6, -0.1), 1: (0.4, -0.45, 0.0), 2: (0.0, 0.4, 0.35)}
_NAIL_EDGE = 0.7  # mm: the free edge


def _nail_relief(rings: int) -> np.ndarray:
    """(V,) mm along the finger's back, for a hand of mean size."""
    lift = np.zeros(rings * RING + CAP + 1)
    fold = (rings - 3) * RING
    for offset, heights in _NAIL_RELIEF.items():
        for k in {offset, -offset % RING}:
            lift[fold + k + RING * np.arange(3)] = heights
    lift[rings * RING] = _NAIL_EDGE
    return lift


def _rays(
    finger: Finger, drop, starts: np.ndarray, angles: np.ndarray, tilts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    along = finger.along(starts)
    origins = finger.world(np.stack([along, -drop(along), np.zeros_like(along)], 1))
    local = np.stack([np.cos(tilts), np.sin(tilts) * np.cos(angles), np.sin(tilts) * np.sin(angles)], 1)
    return origins, local @ finger.axes


def cast_rays(surface: HandSurface, origins: np.ndarray, directions: np.ndarray, reach: float) -> np.ndarray:
    """First crossing of the surface within `reach` mm along rays that start inside: march, then bisect."""
    steps = np.arange(0.0, reach, _MARCH)
    samples = origins[:, None] + steps[:, None] * directions[:, None]
    outside = surface.distance(samples.reshape(-1, 3)).reshape(len(origins), -1) > 0
    first = np.where(outside.any(1), outside.argmax(1), len(steps) - 1)
    near, far = steps[np.maximum(first - 1, 0)], steps[first]
    for _ in range(_BISECTIONS):
        middle = (near + far) / 2
        inside = surface.distance(origins + middle[:, None] * directions) < 0
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return origins + near[:, None] * directions


def tube_faces(ring_count: int) -> np.ndarray:
    """Faces of a tube and its cap, with the diagonals mirrored about the back's middle line."""
    faces: list[tuple[int, int, int]] = []
    for ring in range(ring_count - 1):
        for k in range(RING):
            a, b = ring * RING + k, ring * RING + (k + 1) % RING
            c, d = a + RING, b + RING
            faces += [(a, b, c), (b, d, c)] if k < RING // 2 else [(a, d, c), (a, b, d)]
    last, cap = (ring_count - 1) * RING, ring_count * RING
    for k in range(CAP):
        low, mid, high = (last + (2 * k + i) % RING for i in range(3))
        one, two, tip = cap + k, cap + (k + 1) % CAP, cap + CAP
        faces += [(low, mid, one), (mid, two, one), (mid, high, two), (one, two, tip)]
    return np.array(faces, dtype=np.int64)
