"""Images and videos on disk: what to read, frame by frame, and overlay videos to write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.files import natural_order, write_whole

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp", ".ts")
OVERLAY = "_overlay"
"""What the names of overlays end with."""

_MOST_PX = 8191  # of an MPEG-4 picture
_COARSE_FPS = 600  # from here on whole ones: there are 65535 steps a second
_MOST_FPS = 1000


@dataclass(frozen=True)
class Medium:
    """One file to look at."""

    path: Path
    is_video: bool


def expand(inputs: list[Path], out: Path) -> list[Medium]:
    """The images and videos that are named, and those that lie directly in the folders that are named,
    sorted.

    A named file is taken as an image unless its suffix is a video's; in folders, other files are passed over,
    and so are the overlays of an earlier run if results go into the same folder, `out`.

    Raises:
        UserError: a folder holds neither.
    """
    media: list[Medium] = []
    for path in inputs:
        if not path.is_dir():
            media.append(Medium(path, path.suffix.lower() in VIDEO_SUFFIXES))
            continue
        inside = sorted(path.iterdir(), key=natural_order)
        inside = [file for file in inside if file.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES]
        if path.resolve() == out.resolve():
            inside = [file for file in inside if not file.stem.endswith(OVERLAY)]
        if not inside:
            raise UserError(f"{path}: no images or videos in this folder")
        media += expand(inside, out)
    return media


def read_image(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned as its EXIF data say.

    Raises:
        UserError: not there, or not an image.
    """
    _require_file(path)
    try:
        content = np.fromfile(path, dtype=np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except cv2.error as error:  # more pixels than OpenCV takes, say
        raise UserError(f"{path}: not an image that can be read ({error.err})") from None
    if image is None:
        raise UserError(f"{path}: not an image that can be read")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")


def open_video(path: Path) -> cv2.VideoCapture:
    """A video file, upright however the camera was held. Whether it could be opened, it says itself."""
    capture = cv2.VideoCapture(str(path.absolute()))  # absolute: "12:30.mp4" would be a URL
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def frame_rate(capture: cv2.VideoCapture) -> float:
    """Frames a second on average; 30 where the file states none, or nonsense (browsers record 1000)."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if 1 <= fps < _MOST_FPS else 30.0


class VideoReader:
    """A video's frames, in order, with their times.

    frame_count: as the file states it, 0 if it does not. fps: see `frame_rate`.

    Raises:
        UserError: not there, or not a video.
    """

    def __init__(self, path: Path) -> None:
        _require_file(path)
        self._capture = open_video(path)
        if not self._capture.isOpened():
            raise UserError(f"{path}: not a video that can be read")
        self.fps = frame_rate(self._capture)
        self.frame_count = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """Seconds since the beginning, as the file has them: not all cameras keep their rate. And (H, W, 3)
        uint8 RGB.
        """
        next_s, last_s = 0.0, -1.0
        while True:
            held, frame = self._capture.read()
            if not held:
                return
            stated_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            last_s = stated_s if stated_s > last_s else next_s
            next_s = last_s + 1 / self.fps
            yield last_s, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Give the file back."""
        self._capture.release()


class VideoWriter:
    """Writes an MP4 that appears under its name when `close` is called, and not before.

    Its rate is fps to a hundredth: MPEG-4 counts time in at most 65535 steps a second, and an average over a
    phone's slow motion, 119.973, would be taken to a thousandth.
    """

    def __init__(self, path: Path, fps: float, width: int, height: int) -> None:
        """Raises:
        UserError: the video cannot be written there.
        """
        self._path, self._part = path, path.with_name(f".{path.stem}.part{path.suffix}")
        self._written = 0
        if max(width, height) > _MOST_PX:
            raise UserError(f"{path}: {width}x{height} px; a video takes {_MOST_PX} at most each way")
        fps = round(fps, 2) if fps < _COARSE_FPS else round(fps)
        part = str(self._part.absolute())
        self._writer = cv2.VideoWriter(part, cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
        if not self._writer.isOpened():
            raise UserError(f"{path}: the video cannot be written; is the folder writable, the disk full?")

    def write(self, image: np.ndarray) -> None:
        """Append (H, W, 3) uint8 RGB."""
        self._written += 1
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file.

        Raises:
            UserError: it does not hold what was written, and is not there.
        """
        self._writer.release()
        if not self._written or self._held() < self._written:
            self.abandon()
            raise UserError(f"{self._path}: the video cannot be written; is the disk full?")
        os.replace(self._part, self._path)

    def _held(self) -> int:
        """Frames that the file says it has: OpenCV tells nobody when it cannot write."""
        part = open_video(self._part)
        try:
            return int(part.get(cv2.CAP_PROP_FRAME_COUNT)) if part.isOpened() else 0
        finally:
            part.release()

    def abandon(self) -> None:
        """Leave no file behind; after `close`, nothing."""
        self._writer.release()
        self._part.unlink(missing_ok=True)


def write_image(path: Path, image: np.ndarray) -> None:
    """(H, W, 3) uint8 RGB as PNG, all or nothing."""
    _, content = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    write_whole(path, content.tobytes())
