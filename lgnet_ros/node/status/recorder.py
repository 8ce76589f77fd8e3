"""Writes pictures with time stamps as a video of constant rate."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lgnet_ros.files import make_folder
from lgnet_ros.media import VideoWriter

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
        self._writer: VideoWriter | None = None
        self._size = (0, 0)
        self._last_stamp = 0.0
        self._owed = 0.0  # frames of the video that the time passed asks for
        make_folder(path.parent)

    def add(self, image: np.ndarray, stamp_s: float) -> None:
        """The next picture, (H, W, 3) uint8 RGB. All get the size of the first.

        Raises:
            UserError: the file cannot be written.
        """
        if self._writer is None:
            self._size = (image.shape[1], image.shape[0])
            self._writer = VideoWriter(self.path, self._rate, *self._size)
            self._owed = 1.0
        else:
            elapsed = stamp_s - self._last_stamp
            self._owed += min(max(elapsed, 0.0), _LONGEST_GAP_S) * self._rate
        self._last_stamp = stamp_s
        if self._owed < 0.5:
            return
        if image.shape[1::-1] != self._size:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        while self._owed >= 0.5:
            self._writer.write(image)
            self._owed -= 1.0

    def close(self) -> Path | None:
        """Complete the file. Returns its path, None if there was nothing to write."""
        if self._writer is None:
            return None
        self._writer.close()
        self._writer = None
        return self.path
