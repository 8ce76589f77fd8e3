"""Other views of the same image: turned, scaled, shifted, mirrored, recoloured, with every label along."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lgnet_ros.data.augment import CropSample, crop_sample, jittered_colors
from lgnet_ros.data.sample import HandSample
from lgnet_ros.evaluation.records import crop_intrinsics
from lgnet_ros.geometry.crops import CropCamera, box_around
from lgnet_ros.training.recipe import DataRecipe

# A wide crop is cut from a rendered image that shows this many times its side: room to shift and turn in.
RENDER_MARGIN = 1.25


class Views(NamedTuple):
    """Square boxes of rendered images, and which of them are mirrored: (N,2) and (N,) px, (N,) rad, (N,)
    bool.
    """

    center_px: np.ndarray
    side_px: np.ndarray
    roll_rad: np.ndarray
    flipped: np.ndarray


def random_views(rng: np.random.Generator, count: int, rendered_px: int, recipe: DataRecipe) -> Views:
    """Crops out of images of `rendered_px`: up to 30 % closer or 10 % wider than they were meant, turned,
    mirrored half the time.
    """
    side = rendered_px / RENDER_MARGIN * np.exp(rng.uniform(math.log(0.75), math.log(1.1), count))
    slack = 0.5 * np.maximum(rendered_px - side, 0.0) * 0.6
    center = (rendered_px - 1) / 2 + slack[:, None] * rng.uniform(-1.0, 1.0, (count, 2))
    return Views(center, side, _rolls(rng, count, recipe), rng.random(count) < 0.5)


def recropped(sample: CropSample, rng: np.random.Generator, size_px: int, recipe: DataRecipe) -> CropSample:
    """A crop out of a wider one, one of `random_views`, recoloured."""
    source = as_image(sample)
    center, side, roll, flip = (values[0] for values in random_views(rng, 1, sample.image.shape[0], recipe))
    crop = CropCamera.from_box(source.intrinsics, center, float(side), size_px, float(roll))
    return _recolored(crop_sample(source, crop, flip=bool(flip)), rng, recipe)


def photographed(
    sample: HandSample, rng: np.random.Generator, size_px: int, recipe: DataRecipe
) -> CropSample:
    """A training crop of a photograph, augmented as in the paper: scaled, turned, mirrored, recoloured."""
    present = np.flatnonzero(sample.presence & (sample.mesh_valid | sample.joints_valid.any(axis=1)))
    points = [
        sample.vertices[s] if sample.mesh_valid[s] else sample.joints[s][sample.joints_valid[s]]
        for s in present
    ]
    center, side = box_around(sample.intrinsics.project(np.concatenate(points)))
    side *= float(np.clip(rng.normal(1.0, 0.15), 0.8, 1.4))
    center = center + rng.uniform(-0.06, 0.06, 2) * side
    crop = CropCamera.from_box(sample.intrinsics, center, side, size_px, float(_rolls(rng, 1, recipe)[0]))
    return _recolored(crop_sample(sample, crop, flip=bool(rng.random() < 0.5)), rng, recipe)


def _rolls(rng: np.random.Generator, count: int, recipe: DataRecipe) -> np.ndarray:
    """Mostly small turns, never beyond the recipe's largest."""
    largest = math.radians(recipe.max_roll_deg)
    return np.clip(rng.normal(0.0, largest / 2, count), -largest, largest)


def _recolored(sample: CropSample, rng: np.random.Generator, recipe: DataRecipe) -> CropSample:
    if recipe.color_jitter == 0:
        return sample
    return replace(sample, image=jittered_colors(sample.image, rng, recipe.color_jitter))


def as_image(sample: CropSample) -> HandSample:
    """A crop as an image of its own crop camera, from which further crops can be cut."""
    return HandSample(
        image=sample.image,
        intrinsics=crop_intrinsics(sample),
        presence=sample.presence,
        vertices=sample.vertices,
        joints=sample.joints,
        rotations=sample.rotations,
        shape=sample.shape,
        joints_valid=sample.joints_valid,
        mesh_valid=sample.mesh_valid,
        visibility=sample.visibility,
        mask=sample.mask,
        depth=None,
        key=sample.key,
    )
