"""Batches depend on the step alone, replay what was rendered, and never lose a label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from lgnet_ros.data.augment import CropSample
from lgnet_ros.data.reading import UnreadableSample
from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_crop_sample
from lgnet_ros.evaluation.records import crop_intrinsics
from lgnet_ros.training.augmentation import as_image, photographed, recropped
from lgnet_ros.training.batches import DatasetSource, SyntheticSource, collate, loader
from lgnet_ros.training.recipe import DataRecipe

_RECIPE = DataRecipe(source="synthetic", batch=6, workers=0, replayed_share=0.5, replay_window=9)
_Sketch = Callable[..., CropSample]


def _source(sketch: _Sketch, recipe: DataRecipe = _RECIPE) -> SyntheticSource:
    return SyntheticSource(recipe, 3, 64, lambda index: sketch(index, 80))


def test_a_step_is_the_same_whatever_was_asked_before(sketch: _Sketch) -> None:
    warm = _source(sketch)
    for step in range(5):
        last = warm.batch(step, 0, 1)
    for again, sample in zip(_source(sketch).batch(4, 0, 1), last, strict=True):
        np.testing.assert_array_equal(again.image, sample.image)
        np.testing.assert_array_equal(again.joints, sample.joints)


def test_each_step_renders_its_own_images_and_replays_recent_ones(sketch: _Sketch) -> None:
    source = _source(sketch)
    for step in range(12):
        indices = source.indices(step, 0, 1)
        assert indices[:3].tolist() == [3 * step, 3 * step + 1, 3 * step + 2]
        assert (indices[3:] <= 3 * step + 2).all()
        assert (indices[3:] >= max(0, 3 * (step - 3))).all()


def test_processes_never_see_the_same_image(sketch: _Sketch) -> None:
    source = _source(sketch)
    seen = [set(np.concatenate([source.indices(step, rank, 2) for step in range(8)])) for rank in (0, 1)]
    assert not seen[0] & seen[1]


def test_a_lane_replays_only_what_its_own_worker_rendered(sketch: _Sketch) -> None:
    source = _source(sketch, replace(_RECIPE, workers=2))
    for step in range(10):
        steps = source.indices(step, 0, 1) // 3
        assert (steps % 2 == step % 2).all()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_hands_out_steps_in_order_from_any_step(workers: int) -> None:
    recipe = replace(_RECIPE, workers=workers, batch=2)
    render = partial(render_crop_sample, 0, settings=SyntheticSettings(), size_px=64, margin=1.25)
    batches = list(loader(SyntheticSource(recipe, 3, 64, render), recipe, range(3, 8), 0, 1))
    assert len(batches) == 5
    fresh = SyntheticSource(recipe, 3, 64, render)
    for step, batch in zip(range(3, 8), batches, strict=True):
        expected = collate(fresh.batch(step, 0, 1))
        assert batch.keys() == expected.keys()
        for name in batch:
            np.testing.assert_array_equal(batch[name], expected[name], name)


def test_a_recropped_view_still_projects_its_joints_onto_the_same_pixels(sketch: _Sketch) -> None:
    """The joints' pixels, taken back to the wide picture through the crop's own homography, are where they
    were.
    """
    wide = sketch(1, 160)
    camera = crop_intrinsics(wide)
    for seed in range(20):
        view = recropped(wide, np.random.default_rng(seed), 128, replace(_RECIPE, color_jitter=0.0))
        joints = view.joints[::-1] * [-1, 1, 1] if view.flipped else view.joints
        pixels = crop_intrinsics(view).project(joints.astype(np.float64))
        back = view.crop.image_pixels(pixels, camera)
        np.testing.assert_allclose(back, camera.project(wide.joints.astype(np.float64)), atol=1e-2)


def test_recropping_turns_no_further_than_the_recipe_allows(sketch: _Sketch) -> None:
    recipe = replace(_RECIPE, max_roll_deg=20.0)
    for seed in range(30):
        view = recropped(sketch(2, 160), np.random.default_rng(seed), 128, recipe)
        roll = np.degrees(
            np.arctan2(view.crop.rotation_crop_camera[0, 1], view.crop.rotation_crop_camera[0, 0])
        )
        assert abs(roll) <= 21.0


class _TenPhotographs:
    """Ten images, of which number 4 cannot be read."""

    name = "ten"

    def __init__(self, sketch: _Sketch) -> None:
        self._sketch, self.loaded = sketch, []

    def __len__(self) -> int:
        return 10

    def load(self, index: int) -> HandSample:
        if index == 4:
            raise UnreadableSample("4.jpg: torn")
        self.loaded.append(index)
        return as_image(self._sketch(index, 160))


def test_an_epoch_shows_every_photograph_once_in_another_order_each_time(sketch: _Sketch) -> None:
    dataset = _TenPhotographs(sketch)
    source = DatasetSource(dataset, replace(_RECIPE, batch=5), 1, 64)
    assert source.steps_per_epoch(1) == 2
    orders = []
    for epoch in range(2):
        dataset.loaded = []
        for step in (2 * epoch, 2 * epoch + 1):
            assert len(source.batch(step, 0, 1)) == 5
        orders.append(dataset.loaded)
        assert sorted(dataset.loaded) == [0, 1, 2, 3, 5, 5, 6, 7, 8, 9]  # 4 cannot be read: 5 stands in
    assert orders[0] != orders[1]


def test_two_processes_share_an_epoch_without_overlap(sketch: _Sketch) -> None:
    dataset = _TenPhotographs(sketch)
    keys = []
    for rank in (0, 1):
        source = DatasetSource(dataset, replace(_RECIPE, batch=5), 1, 64)
        keys.append({sample.key for sample in source.batch(0, rank, 2)})
    assert len(keys[0] | keys[1]) >= 9


def test_a_photographs_crop_holds_both_hands(sketch: _Sketch) -> None:
    for seed in range(20):
        crop = photographed(as_image(sketch(3, 160)), np.random.default_rng(seed), 64, _RECIPE)
        pixels = crop_intrinsics(crop).project(crop.joints.astype(np.float64))
        assert ((pixels > -8) & (pixels < 72)).all()
        assert crop.presence.all()
