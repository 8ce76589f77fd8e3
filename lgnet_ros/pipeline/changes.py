"""Where an image differs from the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

# The longer side of what is compared, cells. Each averages many pixels: sensor noise is gone.
_LONGER_SIDE = 80
_CHANGED = 12  # of 255 in one channel: more than a lamp's flicker
_LEAST_SHARE = 0.005  # of a square's cells: less is no hand


class Square(Protocol):
    """center (2,) and side in px of the image."""

    center: np.ndarray
    side: float


class Changes:
    """Compares each image with the last one it was shown."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def most(self, image: np.ndarray, squares: Sequence[Square], but: Sequence[np.ndarray]) -> int | None:
        """Which of the squares has changed most; None if none has.

        Args:
            image: (H, W, 3) uint8. squares: at least one.
            but: outlines (4, 2) px, convex; what changes within is of no interest.
        """
        scale = _LONGER_SIDE / max(image.shape[:2])
        height, width = (max(round(length * scale), 1) for length in image.shape[:2])
        cells = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        last, self._last = self._last, cells
        if last is None or last.shape != cells.shape:
            return None
        changed = (cv2.absdiff(cells, last).max(-1) >= _CHANGED).astype(np.uint8)
        for outline in but:
            corners = np.round(outline * scale)
            if np.isfinite(corners).all():  # not where the camera cannot see
                far = 2 * _LONGER_SIDE  # beyond the image: OpenCV walks through every row of a polygon
                cv2.fillConvexPoly(changed, corners.clip(-far, far).astype(np.int32), 0)
        shares = [_within(changed, square, scale).mean() for square in squares]
        most = int(np.argmax(shares))
        return most if shares[most] >= _LEAST_SHARE else None


def _within(cells: np.ndarray, square: Square, scale: float) -> np.ndarray:
    low = np.floor((square.center - square.side / 2) * scale).astype(int).clip(0)
    high = np.ceil((square.center + square.side / 2) * scale).astype(int)
    return cells[low[1] : high[1], low[0] : high[0]]
