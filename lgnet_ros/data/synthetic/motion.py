"""Smooth motion of one hand through key frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation, RotationSpline


@dataclass(frozen=True)
class KeyFrame:
    """Where a hand is at a time [s]: wrist (3,) m, root (3, 3), joint angles (15, 3)."""

    time_s: float
    wrist: np.ndarray
    root: np.ndarray
    angles: np.ndarray


class HandTrack:
    """A hand's motion: velocity and, for orientation, acceleration are continuous; a slow tremor lies on top.

    Tremor makes each clip of a seed its own: some 1.5 mm and 0.6°, below 2 Hz. Until the last key frame it
    swings a whole number of times, so that a film that begins anew does not jump.
    """

    def __init__(self, frames: list[KeyFrame], rng: np.random.Generator) -> None:
        times = np.array([frame.time_s for frame in frames])
        self._end = float(times[-1])
        self._wrist = PchipInterpolator(times, np.stack([frame.wrist for frame in frames]))
        self._angles = PchipInterpolator(times, np.stack([frame.angles for frame in frames]))
        self._root = RotationSpline(times, Rotation.from_matrix(np.stack([frame.root for frame in frames])))
        self._frequency = np.round(rng.uniform(0.3, 1.8, (4, 6)) * self._end) / self._end
        self._phase = rng.uniform(0, 2 * np.pi, (4, 6))

    def at(self, time_s: float) -> KeyFrame:
        """The hand at a time; before the first and after the last key frame it rests there."""
        clamped = float(np.clip(time_s, 0.0, self._end))
        waves = np.sin(2 * np.pi * self._frequency * time_s + self._phase).sum(axis=0) / 2.0
        root = Rotation.from_rotvec(0.010 * waves[3:]).as_matrix() @ self._root(clamped).as_matrix()
        return KeyFrame(time_s, self._wrist(clamped) + 0.0015 * waves[:3], root, self._angles(clamped))
