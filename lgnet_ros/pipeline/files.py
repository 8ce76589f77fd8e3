"""Hands in image and video files: for each, an overlay, a JSON file and meshes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.files import whole_file, write_whole
from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.hand_model.export import FORMATS, export_mesh
from lgnet_ros.media import OVERLAY, Medium, VideoReader, VideoWriter, read_image, write_image
from lgnet_ros.pipeline.hands_pipeline import HandsPipeline
from lgnet_ros.pipeline.overlay import draw_overlay
from lgnet_ros.pipeline.records import Frame
from lgnet_ros.pipeline.serialize import frame_as_dict
from lgnet_ros.pipeline.settings import PipelineSettings

MESH_FORMATS = tuple(suffix[1:] for suffix in FORMATS)

_EVERYWHERE = 64  # boxes to search in a still image: more than there are
# Once into each quarter, for small hands, and as often as it takes to decide about what may be hands.
_LOOKS_AT_A_STILL, _MOST_LOOKS = 4, 10
_STILL_INTERVAL_S = 1 / 30

Camera = Callable[[int, int], CameraIntrinsics]
"""Width and height of an image, px → its camera."""

Progress = Callable[[str, int, int], None]
"""Called with the name of the file, the frames done and the frames there are (0 if the file does not say)."""


@dataclass(frozen=True)
class FileResult:
    """What was found in one file. frames: that could be decoded, 1 for an image. outputs: the files that were
    written. frames_stated: how many a video says that it has, 0 if it does not; a damaged one has fewer.
    """

    path: Path
    frames: int
    frames_with_hands: int
    outputs: tuple[Path, ...]
    frames_stated: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "file": str(self.path),
            "frames": self.frames,
            "frames_with_hands": self.frames_with_hands,
            "frames_stated": self.frames_stated,
            "outputs": [str(path) for path in self.outputs],
        }


class FileRunner:
    """Runs the pipeline over files.

    mesh_format: one of MESH_FORMATS for a mesh file per hand and frame; None for none.
    """

    def __init__(
        self,
        pipeline: HandsPipeline,
        settings: PipelineSettings,
        camera: Camera,
        directory: Path,
        mesh_format: str | None,
        progress: Progress,
    ) -> None:
        self._pipeline, self._settings, self._camera = pipeline, settings, camera
        self._directory, self._mesh_format, self._progress = directory, mesh_format, progress
        self._names: set[str] = set()
        self._people: dict[int, int] = {}  # of the file in hand: person_id -> which of them

    def run(self, medium: Medium) -> FileResult:
        """Find the hands in one file and write the results into the directory.

        Raises:
            UserError: the file cannot be read, does not fit the camera, or a result cannot be written.
        """
        name = self._free_name(medium.path.stem)
        self._pipeline.reset()
        self._people.clear()
        return self._video(medium.path, name) if medium.is_video else self._image(medium.path, name)

    def _image(self, path: Path, name: str) -> FileResult:
        image = read_image(path)
        intrinsics = self._camera(image.shape[1], image.shape[0])
        acquisition = replace(
            self._settings.acquisition, crops_at_once=_EVERYWHERE, crops_following=_EVERYWHERE
        )
        unfiltered = replace(self._settings.filter, enabled=False)
        self._pipeline.settings = replace(self._settings, acquisition=acquisition, filter=unfiltered)
        looks, needed = 0, _LOOKS_AT_A_STILL
        while looks < needed:
            frame = self._pipeline.step(image, intrinsics, looks * _STILL_INTERVAL_S)
            looks += 1
            if self._pipeline.undecided:
                needed = min(max(needed, looks + _LOOKS_AT_A_STILL), _MOST_LOOKS)
            self._progress(path.name, looks, needed)
        frame = replace(frame, stamp_s=0.0)
        overlay, data = self._directory / f"{name}{OVERLAY}.png", self._directory / f"{name}.json"
        write_image(overlay, draw_overlay(image, frame, intrinsics, self._pipeline.faces))
        content = {**self._head(path, intrinsics), **frame_as_dict(frame)}
        write_whole(data, f"{_as_json(content)}\n".encode())
        return FileResult(path, 1, int(bool(frame.hands)), (overlay, data, *self._meshes(frame, name)))

    def _video(self, path: Path, name: str) -> FileResult:
        self._pipeline.settings = self._settings
        reader, writer = VideoReader(path), None
        overlay, data = self._directory / f"{name}{OVERLAY}.mp4", self._directory / f"{name}.json"
        count = with_hands = 0
        outputs: list[Path] = []
        try:
            with whole_file(data) as part, part.open("w", encoding="utf-8") as json_file:
                for count, (stamp_s, image) in enumerate(reader, start=1):
                    if writer is None:
                        intrinsics = self._camera(image.shape[1], image.shape[0])
                        json_file.write(
                            _opened({**self._head(path, intrinsics), "fps": reader.fps}, "frames")
                        )
                        writer = VideoWriter(overlay, reader.fps, intrinsics.width, intrinsics.height)
                    frame = self._pipeline.step(image, intrinsics, stamp_s)
                    writer.write(draw_overlay(image, frame, intrinsics, self._pipeline.faces))
                    json_file.write(",\n  " * (count > 1) + json.dumps(frame_as_dict(frame), allow_nan=False))
                    with_hands += bool(frame.hands)
                    outputs += self._meshes(frame, f"{name}_{count - 1:06d}")
                    self._progress(path.name, count, reader.frame_count)
                if writer is None:
                    raise UserError(f"{path}: not one frame of it can be decoded")
                json_file.write("\n ]\n}\n")
                writer.close()
        finally:
            reader.close()
            if writer is not None:
                writer.abandon()
        return FileResult(path, count, with_hands, (overlay, *outputs, data), reader.frame_count)

    def _head(self, path: Path, intrinsics: CameraIntrinsics) -> dict[str, Any]:
        return {
            "file": str(path),
            "model": self._pipeline.model_id,
            "camera": {
                "width": intrinsics.width,
                "height": intrinsics.height,
                "matrix": intrinsics.matrix.tolist(),
                "distortion_model": intrinsics.distortion_model,
                "distortion": list(intrinsics.distortion),
            },
        }

    def _meshes(self, frame: Frame, name: str) -> list[Path]:
        if self._mesh_format is None:
            return []
        paths = []
        for hand in frame.hands:
            person = self._people.setdefault(hand.person_id, len(self._people))
            path = self._directory / f"{name}_{hand.side}_{person}.{self._mesh_format}"
            export_mesh(path, hand.vertices, self._pipeline.faces(hand.side))
            paths.append(path)
        return paths

    def _free_name(self, stem: str) -> str:
        """The stem, or with a number when another input of that name came before."""
        name, count = stem, 1
        while name in self._names:
            count += 1
            name = f"{stem}_{count}"
        self._names.add(name)
        return name


def assumed_camera(horizontal_fov_deg: float) -> Camera:
    """Pinhole cameras of a given horizontal field of view, for images of any size."""

    def camera(width: int, height: int) -> CameraIntrinsics:
        return CameraIntrinsics.from_field_of_view(width, height, float(np.deg2rad(horizontal_fov_deg)))

    return camera


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, allow_nan=False)


def _opened(content: dict[str, Any], key: str) -> str:
    """The content as JSON, up to where the first entry of a further list `key` goes: of a long video, nothing
    is held back until its end.
    """
    return f'{_as_json(content).removesuffix("}").rstrip()},\n "{key}": [\n  '
