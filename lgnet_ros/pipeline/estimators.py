"""Who says what is in a crop. LGNet by default; whatever answers the same question may take its place."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine, NetworkErrors, NetworkPrediction


class Stopwatch:
    """Milliseconds per named stage; a stage that is passed twice adds up."""

    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Give the time since the last lap to this stage."""
        now = time.perf_counter()
        self.timings_ms[stage] = self.timings_ms.get(stage, 0.0) + (now - self._last) * 1e3
        self._last = now

    def finish(self) -> dict[str, float]:
        """All stages and their "total" since the start."""
        self.timings_ms["total"] = (time.perf_counter() - self._start) * 1e3
        return self.timings_ms


class Estimator(Protocol):
    """Looks through crops of an image and says where each hand is in them.

    size_px: of the crops. trained: False when its answers mean nothing. errors: how wrong they are. One that
    is a `Detector` too finds the hands by itself.
    """

    name: str
    size_px: int
    hand_model: HandModel
    trained: bool
    errors: NetworkErrors

    def reset(self) -> None:
        """Forget earlier images: the next one has nothing to do with them."""

    def estimate(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, crops: list[CropCamera], stopwatch: Stopwatch
    ) -> NetworkPrediction:
        """One prediction per crop, in each crop camera's frame. image: (H, W, 3) uint8 RGB, the same array
        for all questions about one frame and another one for the next.
        """


class LGNetEstimator:
    """LGNet behind an inference `engine`."""

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self.size_px = engine.input_size
        self.hand_model = engine.hand_model
        self.trained = engine.trained
        self.errors = NetworkErrors.from_dict(engine.info.errors if engine.info else {})
        self.engine = engine

    @property
    def restarts(self) -> int:
        """How often the engine's device has failed and the engine was restarted."""
        return self.engine.restarts

    def reset(self) -> None:
        """Nothing is kept between images."""

    def estimate(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, crops: list[CropCamera], stopwatch: Stopwatch
    ) -> NetworkPrediction:
        """Warp every crop, then run them as one batch; stages "crop" and "network"."""
        pixels = np.stack([crop.warp(image, intrinsics) for crop in crops])
        focal_px = np.array([crop.focal_px for crop in crops], dtype=np.float32)
        stopwatch.lap("crop")
        prediction = self.engine.infer(pixels, focal_px)
        stopwatch.lap("network")
        return prediction
