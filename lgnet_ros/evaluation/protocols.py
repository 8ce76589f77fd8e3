"""Which crops an estimator is shown, and running it over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lgnet_ros.data.augment import CropSample, crop_sample, jittered_crop, tracked_crops
from lgnet_ros.data.sample import HandSample
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.evaluation.estimates import answer_about, estimate_of
from lgnet_ros.evaluation.evaluation import Evaluation, Row
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth
from lgnet_ros.pipeline.estimators import Estimator
from lgnet_ros.pipeline.placement import PlacementSettings

CropMaker = Callable[[HandSample, np.random.Generator, int], list[CropSample]]


def jittered_crops(sample: HandSample, rng: np.random.Generator, size_px: int) -> list[CropSample]:
    """One, see `jittered_crop`."""
    return [crop_sample(sample, jittered_crop(sample, rng, size_px))]


CROPS: dict[str, CropMaker] = {"jittered": jittered_crops, "tracked": tracked_crops}
"""By name: anywhere from tight to the full frame around the truth; and as a tracker makes them from its last
meshes, one for each hand, or for two that lie on each other. Each is judged by itself.
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
        self._placement = PlacementSettings(errors=estimator.errors)
        self.evaluation = Evaluation(estimator.hand_model, mean_pose, images)
        self.chosen: list[Pictured] = []
        self.failures: list[Pictured] = []

    def show(self, crop: CropSample) -> HandsEstimate:
        """Shows one crop to the estimator and counts how right it is."""
        truth = HandsTruth.of_crop(crop)
        estimate = estimate_of(answer_about(self.estimator, crop), 0, truth, self._placement)
        pictured = Pictured(crop, estimate, self.evaluation.add(estimate, truth))
        if len(self.chosen) < self._keep:
            self.chosen.append(pictured)
        worst_first = sorted((*self.failures, pictured), key=lambda kept: -_badness(kept.row))
        self.failures = worst_first[: self._keep]
        return estimate


def crops_of(sample: HandSample, place: int, kind: str, size_px: int, seed: int) -> list[CropSample]:
    """The crops of a kind in `CROPS`; a pure function of the seed and the sample's place in the run."""
    return CROPS[kind](sample, np.random.default_rng([seed, place]), size_px)


def _badness(row: Row) -> float:
    """How bad an outcome is: its error in mm, and 100 if a hand was missed, invented or swapped."""
    error = 0.0 if np.isnan(row.mpjpe_mm) else row.mpjpe_mm
    return error + 100.0 * (row.missed or row.swapped or row.extra)
