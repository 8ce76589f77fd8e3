"""Which crops an estimator is shown, and running it over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lgnet_ros.data.augment import CropSample, crop_sample, jittered_crop, tracked_crop
from lgnet_ros.data.sample import HandSample
from lgnet_ros.evaluation import metrics
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.evaluation.estimates import estimate_of, whole_crop
from lgnet_ros.evaluation.evaluation import Evaluation, Row
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.crops import CropCamera
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.pipeline.estimators import Estimator, Stopwatch
from lgnet_ros.pipeline.hands_pipeline import HandsPipeline

CropMaker = Callable[[HandSample, np.random.Generator, int], CropCamera]

CROPS: dict[str, CropMaker] = {"jittered": jittered_crop, "tracked": tracked_crop}
"""By name: anywhere from tight to the full frame around the truth, and as a tracker makes them from its last
mesh.
"""


@dataclass
class Pictured:
    """A crop with its estimate and outcome, kept to be drawn."""

    sample: CropSample
    estimate: HandsEstimate
    row: Row


class Outcome:
    """One estimator on one kind of crop: the numbers, and the images kept for pictures.

    Attributes:
        evaluation: the numbers.
        chosen: the first images of the run: an honest choice, for their order is the seed's.
        failures: the worst ones, the worst first.
    """

    def __init__(self, estimator: Estimator, mean_pose: MeanPose, keep: int = 0, images: bool = True) -> None:
        """`keep`: how many images, and failures, are kept for pictures; `images`: see `Evaluation`."""
        self.estimator, self._keep = estimator, keep
        self.evaluation = Evaluation(estimator.hand_model, mean_pose, images)
        self.chosen: list[Pictured] = []
        self.failures: list[Pictured] = []

    def show(self, crop: CropSample) -> HandsEstimate:
        """Shows one crop to the estimator and counts how right it is."""
        truth = HandsTruth.of_crop(crop)
        camera = truth.camera
        prediction = self.estimator.estimate(crop.image, camera, [whole_crop(camera)], Stopwatch())
        estimate = estimate_of(prediction, 0, truth)
        pictured = Pictured(crop, estimate, self.evaluation.add(estimate, truth))
        if len(self.chosen) < self._keep:
            self.chosen.append(pictured)
        worst_first = sorted((*self.failures, pictured), key=lambda kept: -_badness(kept.row))
        self.failures = worst_first[: self._keep]
        return estimate


def crop_of(sample: HandSample, place: int, kind: str, size_px: int, seed: int) -> CropSample:
    """One crop of a kind in `CROPS`; a pure function of the seed and the sample's place in the run."""
    crop = CROPS[kind](sample, np.random.default_rng([seed, place]), size_px)
    return crop_sample(sample, crop)


def clip_jitter(
    pipeline: HandsPipeline,
    frame_at: Callable[[float], HandSample],
    camera: CameraIntrinsics,
    frames: int,
    rate_hz: float,
) -> dict[str, float | None]:
    """Jitter of the tracked joints on a film, mm per frame², before and after the temporal filter.

    Measured over runs of at least three consecutive frames in which a hand is both there and found; None
    without any.
    """
    pipeline.reset()
    runs: list[list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = []
    current: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for number in range(frames):
        sample = frame_at(number / rate_hz)
        frame = pipeline.step(sample.image, camera, number / rate_hz)
        for side, name in enumerate(SIDES):
            hand = frame.hand(name)
            if hand is None or not sample.presence[side]:
                current.pop(name, None)
                continue
            if name not in current:
                current[name] = []
                runs.append(current[name])
            current[name].append((hand.raw.joints, hand.joints, sample.joints[side].astype(np.float64)))
    stacked = [[np.stack(part) for part in zip(*run, strict=True)] for run in runs if len(run) >= 3]
    if not stacked:
        return {"raw": None, "filtered": None}
    weights = [len(true) for _, _, true in stacked]
    raw = np.average([metrics.jitter(r, true) for r, _, true in stacked], weights=weights)
    filtered = np.average([metrics.jitter(f, true) for _, f, true in stacked], weights=weights)
    return {"raw": float(raw), "filtered": float(filtered)}


def _badness(row: Row) -> float:
    """How bad an outcome is to look at: error in mm, a hand missed, invented or swapped is like 100 mm."""
    error = 0.0 if np.isnan(row.mpjpe_mm) else row.mpjpe_mm
    return error + 100.0 * (row.missed + row.swapped + row.extra)
