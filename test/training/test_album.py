"""What a device cuts from the images it keeps is what a processor cuts, image and every label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from lgnet_ros.data.augment import CropSample, color_changes, crop_sample, jittered_colors
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_crop_sample
from lgnet_ros.errors import UserError
from lgnet_ros.geometry.crops import CropCamera
from lgnet_ros.hand_model import HandModel
from lgnet_ros.training.album import Album, cut
from lgnet_ros.training.augmentation import RENDER_MARGIN, Views, as_image
from lgnet_ros.training.batches import RenderedSource, collate, collate_pictures, to_tensors
from lgnet_ros.training.parts import vertex_parts
from lgnet_ros.training.recipe import DataRecipe

_SIZE, _WIDE = 128, 160
_RECIPE = DataRecipe(source="synthetic", batch=6, replayed_share=0.5, album=9, max_roll_deg=20.0)
# Boxes in the middle and beside it, as random views have them, and some that stick out of the picture.
_VIEWS = Views(
    center_px=np.array(
        [[79.5, 79.5], [70.0, 88.0], [91.0, 75.0], [20.0, 150.0], [140.0, 30.0], [79.5, 60.0]]
    ),
    side_px=np.array([128.0, 96.0, 141.0, 110.0, 128.0, 150.0]),
    roll_rad=np.array([0.0, 0.3, -0.35, 0.1, 1.2, -0.02]),
    flipped=np.array([False, True, True, False, True, False]),
)
_SAME = np.tile(np.eye(3, 4), (6, 1, 1))


@pytest.fixture(scope="module")
def wide() -> list[CropSample]:
    settings = SyntheticSettings(scenes="tracked")
    return [render_crop_sample(6, index, settings, _SIZE, RENDER_MARGIN) for index in range(6)]


@pytest.fixture(scope="module")
def parts(hand_model: HandModel) -> np.ndarray:
    return vertex_parts(hand_model)


def _cut_by_processor(wide: list[CropSample]) -> list[CropSample]:
    crops = []
    for sample, center, side, roll, flip in zip(wide, *_VIEWS, strict=True):
        image = as_image(sample)
        crops.append(
            crop_sample(image, CropCamera.from_box(image.intrinsics, center, side, _SIZE, roll), bool(flip))
        )
    return crops


def test_images_and_labels_are_those_that_a_processor_cuts(wide: list[CropSample], parts: np.ndarray) -> None:
    expected = collate(_cut_by_processor(wide), parts)
    found = cut(to_tensors(collate_pictures(wide)), _VIEWS, _SAME, _SIZE, torch.from_numpy(parts))
    assert expected["presence"].sum() >= 4  # or there is nothing to compare
    assert found.keys() == expected.keys()
    for name in found.keys() - {"images", "parts"}:
        assert found[name].numpy().dtype == expected[name].dtype, name
        np.testing.assert_allclose(found[name].numpy(), expected[name], atol=2e-5, rtol=1e-5, err_msg=name)
    apart = np.abs(found["images"].numpy().astype(int) - expected["images"])
    assert np.mean(apart) < 0.5 and np.mean(apart > 8) < 0.002  # OpenCV places pixels in steps of 1/32
    assert (found["parts"].numpy() == expected["parts"]).mean() > 0.98


def test_colors_change_as_a_processor_changes_them(wide: list[CropSample]) -> None:
    pictures = to_tensors(collate_pictures(wide))
    plain = cut(pictures, _VIEWS, _SAME, _SIZE, None)["images"].numpy()
    one = np.random.default_rng(5)
    expected = np.stack([jittered_colors(image, one, 0.5) for image in plain])
    again = np.random.default_rng(5)
    colors = np.concatenate([color_changes(again, 1, 0.5) for _ in plain])
    found = cut(pictures, _VIEWS, colors, _SIZE, None)["images"].numpy()
    assert np.abs(found.astype(int) - expected).max() <= 2  # of colors that were rounded in between
    assert np.abs(found.astype(int) - plain).mean() > 2


def _pictures(sketch: Callable[..., CropSample], step: int) -> dict[str, torch.Tensor]:
    source = RenderedSource(_RECIPE, lambda index: replace(sketch(index, _WIDE), mask=_mask()))
    return to_tensors(collate_pictures(source.batch(step, 0, 1)))


def _mask() -> np.ndarray:
    return np.zeros((_WIDE, _WIDE), np.uint8)


def _shapes(samples: list[CropSample]) -> np.ndarray:
    return np.stack([sample.shape for sample in samples])


def test_a_batch_begins_with_its_own_images_and_goes_on_with_any_that_are_kept(
    sketch: Callable[..., CropSample],
) -> None:
    """The shape coefficients tell which image a crop is of; a mirrored one has them the other way round."""
    album = Album(_RECIPE, 3, _SIZE, None)
    seen = set()
    for step in range(12):
        batch = album.batch(_pictures(sketch, step), step, 0)
        assert batch["images"].shape == (6, _SIZE, _SIZE, 3) and batch["images"].dtype == torch.uint8
        known = _shapes([sketch(index) for index in range(3 * step + 3)])
        found = []
        for shape in batch["shape"].numpy():
            same = [np.isclose(known, ways).all(axis=(1, 2)) for ways in (shape, shape[::-1])]
            found += np.flatnonzero(same[0] | same[1]).tolist()
        assert found[:3] == [3 * step, 3 * step + 1, 3 * step + 2]
        assert len(found) == 6 and min(found) >= 3 * step + 3 - 9
        seen |= set(found[3:])
    assert len(seen) > 15


def test_a_step_of_another_album_with_the_same_images_is_the_same(sketch: Callable[..., CropSample]) -> None:
    one, other = Album(_RECIPE, 3, _SIZE, None), Album(_RECIPE, 3, _SIZE, None)
    for step in range(3):
        first, second = (album.batch(_pictures(sketch, step), step, 0) for album in (one, other))
    for name, values in first.items():
        assert torch.equal(values, second[name]), name
    assert not torch.equal(one.batch(_pictures(sketch, 3), 4, 0)["images"], first["images"])


def test_an_album_without_room_is_refused_with_its_size(sketch: Callable[..., CropSample]) -> None:
    huge = Album(replace(_RECIPE, album=10**13), 3, _SIZE, None)
    with pytest.raises(UserError, match="data.album 10000000000000.*no room"):
        huge.batch(_pictures(sketch, 0), 0, 0)
