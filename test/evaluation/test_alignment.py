"""Projection errors and silhouettes of shapes whose projections are known."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.evaluation.alignment import mask_iou, silhouette, vertex_pixel_error
from lgnet_ros.geometry.cameras import CameraIntrinsics

_CAMERA = CameraIntrinsics(100, 80, np.array([[100.0, 0, 50], [0, 100.0, 40], [0, 0, 1]]))
# A square in the plane z = 2 m that projects to pixels 20..60 by 10..50, as two triangles.
_SQUARE = np.array([[-0.6, -0.6, 2.0], [0.2, -0.6, 2.0], [0.2, 0.2, 2.0], [-0.6, 0.2, 2.0]])
_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def test_a_sideways_shift_is_focal_length_times_shift_over_depth() -> None:
    assert vertex_pixel_error(_SQUARE + [0.06, 0.08, 0.0], _SQUARE, _CAMERA) == pytest.approx(100 * 0.1 / 2)


def test_points_behind_the_camera_count_as_the_image_diagonal() -> None:
    assert vertex_pixel_error(_SQUARE * [1, 1, -1], _SQUARE, _CAMERA) == pytest.approx(np.hypot(100, 80))


def test_a_square_covers_its_pixels_and_no_others() -> None:
    mask = silhouette(_SQUARE, _FACES, _CAMERA)
    expected = np.zeros((80, 100), bool)
    expected[10:51, 20:61] = True
    np.testing.assert_array_equal(mask, expected)


def test_what_lies_beyond_the_image_is_cut_off() -> None:
    mask = silhouette(_SQUARE * [500, 500, 1], _FACES, _CAMERA)
    assert mask.all()
    assert not silhouette(_SQUARE + [50.0, 0, 0], _FACES, _CAMERA).any()


def test_intersection_over_union_by_hand() -> None:
    first, second = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    first[:2], second[1:3] = True, True
    assert mask_iou(first, second) == pytest.approx(1 / 3)
    assert mask_iou(first, first) == 1.0
    assert mask_iou(first, ~first) == 0.0
    assert mask_iou(first & False, first & False) == 1.0
