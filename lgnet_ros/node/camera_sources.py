"""Where the demo camera's images come from: a webcam, a video file or a folder of images. No ROS here.

The built-in scene is the fourth kind of `Source`, in `synthetic_source`: it needs the renderer.
"""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.files import natural_order
from lgnet_ros.media import IMAGE_SUFFIXES, frame_rate, open_video, read_image

if TYPE_CHECKING:
    from lgnet_ros.data.sample import HandSample


@dataclass(frozen=True)
class Picture:
    """One image: (H, W, 3) uint8 RGB. Where it was rendered, with its camera and all that is in it."""

    image: np.ndarray
    truth: HandSample | None = None


class Source(ABC):
    """Pictures in the order in which a camera would take them."""

    live: bool = False
    """Whether a device sets the pace, and `read` waits for it."""
    rate_hz: float = 30.0
    """Pictures a second, as they were taken. Unused where `live`."""

    @abstractmethod
    def read(self, elapsed_s: float) -> Picture | None:
        """The next picture, or None when there is none: the source has ended, or a device does not answer.

        Args:
            elapsed_s: time since the start; only a source that is a function of time looks at it.
        """

    def reopen(self) -> bool:
        """Try to bring a source back that has stopped. True: the next `read` may give a picture."""
        return False

    def close(self) -> None:  # noqa: B027 (most sources hold nothing)
        """Give the device or file back."""


def open_source(name: str, size: tuple[int, int], loop: bool) -> Source:
    """The webcam, video file or folder of images that `name` stands for.

    Args:
        name: a number or /dev/… for a webcam; else the path of a video file or of a folder of images.
        size: (width, height) px that is asked of a webcam. Files keep their own.
        loop: start again at the end of a file or folder.

    Raises:
        UserError: no such device or file, or nothing in it that can be decoded.
    """
    _hush_opencv()
    if _is_webcam(name):
        return Webcam(name, size)
    path = Path(name).expanduser()
    if path.is_dir():
        return ImageFolder(path, loop)
    if path.is_file():
        return VideoFile(path, loop)
    raise UserError(f"source '{name}': no such device, file or folder")


def check_source(name: str) -> None:
    """Whether `open_source` would open it, as far as can be told without taking a webcam.

    Raises:
        UserError: no such device or file, or nothing in it that can be decoded.
    """
    if _is_webcam(name):
        _device_of(name)
    else:
        open_source(name, (0, 0), loop=False).close()


def _is_webcam(name: str) -> bool:
    return name.isdigit() or name.startswith("/dev/")


def _device_of(name: str) -> str:
    device = name if name.startswith("/") else f"/dev/video{name}"
    if not os.path.exists(device):
        raise UserError(f"source '{name}': no camera at {device}; is it plugged in?")
    return device


class Webcam(Source):
    """A video device. When it is unplugged, `read` gives None, and `reopen` finds it again."""

    live = True

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        self._device, self._size = _device_of(name), size
        self._capture = self._open()
        if self._capture is None:
            raise UserError(
                f"source '{name}': {self._device} gives no picture; another program may hold it,"
                " or you lack the right to read it (group video)"
            )

    def read(self, elapsed_s: float) -> Picture | None:
        image = _next_image(self._capture)
        return None if image is None else Picture(image)

    def reopen(self) -> bool:
        self.close()
        self._capture = self._open() if os.path.exists(self._device) else None
        return self._capture is not None

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _open(self) -> cv2.VideoCapture | None:
        capture = cv2.VideoCapture(self._device)
        width, height = self._size
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        # The newest picture, not one that has waited; with a single buffer the device would have nowhere to
        # put the next one while this one is unpacked.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)
        if _next_image(capture) is None:
            capture.release()
            return None
        return capture


class VideoFile(Source):
    """A video file, frame by frame."""

    def __init__(self, path: Path, loop: bool) -> None:
        self._path, self._loop = path, loop
        self._capture = open_video(path)
        self._first = _next_image(self._capture)
        self.rate_hz = frame_rate(self._capture)
        if self._first is None:
            self.close()
            raise UserError(
                f"source '{path}': cannot be read as a video: damaged, or not of a kind that OpenCV knows"
            )

    def read(self, elapsed_s: float) -> Picture | None:
        image = self._first if self._first is not None else _next_image(self._capture)
        self._first = None
        if image is None and self._loop:
            # Opened anew instead of rewound: seeking back is not reliable in every container.
            self._capture.release()
            self._capture = open_video(self._path)
            image = _next_image(self._capture)
        return None if image is None else Picture(image)

    def close(self) -> None:
        self._capture.release()


class ImageFolder(Source):
    """The images of a folder in the order of their names. Those that cannot be decoded are left out."""

    def __init__(self, path: Path, loop: bool) -> None:
        self._loop = loop
        files = sorted(path.iterdir(), key=natural_order)
        self._files = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
        self._images = self._decode()
        self._first = next(self._images, None)
        if self._first is None:
            count = (
                f"{len(self._files)} image files, none of which can be decoded"
                if self._files
                else "no image files"
            )
            raise UserError(f"source '{path}': the folder holds {count}")

    def read(self, elapsed_s: float) -> Picture | None:
        image = self._first if self._first is not None else next(self._images, None)
        self._first = None
        if image is None and self._loop:
            self._images = self._decode()
            image = next(self._images, None)
        return None if image is None else Picture(image)

    def _decode(self) -> Iterator[np.ndarray]:
        for file in self._files:
            try:
                image = read_image(file)
            except UserError:
                continue
            yield image


def _hush_opencv() -> None:
    """OpenCV and FFmpeg write about every damaged file to stderr; the caller says it in one line instead."""
    with contextlib.suppress(AttributeError):
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _next_image(capture: cv2.VideoCapture | None) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB, or None at the end, on a defect, or when the device is gone."""
    if capture is None or not capture.isOpened():
        return None
    try:
        ok, image = capture.read()
    except cv2.error:
        return None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if ok and image is not None and image.size else None
