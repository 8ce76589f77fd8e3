"""Arrows, lines, balls, ellipsoids and texts as markers; many of them as one message written into bytes.

A `Figure` is what changes from frame to frame, as plain numbers. Made into Marker objects and serialised by
rclpy, the dozen of a frame with two hands cost 1.3 ms; so an array is serialised once per set of figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.node.markers import LIFETIME_S, color, deletion
from lgnet_ros.node.messages import pose
from lgnet_ros.node.templates import (
    STAND_IN,
    TEXT_STAND_IN,
    SerializedTemplate,
    TemplateCache,
    stand_in_header,
)
from lgnet_ros.pipeline.so3 import quaternions

Ellipsoid = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Center (3,), R_frame_ellipsoid (3,3), full lengths of the axes (3,)."""

_SCALES = {
    Marker.ARROW: (0.005, 0.011, 0.0),  # shaft and head diameter, m
    Marker.LINE_LIST: (0.003, 0.0, 0.0),
    Marker.SPHERE_LIST: (0.012, 0.012, 0.012),
    Marker.TEXT_VIEW_FACING: (0.0, 0.0, 0.018),
}
_TEXT_BELOW_M = 0.04  # y points down
_KEPT_TEMPLATES = 64  # texts and numbers of contacts make many kinds; each is some kilobytes


class Figure(NamedTuple):
    """One primitive; its marker's id is 0.

    namespace: of its marker. kind: its Marker type. rgba: its color.
    numbers: float64, of its points; for an ellipsoid, of its pose and scale; for a text, of its position.
    """

    namespace: str
    kind: int
    rgba: tuple[float, ...]
    numbers: Sequence[float]
    text: str = ""


def arrow(namespace: str, tail: np.ndarray, tip: np.ndarray, rgb: tuple[float, ...]) -> Figure:
    """An arrow from one point (3,) to another."""
    return Figure(namespace, Marker.ARROW, (*rgb, 1.0), [*tail.tolist(), *tip.tolist()])


def lines(namespace: str, ends: np.ndarray, rgb: tuple[float, ...]) -> Figure:
    """Lines between each two of the points (N,3)."""
    return Figure(namespace, Marker.LINE_LIST, (*rgb, 1.0), ends.ravel().tolist())


def balls(namespace: str, centers: np.ndarray, rgb: tuple[float, ...]) -> Figure:
    """A ball at each of the points (N,3)."""
    return Figure(namespace, Marker.SPHERE_LIST, (*rgb, 1.0), centers.ravel().tolist())


def text_line(namespace: str, at: np.ndarray, text: str) -> Figure:
    """Text below a point (3,), turned to whoever looks."""
    x, y, z = at.tolist()
    return Figure(namespace, Marker.TEXT_VIEW_FACING, (1.0,) * 4, (x, y + _TEXT_BELOW_M, z), text)


def ellipsoid(namespace: str, outline: Ellipsoid, rgb: tuple[float, ...]) -> Figure:
    """A translucent ellipsoid."""
    center, axes, lengths = outline
    numbers = [*center.tolist(), *quaternions(axes[None])[0].tolist(), *lengths.tolist()]
    return Figure(namespace, Marker.SPHERE, (*rgb, 0.18), numbers)


def marker_of(figure: Figure, header: Header) -> Marker:
    """The marker that shows a figure."""
    message = Marker(header=header, ns=figure.namespace, type=figure.kind, action=Marker.ADD)
    message.color, message.text = color(figure.rgba[:3], figure.rgba[3]), figure.text
    message.lifetime.sec = LIFETIME_S
    numbers = list(figure.numbers)
    if figure.kind == Marker.SPHERE:
        message.pose, message.scale = pose(numbers[:3], numbers[3:7]), _vector(numbers[7:])
        return message
    message.pose.orientation.w, message.scale = 1.0, _vector(_SCALES[figure.kind])
    points = [Point(x=x, y=y, z=z) for x, y, z in np.reshape(numbers, (-1, 3)).tolist()]
    if figure.kind == Marker.TEXT_VIEW_FACING:
        (message.pose.position,) = points
    else:
        message.points = points
    return message


class FigureMarkers:
    """Keeps what RViz shows equal to the newest figures: adds, moves, deletes."""

    def __init__(self) -> None:
        self._shown: frozenset[str] = frozenset()
        self._templates = TemplateCache[SerializedTemplate](_KEPT_TEMPLATES)

    def update(self, figures: Sequence[Figure], header: Header) -> bytes:
        """A serialised MarkerArray that shows the figures and deletes those shown before that are gone."""
        names = frozenset(figure.namespace for figure in figures)
        lost, self._shown = tuple(sorted(self._shown - names)), names
        texts = [figure.text.encode() for figure in figures if figure.text]
        kinds = tuple(
            (figure.namespace, figure.kind, figure.rgba, len(figure.numbers), len(figure.text))
            for figure in figures
        )
        template = self._templates.get(
            (kinds, lost, header.frame_id), lambda: _template(figures, lost, header.frame_id)
        )
        for run, figure in zip(template.runs, figures, strict=True):
            run[:] = figure.numbers
        for place, text in zip(template.texts, texts, strict=True):
            place[:] = text
        return template.stamped(header)


def _template(figures: Sequence[Figure], lost: Sequence[str], frame_id: str) -> SerializedTemplate:
    """For figures of these kinds; their numbers and texts are left out."""
    header = stand_in_header(frame_id)
    blanks = [
        figure._replace(numbers=(STAND_IN,) * len(figure.numbers), text=TEXT_STAND_IN * len(figure.text))
        for figure in figures
    ]
    markers = [marker_of(blank, header) for blank in blanks]
    markers += [deletion((namespace, 0), header) for namespace in lost]
    return SerializedTemplate(
        MarkerArray(markers=markers),
        [len(figure.numbers) for figure in figures],
        len(markers),
        [len(figure.text) for figure in figures if figure.text],
    )


def _vector(xyz: Sequence[float]) -> Vector3:
    x, y, z = xyz
    return Vector3(x=x, y=y, z=z)
