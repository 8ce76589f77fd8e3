"""Everything a run needs of its data, made and checked before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from lgnet_ros.data.augment import CropSample, tracked_crops
from lgnet_ros.data.interhand26m import InterHand26M, InterHandSettings
from lgnet_ros.data.reading import HandDataset, UnreadableSample
from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_crop_sample
from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.hand_model import HandModel
from lgnet_ros.training.augmentation import RENDER_MARGIN, photographed
from lgnet_ros.training.batches import BatchSource, DatasetSource, RenderedSource, SyntheticSource
from lgnet_ros.training.recipe import Recipe

# Validation and the mean pose never depend on the run's seed: all runs are measured with the same yardstick.
_YARDSTICK_SEED = 0
_MEAN_POSE_SAMPLES = 256


@dataclass(frozen=True)
class Sources:
    """Training batches, the fixed validation crops, the mean pose of the training split, and the epoch's
    length.
    """

    training: BatchSource
    validation: list[CropSample]
    mean_pose: MeanPose
    steps_per_epoch: Callable[[int], int]


def make_sources(recipe: Recipe, hand_model: HandModel) -> Sources:
    """The recipe's data.

    Raises:
        UserError: a dataset is missing or has nothing in it.
    """
    size_px = recipe.network_config().input_size
    if recipe.data.source == "synthetic":
        return _synthetic(recipe, size_px)
    return _interhand(recipe, hand_model, size_px)


def synthetic_settings(recipe: Recipe, split: str) -> SyntheticSettings:
    """Of the images that a recipe trains on, or is validated on."""
    return SyntheticSettings(
        split=split,
        hand_model=None if recipe.hand_model is None else str(recipe.hand_model),
        background_folder=None if recipe.data.root is None else str(recipe.data.root),
        scenes=recipe.data.scenes,
    )


def synthetic_crops(settings: SyntheticSettings, seed: int, count: int, size_px: int) -> list[CropSample]:
    """The first crops of a split, jittered around the truth."""
    return [render_crop_sample(seed, index, settings, size_px) for index in range(count)]


def _synthetic(recipe: Recipe, size_px: int) -> Sources:
    settings = synthetic_settings(recipe, "train")
    # A function of the index alone, and one that can be handed to worker processes.
    render = partial(
        render_crop_sample, recipe.seed, settings=settings, size_px=size_px, margin=RENDER_MARGIN
    )
    yardstick = replace(settings, background_folder=None, scenes="all")
    mean_of = synthetic_crops(yardstick, _YARDSTICK_SEED, _MEAN_POSE_SAMPLES, size_px)
    validation = replace(yardstick, split="validation")
    return Sources(
        training=(
            RenderedSource(recipe.data, render)
            if recipe.data.album
            else SyntheticSource(recipe.data, recipe.seed, size_px, render)
        ),
        validation=synthetic_crops(validation, _YARDSTICK_SEED, recipe.validation.count, size_px),
        mean_pose=MeanPose.of(mean_of),
        steps_per_epoch=lambda _: 1_000,
    )


def _interhand(recipe: Recipe, hand_model: HandModel, size_px: int) -> Sources:
    if hand_model.name != "mano":
        raise UserError(
            "interhand26m: its annotations are MANO's; set hand_model to the folder of an imported MANO"
        )
    training, validation = (
        InterHand26M(InterHandSettings(recipe.data.root, split), hand_model) for split in ("train", "val")
    )
    source = DatasetSource(training, recipe.data, recipe.seed, size_px)
    plain = replace(recipe.data, color_jitter=0.0, max_roll_deg=0.0)
    for_mean = [
        photographed(sample, np.random.default_rng(_YARDSTICK_SEED), size_px, plain)
        for sample in evenly_spread(training, _MEAN_POSE_SAMPLES)
    ]
    rng = np.random.default_rng(_YARDSTICK_SEED)
    spread = evenly_spread(validation, recipe.validation.count)
    return Sources(
        training=source,
        validation=[crop for sample in spread for crop in tracked_crops(sample, rng, size_px)],
        mean_pose=MeanPose.of(for_mean),
        steps_per_epoch=source.steps_per_epoch,
    )


def evenly_spread(dataset: HandDataset, count: int) -> list[HandSample]:
    """At most `count` readable samples from all over a dataset."""
    found = []
    for index in np.unique(np.linspace(0, len(dataset) - 1, count).astype(int)):
        try:
            found.append(dataset.load(int(index)))
        except UnreadableSample:
            continue
    return found
