"""Where MediaPipe sees hands, for another estimator to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.landmarks.mediapipe_hands import HandFinder, MediaPipeHands
from lgnet_ros.pipeline.acquisition import Region


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

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """Around every hand that MediaPipe sees, fingers up, whatever the count: which of them are new it
        cannot know.
        """
        return [Region.upright(hand.pixels) for hand in self._finder.find(image)]
