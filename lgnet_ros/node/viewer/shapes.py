"""From visualization_msgs/Marker to what the browser shows. Pure: no server, no state but a cache.

A `Shape` names the method of viser's scene that makes it and that method's arguments, which are also the
attributes by which the thing is changed later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from visualization_msgs.msg import Marker

Name = tuple[str, int]

_SHAFT, _HEAD = 0.5, 2.2  # of an arrow's stated diameters: to radius, and the head's length in its diameters


@dataclass(frozen=True)
class Shape:
    """make: a method of viser.SceneApi. values: its arguments. fixed: those that make another thing of it."""

    make: str
    values: dict[str, Any]
    fixed: dict[str, Any] = field(default_factory=dict)


class Welder:
    """Joins the corners that neighboring triangles share, so that a mesh can be shaded smoothly.

    A marker lists every corner anew; which of them are one vertex stays the same from frame to frame.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Name, int], tuple[np.ndarray, np.ndarray]] = {}

    def welded(self, name: Name, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) and faces (F, 3) of corners (3F, 3)."""
        key = (name, len(corners))
        first, inverse = self._known.get(key, (None, None))
        if first is None or not np.array_equal(corners[first][inverse], corners):
            _, first, inverse = np.unique(corners, axis=0, return_index=True, return_inverse=True)
            inverse = inverse.reshape(-1)
            self._known[key] = first, inverse
        return corners[first], inverse.reshape(-1, 3).astype(np.uint32)


def shape_of(marker: Marker, welder: Welder) -> Shape | None:
    """The shape of a marker that is to be shown; None for a kind that no node of this package publishes."""
    make = _MAKERS.get(marker.type)
    return None if make is None else make(marker, welder)


def rgb(marker: Marker) -> tuple[int, int, int]:
    """The marker's color, 0 to 255."""
    paint = marker.color
    return tuple(int(round(255 * min(max(value, 0.0), 1.0))) for value in (paint.r, paint.g, paint.b))


def points_of(marker: Marker) -> np.ndarray:
    """(N, 3) float32 points."""
    points = [(point.x, point.y, point.z) for point in marker.points]
    return np.array(points, dtype=np.float32).reshape(-1, 3)


def _mesh(marker: Marker, welder: Welder) -> Shape:
    vertices, faces = welder.welded((marker.ns, marker.id), points_of(marker))
    return Shape("add_mesh_simple", {"vertices": vertices, "faces": faces}, _surface(marker))


def _ellipsoid(marker: Marker, _: Welder) -> Shape:
    """A ball, stretched and turned: its vertices are where they belong."""
    turn, at, size = marker.pose.orientation, marker.pose.position, marker.scale
    rotation = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix()
    vertices, faces = _BALL
    placed = (vertices * [size.x / 2, size.y / 2, size.z / 2]) @ rotation.T + [at.x, at.y, at.z]
    values = {"vertices": placed.astype(np.float32), "faces": faces}
    return Shape("add_mesh_simple", values, _surface(marker))


def _lines(marker: Marker, _: Welder) -> Shape:
    points = points_of(marker).reshape(-1, 2, 3)
    fixed = {"colors": rgb(marker), "thickness": marker.scale.x, "count": len(points)}
    return Shape("add_line_segments", {"points": points}, fixed)


def _balls(marker: Marker, _: Welder) -> Shape:
    points = points_of(marker)
    look = {"colors": rgb(marker), "point_size": marker.scale.x, "point_shape": "circle"}
    return Shape(
        "add_point_cloud", {"points": points}, {**look, "precision": "float32", "count": len(points)}
    )


def _arrow(marker: Marker, _: Welder) -> Shape:
    fixed = {
        "colors": rgb(marker),
        "shaft_radius": _SHAFT * marker.scale.x,
        "head_radius": _SHAFT * marker.scale.y,
        "head_length": marker.scale.z or _HEAD * marker.scale.y,
    }
    return Shape("add_arrows", {"points": points_of(marker).reshape(1, 2, 3)}, fixed)


def _text(marker: Marker, _: Welder) -> Shape:
    at = marker.pose.position
    return Shape("add_label", {"text": marker.text, "position": (at.x, at.y, at.z)})


def _surface(marker: Marker) -> dict[str, Any]:
    opacity = marker.color.a if marker.color.a < 1 else None
    return {"color": rgb(marker), "opacity": opacity, "side": "double"}


def _unit_ball(rings: int = 12, sectors: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a ball of radius 1."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, sectors, endpoint=False), indexing="ij"
    )
    vertices = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], -1)
    grid = np.arange((rings + 1) * sectors).reshape(rings + 1, sectors)
    a, b, c, d = grid[:-1], grid[1:], np.roll(grid, -1, 1)[1:], np.roll(grid, -1, 1)[:-1]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return vertices.reshape(-1, 3), faces.astype(np.uint32)


_BALL = _unit_ball()
_MAKERS = {
    Marker.TRIANGLE_LIST: _mesh,
    Marker.LINE_LIST: _lines,
    Marker.SPHERE_LIST: _balls,
    Marker.SPHERE: _ellipsoid,
    Marker.ARROW: _arrow,
    Marker.TEXT_VIEW_FACING: _text,
}
