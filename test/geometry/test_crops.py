"""Virtual-camera crops: the picture and the projected points must agree to a tenth of a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.geometry import CameraIntrinsics, CropCamera, box_around, upright_roll
from lgnet_ros.geometry.crops import BORDER_RGB

PINHOLE = CameraIntrinsics.from_field_of_view(640, 480, 1.4)
CAMERAS = {
    "pinhole": PINHOLE,
    "plumb_bob": CameraIntrinsics(640, 480, PINHOLE.matrix, "plumb_bob", (-0.3, 0.1, 0.001, -0.002, 0.0)),
    "rational": CameraIntrinsics(
        640, 480, PINHOLE.matrix, "rational_polynomial", (0.5, 0.1, 0.001, 0.001, 0.01, 0.8, 0.2, 0.02)
    ),
    "fisheye": CameraIntrinsics(640, 480, PINHOLE.matrix, "equidistant", (0.02, 0.01, -0.003, 0.0)),
}


def image_of_a_dot(center: np.ndarray, sigma: float) -> np.ndarray:
    """(480,640,3) a Gaussian spot on black."""
    columns, rows = np.meshgrid(np.arange(640), np.arange(480))
    spot = np.exp(-((columns - center[0]) ** 2 + (rows - center[1]) ** 2) / (2 * sigma**2))
    return np.repeat(np.round(255 * spot)[..., None], 3, -1).astype(np.uint8)


def center_of_mass(image: np.ndarray, near: np.ndarray, radius: float) -> np.ndarray:
    columns, rows = np.meshgrid(np.arange(image.shape[1]), np.arange(image.shape[0]))
    weight = image[..., 0] * (np.hypot(columns - near[0], rows - near[1]) < radius)
    return np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("side, size, sigma", [(100, 128, 4), (250, 128, 5), (400, 128, 10), (200, 256, 4)])
@pytest.mark.parametrize("roll", [0.0, 0.7])
def test_a_dot_lands_where_its_point_projects(
    name: str, side: float, size: int, sigma: float, roll: float
) -> None:
    camera = CAMERAS[name]
    dot = np.array([352.3, 211.8])
    crop = CropCamera.from_box(camera, dot + (-0.2 * side, 0.15 * side), side, size, roll)
    picture = crop.warp(image_of_a_dot(dot, sigma), camera)
    expected = crop.project(camera.rays(dot) * 0.6)
    found = center_of_mass(picture, expected, radius=5 * sigma * size / side)
    np.testing.assert_allclose(found, expected, atol=0.1)


@pytest.mark.parametrize("name", CAMERAS)
def test_pixels_go_to_the_crop_and_back(name: str) -> None:
    crop = CropCamera.from_box(CAMERAS[name], (420, 130), 180, 128, 0.3)
    pixels = np.random.default_rng(0).uniform(0, 127, (5, 7, 2))
    there = crop.image_pixels(pixels, CAMERAS[name])
    np.testing.assert_allclose(crop.crop_pixels(there, CAMERAS[name]), pixels, atol=1e-5)


def test_a_box_around_the_principal_point_is_a_plain_enlargement() -> None:
    crop = CropCamera.from_box(PINHOLE, (319.5, 239.5), 200, 128)
    np.testing.assert_allclose(crop.rotation_crop_camera, np.eye(3), atol=1e-12)
    edges = np.array([[319.5 - 100, 239.5 - 100], [319.5 + 100, 239.5 + 100]])
    np.testing.assert_allclose(crop.crop_pixels(edges, PINHOLE), [[-0.5, -0.5], [127.5, 127.5]], atol=1e-6)


@pytest.mark.parametrize("name", CAMERAS)
def test_the_crop_looks_through_the_center_of_its_box(name: str) -> None:
    crop = CropCamera.from_box(CAMERAS[name], (120, 400), 150, 128, -1.1)
    np.testing.assert_allclose(crop.crop_pixels((120, 400), CAMERAS[name]), [63.5, 63.5], atol=1e-6)
    rotation = crop.rotation_crop_camera
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize("name", CAMERAS)
def test_a_small_box_fills_its_crop_wherever_it_lies(name: str) -> None:
    center, side = np.array([560.0, 60.0]), 40.0
    crop = CropCamera.from_box(CAMERAS[name], center, side, 128)
    turn = np.linspace(0, 2 * np.pi, 200)
    outline = center + side / 2 * np.stack([np.cos(turn), np.sin(turn)], -1)
    mapped = crop.crop_pixels(outline, CAMERAS[name])
    x, y = mapped.T - 63.5
    area = 0.5 * abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
    assert area == pytest.approx(np.pi * 64**2, rel=0.02)


def test_one_pose_looks_the_same_wherever_the_crop_finds_it() -> None:
    """What virtual cameras are for: turn the object about the camera and its crop does not change."""
    points = np.random.default_rng(1).normal(scale=0.04, size=(30, 3)) + (0, 0, 0.5)
    straight = CropCamera.from_box(PINHOLE, PINHOLE.project((0, 0, 0.5)), 150, 128)
    aside = CropCamera.from_box(PINHOLE, (80, 100), 150, 128)
    turned = CropCamera(aside.rotation_crop_camera, straight.focal_px, 128)
    moved = points @ turned.rotation_crop_camera
    np.testing.assert_allclose(turned.project(moved), straight.project(points), atol=1e-9)


def test_rolling_the_crop_camera_turns_the_points_the_other_way() -> None:
    angle = 0.4
    upright = CropCamera.from_box(PINHOLE, (300, 200), 150, 128)
    rolled = CropCamera.from_box(PINHOLE, (300, 200), 150, 128, angle)
    point = np.array([0.02, -0.05, 0.6])
    turn_back = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    np.testing.assert_allclose(rolled.to_crop(point), turn_back @ upright.to_crop(point), atol=1e-12)


def test_to_camera_is_the_inverse_of_to_crop_and_float32_stays_float32() -> None:
    crop = CropCamera.from_box(PINHOLE, (100, 300), 150, 128, 0.2)
    points = np.random.default_rng(2).normal(size=(2, 778, 3)).astype(np.float32)
    assert crop.to_crop(points).dtype == np.float32
    np.testing.assert_allclose(crop.to_camera(crop.to_crop(points)), points, atol=1e-6)


def test_outside_the_image_is_the_mean_color_of_imagenet() -> None:
    white = np.full((480, 640, 3), 255, np.uint8)
    crop = CropCamera.from_box(PINHOLE, (639.5, 239.5), 200, 128).warp(white, PINHOLE)
    assert tuple(crop[64, 120]) == BORDER_RGB
    assert tuple(crop[64, 8]) == (255, 255, 255)


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((480, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = CropCamera.from_box(PINHOLE, (319.5, 239.5), 440, 110).warp(stripes, PINHOLE)
    assert np.abs(crop[5:-5, 5:-5].astype(int) - 127).max() <= 2
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    crop = CropCamera.from_box(PINHOLE, (321.5, 241.5), 440, 110).warp(noise, PINHOLE)
    assert crop[5:-5, 5:-5].std() < 1.1 * noise.std() / 4  # of 16 pixels each


def test_labels_keep_their_values_and_are_zero_outside() -> None:
    mask = np.full((480, 640), 2, np.uint8)
    mask[:, 320:] = 1
    crop = CropCamera.from_box(PINHOLE, (319.5, 10), 200, 128)
    assert set(np.unique(crop.warp_labels(mask, PINHOLE))) == {0, 1, 2}
    depth = np.full((480, 640), 0.7, np.float32)
    assert set(np.unique(crop.warp_labels(depth, PINHOLE))) == {np.float32(0), np.float32(0.7)}


def test_directions_behind_the_camera_are_painted_over() -> None:
    wide = CropCamera(np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]]), 40.0, 128)  # looks along +x
    white = np.full((480, 640, 3), 255, np.uint8)
    crop = wide.warp(white, PINHOLE)
    for right in (0.9, 1.4):  # to the right of +x is behind; of 1.4 the image shows the very opposite
        behind = wide.to_camera(np.array([right, 0, 1.0]))
        assert behind[2] < 0
        assert tuple(crop[64, round(40 * right + 63.5)]) == BORDER_RGB
    u, v = PINHOLE.project(-behind)
    assert 0 < u < 639 and 0 < v < 479
    labels = wide.warp_labels(np.ones((480, 640), np.uint8), PINHOLE)
    assert not labels[64, round(40 * 1.4 + 63.5)]


def test_box_around_points_leaves_the_margin() -> None:
    center, side = box_around([[10, 20], [50, 40], [np.nan, np.nan]])
    np.testing.assert_allclose(center, [30, 30])
    assert side == pytest.approx(40 / 0.8)


@pytest.mark.parametrize("roll", [-2.5, -0.6, 0.0, 1.1, 3.1])
def test_a_turned_box_around_points_is_filled_by_them_in_the_turned_crop(roll: float) -> None:
    pixels = np.random.default_rng(3).uniform([290, 210], [350, 250], (50, 2))
    center, side = box_around(pixels, margin=0.8, roll_rad=roll)
    crop = CropCamera.from_box(PINHOLE, center, side, 128, roll)
    seen = crop.crop_pixels(pixels, PINHOLE)
    low, high = seen.min(0), seen.max(0)
    assert (high - low).max() == pytest.approx(0.8 * 128, rel=0.02)
    np.testing.assert_allclose((low + high) / 2, 63.5, atol=1.5)


@pytest.mark.parametrize("direction", np.linspace(-3.1, 3.1, 9))
def test_the_upright_crop_shows_the_knuckle_above_the_wrist(direction: float) -> None:
    wrist = np.array([320.0, 240.0])
    knuckle = wrist + 60.0 * np.array([np.sin(direction), -np.cos(direction)])
    roll = upright_roll(np.array([[wrist, knuckle]]), extent_px=80.0)
    crop = CropCamera.from_box(PINHOLE, (wrist + knuckle) / 2, 100, 128, roll)
    across, down = crop.crop_pixels(knuckle, PINHOLE) - crop.crop_pixels(wrist, PINHOLE)
    assert abs(np.arctan2(across, -down)) < 0.15  # the image's own up has a small say


def test_hands_without_a_common_direction_are_left_as_the_image_shows_them() -> None:
    wrists, knuckles = np.array([[100.0, 80.0], [200.0, 80.0]]), np.array([[140.0, 80.0], [160.0, 80.0]])
    assert upright_roll(np.stack([wrists, knuckles], 1), 100.0) == 0.0
    assert upright_roll(np.stack([wrists[:1], wrists[:1]], 1), 100.0) == 0.0
    assert upright_roll(np.stack([np.full((1, 2), np.nan), knuckles[:1]], 1), 100.0) == 0.0


def test_a_box_that_no_ray_leads_to_is_refused() -> None:
    matrix = np.array([[200.0, 0, 500], [0, 200, 500], [0, 0, 1]])
    fisheye = CameraIntrinsics(1000, 1000, matrix, "equidistant")
    with pytest.raises(UserError, match="no camera looks at the box"):
        CropCamera.from_box(fisheye, (990, 500), 100, 128)


def test_an_image_of_another_size_is_refused() -> None:
    crop = CropCamera.from_box(PINHOLE, (100, 100), 100, 128)
    with pytest.raises(UserError, match="320×240"):
        crop.warp(np.zeros((240, 320, 3), np.uint8), PINHOLE)
