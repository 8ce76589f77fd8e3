"""What is evaluated on: test images of one data set, and the mean pose of its training split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lgnet_ros.data.augment import crop_sample, tracked_crop
from lgnet_ros.data.hic import HIC
from lgnet_ros.data.interhand26m import InterHand26M, InterHandSettings
from lgnet_ros.data.reading import HandDataset, readable_samples
from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.hand_model import HandModel

DATASETS = ("synthetic", "interhand26m", "hic")
_MEAN_POSE_SAMPLES = 256
_TRAINING_SEED = 0


@dataclass(frozen=True)
class Subject:
    """Test images, in order, and where the mean pose comes from: training images, which are never evaluated
    on.
    """

    name: str
    count: int
    samples: Callable[[], Iterator[HandSample]]
    training_samples: Callable[[], Iterator[HandSample]]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[HandSample]:
        return self.samples()

    @lru_cache(maxsize=2)  # noqa: B019 (a handful of subjects in a process's life)
    def mean_pose(self, size_px: int) -> MeanPose:
        """Of the training images, in crops as a tracker makes them."""
        rng = np.random.default_rng(_TRAINING_SEED)
        samples = self.training_samples()
        return MeanPose.of(crop_sample(sample, tracked_crop(sample, rng, size_px)) for sample in samples)


def load_subject(name: str, root: Path | None, seed: int, count: int, hand_model: HandModel) -> Subject:
    """The test split of a data set, `count` images of it chosen by `seed`.

    Raises:
        UserError: the data set is not there, or its hands are not the hand model's.
    """
    if name == "synthetic":
        return _synthetic(seed, count)
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
    spread = np.unique(np.linspace(0, len(training) - 1, _MEAN_POSE_SAMPLES).astype(int))
    return Subject(
        name,
        len(chosen),
        lambda: readable_samples(test, (int(index) for index in chosen)),
        lambda: readable_samples(training, (int(index) for index in spread)),
    )


def _synthetic(seed: int, count: int) -> Subject:
    from lgnet_ros.data.synthetic.stream import render_sample  # compiles the renderer: only where it is used

    test, training = SyntheticSettings(split="test"), SyntheticSettings(split="train")
    return Subject(
        "synthetic",
        count,
        lambda: (render_sample(seed, index, test) for index in range(count)),
        lambda: (render_sample(_TRAINING_SEED, index, training) for index in range(_MEAN_POSE_SAMPLES)),
    )
