"""The browser's scene: keeps what is drawn equal to what was published last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose, TransformStamped
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.node.viewer.shapes import Name, Shape, Welder, shape_of

LAYERS = ("hands", "interaction", "handover", "frames", "keepout")
_HIDDEN_AT_FIRST = ("keepout",)
_AXES = {"axes_length": 0.012, "axes_radius": 0.0012}  # m, as in config/hands.rviz
_TARGET_PATH = "/handover/target"
_TARGET = {"axes_length": 0.08, "axes_radius": 0.006}  # m, as there
_KEEPOUT = {"colors": (240, 90, 90), "point_size": 0.002, "precision": "float32"}


@dataclass
class _Drawn:
    """A thing in the scene. until_s: when it is taken away unless it is published again."""

    shape: Shape
    handle: Any
    until_s: float


class Scene:
    """Draws into a viser server. One thread at a time."""

    def __init__(self, server: Any, clicked: Callable[[Name], None]) -> None:
        """
        Args:
            server: a viser.ViserServer.
            clicked: told the name of a mesh marker that was clicked, in one of viser's threads.
        """
        self._server, self._clicked, self._welder = server, clicked, Welder()
        self._drawn: dict[str, _Drawn] = {}
        self._picture: Any | None = None
        server.scene.set_up_direction("-y")  # the camera's optical frame: y down, z ahead
        server.initial_camera.position, server.initial_camera.look_at = (0.25, -0.3, -0.35), (0.0, 0.05, 0.55)
        server.scene.add_grid("/grid", width=2.0, height=2.0, plane="xz", position=(0.0, 0.4, 1.0))
        server.scene.add_frame("/camera", axes_length=0.1, axes_radius=0.004)
        self._status = server.gui.add_markdown("waiting for the hands node")
        for layer in LAYERS:
            self._add_layer(layer)

    @property
    def paths(self) -> set[str]:
        """Of everything that is drawn from messages: `/layer/topic/namespace_id`."""
        return set(self._drawn)

    def say(self, text: str) -> None:
        """The text beside the scene, in Markdown."""
        if self._status.content != text:
            self._status.content = text

    def show_markers(self, folder: str, array: MarkerArray, now_s: float) -> None:
        """Draw an array in place of the one that was drawn in that folder before.

        Every array of this package's nodes names all that there is to see, so that what the newest one does
        not add is gone. folder: `/layer/topic`. now_s: of any steady clock.
        """
        added = {(m.ns, m.id): m for m in array.markers if m.action == Marker.ADD}
        shapes = {name: shape_of(marker, self._welder) for name, marker in added.items()}
        paths = {f"{folder}/{ns}_{number}": (ns, number) for ns, number in added}
        self._remove(path for path in self._drawn if path.startswith(f"{folder}/") and path not in paths)
        for path, name in paths.items():
            if shapes[name] is not None:
                lifetime = added[name].lifetime
                lasts_s = lifetime.sec + lifetime.nanosec * 1e-9
                self._put(path, shapes[name], now_s + lasts_s if lasts_s else np.inf, name)

    def expire(self, now_s: float) -> None:
        """Take away what has outlived its lifetime, as RViz does: its node may have died."""
        self._remove(path for path, drawn in self._drawn.items() if drawn.until_s < now_s)

    def show_frames(self, transforms: list[TransformStamped], until_s: float) -> None:
        """Axes of these frames, in place of those before, until then at most (see `expire`)."""
        places = [t.transform.translation for t in transforms]
        turns = [t.transform.rotation for t in transforms]
        values = {
            "batched_wxyzs": np.array([(q.w, q.x, q.y, q.z) for q in turns], np.float32).reshape(-1, 4),
            "batched_positions": np.array([(p.x, p.y, p.z) for p in places], np.float32).reshape(-1, 3),
        }
        self._put_some("/frames/axes", len(turns), Shape("add_batched_axes", values, dict(_AXES)), until_s)

    def show_target(self, pose: Pose, until_s: float) -> None:
        """Axes where a tool waits in front of the chosen hand, until then at most."""
        at, turn = pose.position, pose.orientation
        values = {"position": (at.x, at.y, at.z), "wxyz": (turn.w, turn.x, turn.y, turn.z)}
        self._put(_TARGET_PATH, Shape("add_frame", values, dict(_TARGET)), until_s)

    def hide_target(self) -> None:
        """No hand is chosen."""
        self._remove(path for path in self._drawn if path == _TARGET_PATH)

    def show_keepout(self, points: np.ndarray, until_s: float) -> None:
        """The keep-out surface, (N, 3) float32, until then at most."""
        shape = Shape("add_point_cloud", {"points": points}, dict(_KEEPOUT))
        self._put_some("/keepout/points", len(points), shape, until_s)

    def show_picture(self, picture: np.ndarray) -> None:
        """The overlay, (H, W, 3) uint8 RGB, beside the scene."""
        if self._picture is None:
            self._picture = self._server.gui.add_image(picture, format="jpeg", jpeg_quality=80)
        else:
            self._picture.image = picture

    def _add_layer(self, layer: str) -> None:
        """A parent for everything of one kind, and a box to hide it with."""
        parent = self._server.scene.add_frame(f"/{layer}", show_axes=False)
        parent.visible = layer not in _HIDDEN_AT_FIRST
        box = self._server.gui.add_checkbox(layer, initial_value=parent.visible)

        @box.on_update
        def _(_: Any) -> None:
            parent.visible = box.value

    def _put_some(self, path: str, count: int, shape: Shape, until_s: float) -> None:
        """As `_put`, and nothing at all if there are none."""
        if count:
            self._put(path, Shape(shape.make, shape.values, {**shape.fixed, "count": count}), until_s)
        else:
            self._remove(other for other in self._drawn if other == path)

    def _put(self, path: str, shape: Shape, until_s: float, name: Name | None = None) -> None:
        """Make the thing, or change it if it is there already and of the same kind. name: of a marker."""
        drawn = self._drawn.get(path)
        if drawn is not None and (drawn.shape.make, drawn.shape.fixed) == (shape.make, shape.fixed):
            for key, value in shape.values.items():
                if not np.array_equal(drawn.shape.values[key], value):
                    setattr(drawn.handle, key, value)
            self._drawn[path] = _Drawn(shape, drawn.handle, until_s)
            return
        self._remove(other for other in self._drawn if other == path)
        looks = {key: value for key, value in shape.fixed.items() if key != "count"}
        handle = getattr(self._server.scene, shape.make)(path, **shape.values, **looks)
        if name is not None and name[0].endswith("_mesh"):
            handle.on_click(lambda _: self._clicked(name))
        self._drawn[path] = _Drawn(shape, handle, until_s)

    def _remove(self, paths: Iterable[str]) -> None:
        for path in list(paths):
            self._drawn.pop(path).handle.remove()
