"""The mesh of one hand: fingers' tubes sewn to the palm patch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.hand_model.mesh import boundary_loop, enclosed_volume, euler_characteristic
from lgnet_ros.hand_model.open_hand.anthropometry import FINGER_ORDER, Measures
from lgnet_ros.hand_model.open_hand.patch import build_patch, wrist_ring
from lgnet_ros.hand_model.open_hand.surface import HandSurface
from lgnet_ros.hand_model.open_hand.tubes import RING, Tube, build_tube, vertex_count
from lgnet_ros.hand_model.topology import BOUNDARY_COUNT, FACE_COUNT, VERTEX_COUNT


@dataclass(frozen=True)
class Template:
    """The mean hand's mesh, mm.

    vertices (778, 3), faces (1538, 3) outward; `tubes` slices each finger's vertices; `free` the palm patch
    between the rings; `wrist` the open ring.
    """

    vertices: np.ndarray
    faces: np.ndarray
    tubes: dict[str, slice]
    wrist: slice
    free: slice
    surface: HandSurface
    parts: dict[str, Tube]


def build_template(measures: Measures | None = None) -> Template:
    """Mesh the mean hand: the wrist's ring, thumb to little finger, then the free vertices of the palm."""
    surface = HandSurface(measures or Measures())
    parts = {name: build_tube(surface, name) for name in FINGER_ORDER}
    rings = {"wrist": wrist_ring(surface), **{name: part.vertices[:RING] for name, part in parts.items()}}
    patch_count = VERTEX_COUNT - sum(vertex_count(name) - RING for name in FINGER_ORDER)
    patch_vertices, patch_faces = build_patch(surface, rings, patch_count)
    return _assemble(surface, parts, patch_vertices, patch_faces)


def _assemble(
    surface: HandSurface, parts: dict[str, Tube], patch_vertices: np.ndarray, patch_faces: np.ndarray
) -> Template:
    """Renumber: wrist ring, whole tubes, free patch vertices; the patch's finger rings are the tubes' own."""
    wrist = slice(0, BOUNDARY_COUNT)
    tubes, start = {}, BOUNDARY_COUNT
    for name, part in parts.items():
        tubes[name] = slice(start, start + len(part.vertices))
        start += len(part.vertices)
    ring_numbers = np.concatenate(
        [np.arange(BOUNDARY_COUNT)] + [s.start + np.arange(RING) for s in tubes.values()]
    )
    free_count = len(patch_vertices) - len(ring_numbers)
    numbers = np.concatenate([ring_numbers, start + np.arange(free_count)])
    faces = [numbers[patch_faces]] + [part.faces + tubes[name].start for name, part in parts.items()]
    vertices = np.concatenate(
        [
            patch_vertices[:BOUNDARY_COUNT],
            *(part.vertices for part in parts.values()),
            patch_vertices[len(ring_numbers) :],
        ]
    )
    template = Template(
        vertices, np.concatenate(faces), tubes, wrist, slice(start, len(vertices)), surface, parts
    )
    _check(template)
    return template


def _check(template: Template) -> None:
    counts = (len(template.vertices), len(template.faces), len(boundary_loop(template.faces)))
    if counts != (VERTEX_COUNT, FACE_COUNT, BOUNDARY_COUNT) or euler_characteristic(template.faces) != 1:
        raise RuntimeError(
            f"open hand: {counts} vertices, faces, boundary edges; the surface was not sewn as a hand"
        )
    if enclosed_volume(template.vertices, template.faces) <= 0:
        raise RuntimeError("open hand: the mesh is inside out")
