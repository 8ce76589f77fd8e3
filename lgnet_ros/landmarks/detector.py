"""Where MediaPipe sees hands, for another estimator to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, box_around, upright_roll
from lgnet_ros.hand_model.topology import WRIST_AND_KNUCKLE
from lgnet_ros.landmarks.mediapipe_hands import HandFinder, MediaPipeHands
from lgnet_ros.pipeline.acquisition import Region

BOX_MARGIN = 0.7  # of a box, taken by the landmarks: flesh and some room lie around them


class MediaPipeDetector:
    """A `Detector`. It is asked only while a hand is missing, so images need not follow one another."""

    def __init__(self, finder: HandFinder) -> None:
        self._finder = finder

    @classmethod
    def load(cls, max_people: int = 1, model: Path | str | None = None) -> MediaPipeDetector:
        """With MediaPipe; model: see `MediaPipeHands`.

        Raises:
            UserError: no MediaPipe, or no model for it.
        """
        return cls(MediaPipeHands(2 * max_people, follow=False, model=model))

    def regions(self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int) -> list[Region]:
        """Around every hand that MediaPipe sees, fingers up, whatever the count: which of them are new it
        cannot know.
        """
        return [_around(hand.pixels) for hand in self._finder.find(image)]


def _around(pixels: np.ndarray) -> Region:
    """The region of a hand by its landmarks (21, 2) px."""
    extent_px = float(np.ptp(pixels, axis=0).max())
    roll = upright_roll(pixels[None, WRIST_AND_KNUCKLE], extent_px)
    return Region(*box_around(pixels, BOX_MARGIN, roll), roll)
