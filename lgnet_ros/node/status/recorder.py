"""Writes pictures with time stamps as a video of constant rate."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from lgnet_ros.errors import UserError

_LONGEST_GAP_S = 2.0  # a pause of the camera is not drawn out longer than this


class Recorder:
    """A video file that appears under its name when it is complete.

    The video keeps the time of the stamps: a picture is repeated where the next one comes late, and left out
    where there is no room for it at the video's own rate.
    """

    def __init__(self, path: Path, rate_hz: float = 30.0) -> None:
        """Raises:
        UserError: the folder cannot be made.
        """
        self.path, self._rate = path, rate_hz
        self._unfinished = path.with_name(f".{path.stem}.unfinished{path.suffix}")
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._last_stamp = 0.0
        self._owed = 0.0  # frames of the video that the time passed asks for
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"output folder '{path.parent}': {error.strerror}") from None

    def add(self, image: np.ndarray, stamp_s: float) -> None:
        """The next picture, (H, W, 3) uint8 RGB. All get the size of the first.

        Raises:
            UserError: the file cannot be written.
        """
        if self._writer is None:
            self._open(image)
            self._owed = 1.0
        else:
            elapsed = stamp_s - self._last_stamp
            self._owed += min(max(elapsed, 0.0), _LONGEST_GAP_S) * self._rate
        self._last_stamp = stamp_s
        if self._owed < 0.5:
            return
        picture = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if picture.shape[1::-1] != self._size:
            picture = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        while self._owed >= 0.5:
            self._writer.write(picture)
            self._owed -= 1.0

    def close(self) -> Path | None:
        """Complete the file. Returns its path, None if there was nothing to write."""
        if self._writer is None:
            return None
        self._writer.release()
        self._writer = None
        os.replace(self._unfinished, self.path)
        return self.path

    def _open(self, image: np.ndarray) -> None:
        self._size = (image.shape[1], image.shape[0])
        writer = cv2.VideoWriter(
            str(self._unfinished), cv2.VideoWriter_fourcc(*"mp4v"), self._rate, self._size
        )
        if not writer.isOpened():
            raise UserError(
                f"output video '{self.path}': cannot be written; is the folder writable, the disk full?"
            )
        self._writer = writer
