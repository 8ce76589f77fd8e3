"""Makes docs/images/published.jpg: what RViz is sent, drawn from the published messages themselves.

tools/environment.sh python tools/published_pictures.py [WEIGHTS]

The demo camera's scene goes through hands_node with these weights; without any, through the same node with
the scene's truth in place of the network. Of what arrives over DDS, the frame is drawn in which the two hands
are nearest to each other: the overlay; the meshes; the skeletons with the interaction and the handover's
approach; the frames with the keep-out surface.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from lgnet_ros.msg import Hands
from rclpy.node import Node
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import Image, PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model.mesh import vertex_normals
from lgnet_ros.node.running import spinning
from lgnet_ros.node.status.processes import module_process, stop_all
from lgnet_ros.node.viewer.shapes import Welder, points_of, rgb, shape_of

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "published.jpg"
CAMERA = ("clip:=clasp", "seed:=4", "rate:=8.0")
TOPICS = {
    "hands/hands": Hands,
    "hands/overlay": Image,
    "hands/markers": MarkerArray,
    "hands/interaction_markers": MarkerArray,
    "handover/markers": MarkerArray,
    "hands/keepout": PointCloud2,
    "/tf": TFMessage,
}
WATCHED_S, PATIENCE_S = 12.0, 120.0
PANEL = (640, 480)
BACKGROUND, GRID = (38, 40, 44), (70, 73, 78)
FINER = 2  # drawn so many times larger, then reduced
LIGHT = np.array([-0.35, -0.75, -0.55])


class Collector(Node):
    """Puts together what belongs to one image, and keeps the frame in which the hands are nearest."""

    def __init__(self) -> None:
        super().__init__("pictures")
        self.best: dict[str, Any] | None = None
        self._waiting: dict[int, dict[str, Any]] = defaultdict(dict)
        for topic, kind in TOPICS.items():
            self.create_subscription(kind, topic, lambda message, topic=topic: self._add(topic, message), 20)

    def _add(self, topic: str, message: Any) -> None:
        headers = getattr(message, "markers", None) or getattr(message, "transforms", None) or [message]
        if not hasattr(headers[0], "header"):
            return
        stamp = headers[0].header.stamp
        frame = self._waiting[stamp.sec * 1_000_000_000 + stamp.nanosec]
        frame[topic] = message
        if len(frame) == len(TOPICS) and len(frame["hands/hands"].relations) == 1:
            gap = frame["hands/hands"].relations[0].distance
            if self.best is None or gap < self.best["hands/hands"].relations[0].distance:
                self.best = dict(frame)
        while len(self._waiting) > 20:
            del self._waiting[min(self._waiting)]


@dataclass(frozen=True)
class Stroke:
    """One thing to paint. kind: "face", "line", "dot" or "text". points: (N, 3) m. width: m."""

    kind: str
    points: np.ndarray
    color: tuple[int, int, int]
    width: float = 0.0
    text: str = ""


class Painter:
    """Paints what a pinhole camera at `eye` sees that looks at `target`; the world's y is down."""

    def __init__(self, eye: np.ndarray, target: np.ndarray) -> None:
        ahead = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross([0.0, 1.0, 0.0], ahead)
        right /= np.linalg.norm(right)
        self._turn, self._eye = np.stack([right, np.cross(ahead, right), ahead]), eye
        self._focal = 1.3 * FINER * PANEL[1]

    def painted(self, strokes: list[Stroke]) -> np.ndarray:
        """(480, 640, 3) uint8 RGB; what is further is painted first, text last."""
        width, height = FINER * PANEL[0], FINER * PANEL[1]
        canvas = np.full((height, width, 3), BACKGROUND, np.uint8)
        seen = [(self._seen(stroke.points), stroke) for stroke in strokes]
        seen = [(points, stroke) for points, stroke in seen if (points[:, 2] > 0.02).all()]
        seen.sort(key=lambda item: (item[1].kind == "text", -item[0][:, 2].mean()))
        for points, stroke in seen:
            self._paint(canvas, points, stroke)
        return cv2.resize(canvas, PANEL, interpolation=cv2.INTER_AREA)

    def _seen(self, points: np.ndarray) -> np.ndarray:
        """(N, 3): pixels and depth."""
        local = (points - self._eye) @ self._turn.T
        center = FINER * np.array(PANEL) / 2
        depth = np.maximum(local[:, 2:], 1e-3)
        return np.hstack([center + self._focal * local[:, :2] / depth, local[:, 2:]])

    def _paint(self, canvas: np.ndarray, points: np.ndarray, stroke: Stroke) -> None:
        pixels = [tuple(int(value) for value in point) for point in np.round(16 * points[:, :2])]
        thickness = max(FINER, round(stroke.width * self._focal / points[:, 2].mean()))
        if stroke.kind == "face":
            cv2.fillConvexPoly(canvas, np.array(pixels), stroke.color, cv2.LINE_AA, 4)
        elif stroke.kind == "line":
            cv2.line(canvas, pixels[0], pixels[1], stroke.color, thickness, cv2.LINE_AA, 4)
        elif stroke.kind == "dot":
            cv2.circle(canvas, pixels[0], 8 * thickness, stroke.color, -1, cv2.LINE_AA, 4)
        else:
            place = tuple(int(value) // 16 for value in pixels[0])
            cv2.putText(
                canvas,
                stroke.text,
                place,
                cv2.FONT_HERSHEY_DUPLEX,
                0.45 * FINER,
                stroke.color,
                FINER,
                cv2.LINE_AA,
            )


def strokes_of(array: MarkerArray) -> Iterator[Stroke]:
    """What a marker array shows."""
    for marker in (marker for marker in array.markers if marker.action == Marker.ADD):
        shape, paint = shape_of(marker, Welder()), rgb(marker)
        if marker.type == Marker.SPHERE:
            yield from _rings(marker, paint)
        elif shape.make == "add_mesh_simple":
            yield from _shaded(shape.values["vertices"], shape.values["faces"], paint)
        elif marker.type == Marker.TEXT_VIEW_FACING:
            yield Stroke(
                "text", np.array([shape.values["position"]]), paint, text=marker.text.replace("±", "+-")
            )
        elif marker.type == Marker.SPHERE_LIST:
            yield from (Stroke("dot", point[None], paint, marker.scale.x) for point in points_of(marker))
        else:
            pairs = points_of(marker).reshape(-1, 2, 3)
            yield from (Stroke("line", pair, paint, marker.scale.x) for pair in pairs)
            if marker.type == Marker.ARROW:
                yield from _cone(pairs[0], marker.scale.y, paint)


def _shaded(vertices: np.ndarray, faces: np.ndarray, paint: tuple[int, int, int]) -> Iterator[Stroke]:
    light = 0.45 + 0.6 * np.clip(vertex_normals(vertices, faces) @ LIGHT, 0, 1)[faces].mean(axis=1)
    for face, brightness in zip(faces, light, strict=True):
        color = tuple(int(value) for value in np.clip(np.array(paint) * brightness, 0, 255))
        yield Stroke("face", vertices[face], color)


def _rings(marker: Marker, paint: tuple[int, int, int]) -> Iterator[Stroke]:
    """An ellipsoid as its three rings: what is inside stays to be seen."""
    turn, at, size = marker.pose.orientation, marker.pose.position, marker.scale
    rotation = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w])
    around = np.linspace(0, 2 * np.pi, 61)
    circle = np.stack([np.cos(around), np.sin(around), np.zeros_like(around)], axis=1) / 2
    for axis in range(3):
        ring = rotation.apply(np.roll(circle, axis, axis=1) * [size.x, size.y, size.z]) + [at.x, at.y, at.z]
        yield from (Stroke("line", pair, paint, 0.0012) for pair in np.stack([ring[:-1], ring[1:]], axis=1))


def _cone(pair: np.ndarray, width: float, paint: tuple[int, int, int]) -> Iterator[Stroke]:
    tail, tip = pair
    ahead = (tip - tail) / max(np.linalg.norm(tip - tail), 1e-9)
    turn, _ = Rotation.align_vectors(ahead[None], [[0.0, 0.0, 1.0]])
    around = np.linspace(0, 2 * np.pi, 13)
    rim = np.stack([np.cos(around), np.sin(around), np.full(13, -4.0)], 1) * (width / 2)
    base = tip + turn.apply(rim)
    yield from (Stroke("face", np.stack([tip, a, b]), paint) for a, b in zip(base, base[1:], strict=False))


def axes_of(message: TFMessage) -> Iterator[Stroke]:
    """Red, green and blue axes of every frame."""
    for transform in message.transforms:
        at, turn = transform.transform.translation, transform.transform.rotation
        origin = np.array([at.x, at.y, at.z])
        axes = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix().T
        for axis, paint in zip(axes, ((225, 60, 60), (80, 200, 90), (80, 130, 240)), strict=True):
            yield Stroke("line", np.stack([origin, origin + 0.018 * axis]), paint, 0.0022)


def grid(center: np.ndarray) -> Iterator[Stroke]:
    """A floor of 0.1 m squares below the hands."""
    for place in np.linspace(-0.5, 0.5, 11):
        for ends in ([[place, 0, -0.5], [place, 0, 0.5]], [[-0.5, 0, place], [0.5, 0, place]]):
            yield Stroke("line", center + [0, 0.2, 0] + np.array(ends), GRID, 0.0008)


def collected(weights: str) -> dict[str, Any]:
    """The messages of the frame to draw, by topic.

    Raises:
        UserError: a process failed, or no frame with two hands came.
    """
    hands = ("hands_node", (f"weights:={weights}",)) if weights else ("truth_node", ())
    wanted = (("camera_node", CAMERA), hands, ("handover_node", ()))
    with tempfile.TemporaryDirectory() as logs:
        children = [module_process(name, parameters, Path(logs)) for name, parameters in wanted]
        try:
            with spinning(Collector) as collector:
                started, end = None, time.monotonic() + PATIENCE_S
                while time.monotonic() < (end if started is None else started + WATCHED_S):
                    if any(child.status is not None for child in children):
                        raise UserError("; ".join(child.last_words() for child in children if child.failed))
                    if started is None and collector.best is not None:
                        started = time.monotonic()
                    time.sleep(0.1)
                if collector.best is None:
                    raise UserError("no frame with two hands came")
                return collector.best
        finally:
            stop_all(children)


def panels(frame: dict[str, Any]) -> list[np.ndarray]:
    """The four pictures, (480, 640, 3) uint8 RGB each."""
    overlay = frame["hands/overlay"]
    picture = np.frombuffer(overlay.data, np.uint8).reshape(overlay.height, overlay.width, 3)
    center = np.concatenate([hand.joints.reshape(21, 3) for hand in frame["hands/hands"].hands]).mean(axis=0)
    painter = Painter(center + np.array([0.24, -0.22, -0.56]), center)
    floor, markers = list(grid(center)), list(strokes_of(frame["hands/markers"]))
    bones = [stroke for stroke in markers if stroke.kind != "face"]
    interaction = [*strokes_of(frame["hands/interaction_markers"]), *strokes_of(frame["handover/markers"])]
    cloud = np.frombuffer(frame["hands/keepout"].data, np.float32).reshape(-1, 3)
    keepout = [Stroke("dot", point[None], (240, 90, 90), 0.002) for point in cloud]
    drawn = (
        [s for s in markers if s.kind == "face"],
        [*bones, *interaction],
        [*axes_of(frame["/tf"]), *keepout],
    )
    return [cv2.resize(picture, PANEL), *(painter.painted([*floor, *strokes]) for strokes in drawn)]


def main() -> None:
    """Collect, draw, write."""
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)  # hears nobody else's hands
    overlay, meshes, interaction, frames = panels(collected(sys.argv[1] if len(sys.argv) > 1 else ""))
    picture = np.vstack([np.hstack([overlay, meshes]), np.hstack([interaction, frames])])
    cv2.imwrite(str(PICTURE), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"published_pictures: {error}")
