"""Crops and flips: labels must go where the picture goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.data.augment import (
    MIN_JOINTS_INSIDE,
    CropSample,
    crop_sample,
    flipped,
    jittered_colors,
    jittered_crop,
    tracked_crops,
)
from lgnet_ros.data.sample import HandSample
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.crops import CropCamera
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES


@pytest.fixture(scope="module")
def model() -> HandModel:
    return HandModel.load()


def _sample(model: HandModel, seed: int, presence: tuple[bool, bool] = (True, True)) -> HandSample:
    """Two posed hands before a camera; the picture is a smooth ramp whose color says where a pixel came
    from."""
    rng = np.random.default_rng(seed)
    camera = CameraIntrinsics.from_field_of_view(640, 480, 1.1)
    rotations = Rotation.from_rotvec(rng.normal(0, 0.3, (32, 3))).as_matrix().reshape(2, 16, 3, 3)
    rotations[:, 0] = Rotation.random(2, random_state=seed).as_matrix()
    shape = rng.normal(0, 1, (2, 10))
    posed = model.both(*(torch.tensor(a, dtype=torch.float32)[None] for a in (rotations, shape)))
    vertices, joints = posed.vertices[0].numpy(), posed.joints[0].numpy()
    place = np.array([[-0.09, 0.02, 0.55], [0.1, -0.03, 0.6]], np.float32)[:, None]
    column, row = np.meshgrid(np.arange(640), np.arange(480))
    image = np.stack([column / 2.6, row / 2.0, 60 + 0 * row], axis=-1).astype(np.uint8)
    present = np.array(presence)
    return HandSample(
        image=image,
        intrinsics=camera,
        presence=present,
        vertices=(vertices + place) * present[:, None, None],
        joints=(joints + place) * present[:, None, None],
        rotations=rotations.astype(np.float32),
        shape=shape.astype(np.float32),
        joints_valid=np.repeat(present[:, None], 21, axis=1),
        mesh_valid=present.copy(),
        visibility=np.repeat(present[:, None], 21, axis=1),
        mask=np.full((480, 640), 3, np.uint8),
        depth=None,
        key="ramp",
    )


def _pixels(crop: CropSample, side: int) -> np.ndarray:
    middle = (crop.image.shape[0] - 1) / 2
    points = crop.joints[side].astype(np.float64)
    return crop.focal_px * points[:, :2] / points[:, 2:] + middle


def _seen_source(crop: CropSample, pixels: np.ndarray) -> np.ndarray:
    """Where in the ramp the crop's colors at these pixels come from."""
    column, row = np.round(pixels).astype(int).T
    colors = crop.image[row, column].astype(float)
    return colors[:, :2] * [2.6, 2.0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("flip", [False, True])
def test_labels_land_on_the_pixels_that_show_them(model: HandModel, seed: int, flip: bool) -> None:
    sample = _sample(model, seed)
    rng = np.random.default_rng(seed)
    crop = crop_sample(sample, jittered_crop(sample, rng, 256), flip)
    compared = 0
    for side in np.flatnonzero(crop.presence):
        source_side = 1 - side if flip else side
        truth = sample.intrinsics.project(sample.joints[source_side].astype(np.float64))
        pixels = _pixels(crop, side)
        # Only joints inside both pictures: elsewhere there is no color to read.
        good = np.all((pixels > 2) & (pixels < 253), axis=1) & np.all(
            (truth > 4) & (truth < [635, 475]), axis=1
        )
        np.testing.assert_allclose(_seen_source(crop, pixels[good]), truth[good], atol=6.0)
        compared += good.sum()
    assert compared >= MIN_JOINTS_INSIDE


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("flip", [False, True])
def test_augmented_joints_reproject_exactly(model: HandModel, seed: int, flip: bool) -> None:
    """Within half a pixel is asked for; the transform is exact, so a thousandth it is."""
    sample = _sample(model, seed)
    rng = np.random.default_rng(seed + 50)
    camera = CropCamera.from_box(
        sample.intrinsics, rng.uniform([100, 80], [540, 400]), rng.uniform(60, 900), 128, rng.uniform(-3, 3)
    )
    crop = crop_sample(sample, camera, flip)
    for side in range(2):
        expected = camera.project(sample.joints[1 - side if flip else side].astype(np.float64))
        if flip:
            expected[:, 0] = 127 - expected[:, 0]
        got, finite = _pixels(crop, side), np.isfinite(expected).all(axis=1)
        np.testing.assert_allclose(
            got[finite], expected[finite], atol=1e-3 * max(1, np.abs(expected[finite]).max() / 128)
        )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("flip", [False, True])
def test_posing_the_augmented_parameters_gives_the_augmented_vertices(
    model: HandModel, seed: int, flip: bool
) -> None:
    sample = _sample(model, seed)
    roll = np.random.default_rng(seed).uniform(-3, 3)
    camera = CropCamera.from_box(sample.intrinsics, np.array([300.0, 200.0]), 350.0, 128, roll)
    crop = crop_sample(sample, camera, flip)
    for side, name in enumerate(SIDES):
        posed = model(torch.from_numpy(crop.rotations[side]), torch.from_numpy(crop.shape[side]), name)
        relative = (posed.vertices - posed.joints[:1]).numpy()
        np.testing.assert_allclose(crop.vertices[side] - crop.joints[side, :1], relative, atol=2e-6)


def test_flipping_twice_changes_nothing(model: HandModel) -> None:
    sample = _sample(model, 3, (True, False))
    crop = crop_sample(sample, jittered_crop(sample, np.random.default_rng(0), 96))
    twice = flipped(flipped(crop))
    for name in ("image", "presence", "vertices", "joints", "rotations", "shape", "mask", "visibility"):
        np.testing.assert_array_equal(getattr(twice, name), getattr(crop, name))
    assert not twice.flipped and flipped(crop).flipped


def test_a_flip_makes_a_right_hand_a_left_one_and_mirrors_the_relative_translation(model: HandModel) -> None:
    sample = _sample(model, 1)
    camera = CropCamera.from_box(sample.intrinsics, np.array([320.0, 240.0]), 400.0, 128)
    plain, mirrored = crop_sample(sample, camera), crop_sample(sample, camera, flip=True)
    before, after = (crop.joints[1, 0] - crop.joints[0, 0] for crop in (plain, mirrored))
    np.testing.assert_allclose(after, before * [1, -1, -1], atol=1e-6)  # (dx, dy, dz) → (dx, −dy, −dz)


def test_a_hand_outside_the_crop_is_absent_and_its_labels_are_not_trained_on(model: HandModel) -> None:
    sample = _sample(model, 2)
    center = sample.intrinsics.project(sample.joints[0].astype(np.float64)).mean(axis=0)
    crop = crop_sample(sample, CropCamera.from_box(sample.intrinsics, center - [60, 0], 130.0, 64))
    assert crop.presence.tolist() == [True, False]
    target = crop.to_target()
    assert not target["mesh_valid"][1] and not target["joints_valid"][1].any()
    assert target["presence"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("presence", [(True, True), (True, False), (False, True), (False, False)])
def test_crops_can_be_drawn_with_any_hands_there(model: HandModel, presence: tuple[bool, bool]) -> None:
    sample = _sample(model, 4, presence)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for cut in (crop_sample(sample, jittered_crop(sample, rng, 64)), *tracked_crops(sample, rng, 64)):
            assert cut.crop.size_px == 64 and np.isfinite(cut.focal_px) and cut.focal_px > 0
            assert not (cut.presence & ~sample.presence).any()


@pytest.mark.parametrize(("wide_share", "least", "most"), [(0.0, 0.5, 1.1), (1.0, 0.0, 0.6)])
def test_the_share_of_wide_crops_decides_how_much_of_the_side_a_hand_fills(
    model: HandModel, wide_share: float, least: float, most: float
) -> None:
    sample = _sample(model, 4, (True, False))
    for seed in range(40):
        crop = jittered_crop(sample, np.random.default_rng(seed), 64, 0.0, wide_share)
        pixels = crop.project(sample.vertices[0].astype(np.float64))
        filled = np.ptp(pixels, axis=0).max() / 64
        assert least <= filled <= most


def _with_hands_apart(sample: HandSample, share: float) -> HandSample:
    """The same, the left hand beside the right one: its image begins `share` of its size further on."""
    pixels = [sample.intrinsics.project(sample.vertices[side].astype(np.float64)) for side in range(2)]
    size = max(np.ptp(one, axis=0).max() for one in pixels)
    ahead = pixels[0].min(axis=0)[0] + size * (1 + share) - pixels[1].min(axis=0)[0]
    shift = np.array([ahead / sample.intrinsics.matrix[0, 0] * sample.joints[1, 0, 2], 0.0, 0.0], np.float32)
    move = np.array([[[0.0, 0.0, 0.0]], [shift]], np.float32)
    return replace(sample, vertices=sample.vertices + move, joints=sample.joints + move)


@pytest.mark.parametrize(("share", "crops"), [(-0.9, 1), (0.6, 2)])
def test_hands_that_are_apart_are_tracked_in_crops_of_their_own(
    model: HandModel, share: float, crops: int
) -> None:
    sample = _with_hands_apart(_sample(model, 5), share)
    found = tracked_crops(sample, np.random.default_rng(1), 128)
    assert len(found) == crops
    for side in range(2):
        own = found[min(side, crops - 1)]
        assert own.asked == ((True, True) if crops == 1 else (side == 0, side == 1))
        assert own.presence.tolist() == own.mesh_valid.tolist() == list(own.asked)
        crop = own.crop
        pixels = crop.project(sample.vertices[side].astype(np.float64))
        assert np.all((pixels > -8) & (pixels < 136))
        if crops == 2:  # as large as a hand is that has a crop to itself
            assert np.ptp(pixels, axis=0).max() > 0.6 * 128


@pytest.mark.parametrize("seed", range(6))
def test_crops_of_a_tracker_show_the_hand_upright_and_whole(model: HandModel, seed: int) -> None:
    sample = _sample(model, seed, (seed % 2 == 0, seed % 2 == 1))
    side, rng = seed % 2, np.random.default_rng(seed)
    crops = [cut.crop for cut in tracked_crops(sample, rng, 128)]
    crops += [jittered_crop(sample, rng, 128, wide_share=0.0, upright_share=1.0) for _ in range(20)]
    for crop in crops:
        pixels = crop.project(sample.joints[side].astype(np.float64))
        across, down = pixels[9] - pixels[0]
        if np.hypot(across, down) > 30:  # it does not point at the camera
            assert abs(np.arctan2(across, -down)) < 0.9
        filled = np.ptp(crop.project(sample.vertices[side].astype(np.float64)), axis=0).max() / 128
        assert 0.5 < filled < 1.1


def test_the_share_of_hands_cropped_alone_holds_for_hands_that_are_apart(model: HandModel) -> None:
    apart, together = (_with_hands_apart(_sample(model, 5), share) for share in (0.6, -0.9))

    def alone(sample: HandSample, share: float) -> float:
        draws = [np.random.default_rng(seed) for seed in range(60)]
        crops = [jittered_crop(sample, rng, 64, 0.0, wide_share=0.0, alone_share=share) for rng in draws]
        return float(np.mean([crop_sample(sample, crop).presence.sum() == 1 for crop in crops]))

    assert alone(apart, 1.0) > 0.95 and alone(apart, 0.0) < 0.05
    assert alone(together, 1.0) == alone(together, 0.0)


def test_color_jitter_keeps_shape_and_differs_between_draws() -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    first, second = (jittered_colors(image, np.random.default_rng(seed)) for seed in (1, 2))
    assert first.shape == image.shape and first.dtype == np.uint8
    assert np.abs(first.astype(int) - second).mean() > 1
    np.testing.assert_array_equal(jittered_colors(image, np.random.default_rng(1), strength=0.0), image)
