"""What is evaluated on: test images of one data set, and the mean pose of its training split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from lgnet_ros.data.augment import tracked_crops
from lgnet_ros.data.hic import HIC
from lgnet_ros.data.interhand26m import InterHand26M, InterHandSettings
from lgnet_ros.data.reading import HandDataset, readable_samples
from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import in_processes, render_crop_sample, render_sample
from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.hand_model import HandModel

DATASETS = ("synthetic", "interhand26m", "hic")
_MEAN_POSE_SAMPLES = 256
_TRAINING_SEED = 0


@dataclass(frozen=True)
class Subject:
    """Test images, in order, and the mean pose of training images (never evaluated on) for a crop size in
    pixels.
    """

    name: str
    count: int
    samples: Callable[[], Iterator[HandSample]]
    mean_pose: Callable[[int], MeanPose]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[HandSample]:
        return self.samples()


def load_subject(
    name: str, root: Path | None, seed: int, count: int, hand_model: HandModel, workers: int = 0
) -> Subject:
    """The test split of a data set, `count` images of it chosen by `seed`.

    workers: processes that render synthetic images; 0 renders them in this one.

    Raises:
        UserError: the data set is not there, or its hands are not the hand model's.
    """
    if name == "synthetic":
        return _synthetic(seed, count, workers)
    if root is None:
        raise UserError(f"--dataset {name}: say where it is with --root")
    if hand_model.name != "mano":
        raise UserError(f"--dataset {name}: its meshes are MANO's; give an imported MANO with --hand-model")
    if name == "hic":
        test: HandDataset = HIC(root, hand_model)
        training = (
            test  # HIC has no training split; its mean pose knows more than it should, to our disadvantage
        )
    else:
        test = InterHand26M(InterHandSettings(root, "test"), hand_model)
        training = InterHand26M(InterHandSettings(root, "train"), hand_model)
    chosen = np.random.default_rng(seed).permutation(len(test))[:count]
    return Subject(
        name,
        len(chosen),
        lambda: readable_samples(test, (int(index) for index in chosen)),
        lru_cache(partial(_mean_pose, training)),
    )


def _mean_pose(training: HandDataset, size_px: int) -> MeanPose:
    """Of images from all over a training split, in crops as a tracker makes them."""
    rng = np.random.default_rng(_TRAINING_SEED)
    spread = np.unique(np.linspace(0, len(training) - 1, _MEAN_POSE_SAMPLES).astype(int))
    samples = readable_samples(training, (int(index) for index in spread))
    return MeanPose.of(crop for sample in samples for crop in tracked_crops(sample, rng, size_px))


def _synthetic(seed: int, count: int, workers: int) -> Subject:
    test, training = SyntheticSettings(split="test"), SyntheticSettings(split="train")

    def mean_pose(size_px: int) -> MeanPose:
        indices = range(_MEAN_POSE_SAMPLES)
        return MeanPose.of(render_crop_sample(_TRAINING_SEED, index, training, size_px) for index in indices)

    def images() -> Iterator[HandSample]:
        return in_processes(partial(render_sample, seed, settings=test), range(count), workers)

    return Subject("synthetic", count, images, lru_cache(mean_pose))
