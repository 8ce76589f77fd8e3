"""Where an image has changed, and that the search looks there ahead of its turn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.pipeline.acquisition import Region, TileDetector
from lgnet_ros.pipeline.changes import Changes

WIDTH, HEIGHT, PATCH = 640, 480, 60
CAMERA = CameraIntrinsics.from_field_of_view(WIDTH, HEIGHT, 1.0)
RNG = np.random.default_rng(4)
SCENE = RNG.integers(60, 180, (HEIGHT, WIDTH, 3), dtype=np.uint8)
QUARTERS = [Region(np.array([x, y]), 240.0) for y in (119.5, 359.5) for x in (119.5, 359.5)]


def with_patch(x: int, y: int, image: np.ndarray = SCENE) -> np.ndarray:
    image = image.copy()
    image[y : y + PATCH, x : x + PATCH] = (230, 170, 140)
    return image


def outline(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def test_nothing_has_changed_in_a_first_image_in_one_of_another_size_or_in_the_same() -> None:
    changes = Changes()
    assert changes.most(SCENE, QUARTERS, []) is None
    assert changes.most(SCENE[:240], QUARTERS[:2], []) is None
    assert changes.most(SCENE, QUARTERS, []) is None
    assert changes.most(SCENE, QUARTERS, []) is None


def test_the_noise_of_a_sensor_and_a_flickering_lamp_are_no_change() -> None:
    changes = Changes()
    for brightness in (0, 4, -2):
        noise = RNG.normal(brightness, 8, SCENE.shape)
        noisy = (SCENE + noise).clip(0, 255).astype(np.uint8)
        assert changes.most(noisy, QUARTERS, []) is None


@given(x=st.integers(0, 419), y=st.integers(0, 419))
def test_what_appears_is_in_the_square_that_is_told(x: int, y: int) -> None:
    changes = Changes()
    changes.most(SCENE, QUARTERS, [])
    most = changes.most(with_patch(x, y), QUARTERS, [])
    area = [
        max(min(x + PATCH, c + 120) - max(x, c - 120), 0) * max(min(y + PATCH, d + 120) - max(y, d - 120), 0)
        for c, d in (region.center + 0.5 for region in QUARTERS)
    ]
    assert most is not None
    assert area[most] >= 0.6 * max(area)  # as many of its cells are half covered as may be


def test_what_changes_in_a_followed_hands_crop_does_not_count() -> None:
    changes = Changes()
    changes.most(SCENE, QUARTERS, [])
    both = with_patch(300, 300, with_patch(20, 20))
    assert changes.most(both, QUARTERS, [outline(-30, -30, 120, 120)]) == 3
    back = [outline(-30, -30, 120, 120), outline(260, 260, 400, 400)]
    assert changes.most(SCENE, QUARTERS, back) is None


def test_a_crop_that_the_camera_cannot_see_or_that_is_huge_costs_no_time() -> None:
    changes = Changes()
    changes.most(SCENE, QUARTERS, [])
    blind = np.array([[10.0, 10.0], [50.0, 10.0], [np.nan, np.nan], [10.0, 50.0]])
    huge = outline(-1e9, -1e9, 1e9, 1e9)
    assert changes.most(with_patch(100, 100), QUARTERS, [blind]) is not None
    assert changes.most(SCENE, QUARTERS, [huge]) is None


@pytest.mark.parametrize(("count", "frames"), [(1, 7), (2, 4), (4, 2)])
def test_the_search_looks_at_what_comes_in_every_roll_ahead_of_its_turn(count: int, frames: int) -> None:
    """Of 18 tiles, six in three rolls; in their turn alone that would take a dozen crops at least."""
    detector = TileDetector(tile_share=2 / 3)
    detector.regions(SCENE, CAMERA, count, [])
    seen: list[Region] = []
    for frame in range(frames):
        regions = detector.regions(with_patch(40 + 4 * frame, 30), CAMERA, count, [])
        assert len(regions) == count
        seen += regions
    on_it = {region.roll_rad for region in seen if region.side < WIDTH and (region.center < 200).all()}
    assert len(on_it) == 3


def test_who_asks_for_enough_gets_every_place() -> None:
    detector = TileDetector(tile_share=2 / 3)
    regions = detector.regions(SCENE, CAMERA, 64, [])
    assert len({(*region.center.tolist(), region.roll_rad, region.side) for region in regions}) == 21


@pytest.mark.parametrize(("width", "height"), [(640, 400), (640, 402), (1280, 800), (640, 480)])
def test_tiles_are_as_many_as_it_takes_to_overlap_by_half(width: int, height: int) -> None:
    camera = CameraIntrinsics.from_field_of_view(width, height, 1.0)
    image = np.zeros((height, width, 3), np.uint8)
    tiles = [r for r in TileDetector(2 / 3).regions(image, camera, 64, []) if r.side < width]
    rows = {round(float(tile.center[1]), 3) for tile in tiles}
    columns = {round(float(tile.center[0]), 3) for tile in tiles}
    assert (len(columns), len(rows)) == (int(np.ceil(3 * width / height)) - 1, 2)


def test_where_nothing_moves_the_search_takes_its_turns_through_everything() -> None:
    detector = TileDetector(tile_share=2 / 3)
    for count, frames in ((1, 72), (4, 9)):
        seen = {
            (*region.center.tolist(), region.roll_rad)
            for _ in range(frames)
            for region in detector.regions(SCENE, CAMERA, count, [])
        }
        assert len(seen) == 21
