"""CameraInfo becomes intrinsics that can be trusted, or a fault that says what is wrong with it."""

from __future__ import annotations

import contextlib
import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from lgnet_ros.node.camera_info import IntrinsicsCache, assumed_intrinsics, intrinsics_of
from lgnet_ros.node.faults import FaultKind, InputFault


def info(**changes):
    fields = {
        "width": 640,
        "height": 480,
        "k": [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0],
        "d": [0.1, -0.2, 0.001, 0.002, 0.0],
        "distortion_model": "plumb_bob",
        "binning_x": 0,
        "binning_y": 0,
        "roi": SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
    }
    return SimpleNamespace(**{**fields, **changes})


def test_values_arrive():
    intrinsics = intrinsics_of(info())
    assert (intrinsics.width, intrinsics.height, intrinsics.distortion_model) == (640, 480, "plumb_bob")
    np.testing.assert_array_equal(intrinsics.matrix, [[500, 0, 320], [0, 510, 240], [0, 0, 1]])
    assert intrinsics.distortion == (0.1, -0.2, 0.001, 0.002, 0.0)


@pytest.mark.parametrize("model", ["", "none", "None"])
def test_camera_without_a_model_has_no_distortion(model):
    assert intrinsics_of(info(distortion_model=model, d=[])).is_pinhole


@pytest.mark.parametrize(
    "change",
    [
        {"k": [0.0] * 9},
        {"k": [np.nan, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]},
        {"k": [500.0, 0.0, np.inf, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]},
        {"k": [-500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]},
        {"d": [0.1, 0.2, 0.3]},
        {"d": [np.nan] * 5},
        {"distortion_model": "magic"},
        {"width": 0},
    ],
)
def test_unusable_values_are_a_fault(change):
    with pytest.raises(InputFault) as caught:
        intrinsics_of(info(**change))
    assert caught.value.kind is FaultKind.BAD_INTRINSICS


def test_binned_region_of_interest_is_the_image_that_comes():
    region = SimpleNamespace(x_offset=100, y_offset=50, width=400, height=300)
    intrinsics = IntrinsicsCache().lookup(info(binning_x=2, binning_y=2, roi=region), 200, 150)
    assert (intrinsics.width, intrinsics.height) == (200, 150)
    assert intrinsics.matrix[0, 0] == 250


def test_image_of_another_size_is_a_fault_that_names_both():
    with pytest.raises(InputFault, match="image 320x240, CameraInfo 640x480") as caught:
        IntrinsicsCache().lookup(info(), 320, 240)
    assert caught.value.kind is FaultKind.SIZE_MISMATCH


def test_cache_answers_with_the_same_object_until_a_value_changes():
    cache = IntrinsicsCache()
    first = cache.lookup(info(), 640, 480)
    assert cache.lookup(info(), 640, 480) is first
    zoomed = cache.lookup(info(k=[900.0, 0.0, 320.0, 0.0, 900.0, 240.0, 0.0, 0.0, 1.0]), 640, 480)
    assert zoomed.matrix[0, 0] == 900


def test_cache_repeats_the_fault_of_a_bad_camera_info():
    cache = IntrinsicsCache()
    for _ in range(2):
        with pytest.raises(InputFault):
            cache.lookup(info(k=[0.0] * 9), 640, 480)


def test_a_fault_that_repeats_holds_on_to_no_image():
    cache, images = IntrinsicsCache(), []

    def ask(image):
        with contextlib.suppress(InputFault):
            cache.lookup(info(k=[0.0] * 9), 640, 480)

    for _ in range(3):
        image = np.zeros((4, 4, 3), np.uint8)
        images.append(weakref.ref(image))
        ask(image)
        del image
    gc.collect()
    assert [image() for image in images] == [None] * 3


def test_assumed_field_of_view_reaches_from_edge_to_edge():
    camera = assumed_intrinsics(640, 480, 90.0)
    np.testing.assert_allclose(camera.rays([-0.5, 239.5]), [-1, 0, 1], atol=1e-9)
