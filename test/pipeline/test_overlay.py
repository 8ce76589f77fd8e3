"""The overlay shows every hand where the camera would see it, nearer ones in front."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.interaction import PalmPose, grasp
from lgnet_ros.pipeline.overlay import SIDE_COLORS, draw_overlay
from lgnet_ros.pipeline.records import Frame, Hand, RawHand

CAMERA = CameraIntrinsics.from_field_of_view(320, 240, 1.0)
GREY = np.full((240, 320, 3), 128, np.uint8)
# Two triangles that face a camera at z = 0, and one that looks away.
SQUARE = np.array([[0, 2, 1], [0, 3, 2], [0, 1, 2]])


def square_hand(side: str, center: tuple[float, float, float], half: float = 0.05) -> Hand:
    """A `hand` whose mesh is a square facing the camera and whose joints are outside of the image."""
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]]) + center
    vertices = np.concatenate([corners, np.tile(center, (774, 1))])
    joints = np.zeros((21, 3))
    return Hand(
        side=side,
        track_id=1,
        person_id=0,
        score=0.9,
        joints=joints,
        vertices=vertices,
        rotations=np.tile(np.eye(3), (16, 1, 1)),
        joints_image=np.full((21, 2), np.nan),
        pose=np.zeros(48),
        shape=np.zeros(10),
        position_covariance=np.eye(3),
        palm=PalmPose(np.array(center), np.eye(3)),
        twist=np.zeros(6),
        grasp=grasp(joints),
        scale=1.0,
        scale_source="shape_prior",
        raw=RawHand(
            joints=joints, vertices=vertices, rotations=np.tile(np.eye(3), (16, 1, 1)), shape=np.zeros(10)
        ),
    )


def drawn(*hands: Hand, crops=()) -> np.ndarray:
    return draw_overlay(GREY, Frame(0.0, hands, crops=crops), CAMERA, lambda side: SQUARE)


def hue(pixel: np.ndarray) -> np.ndarray:
    """Direction of a color away from grey."""
    difference = pixel.astype(float) - pixel.mean()
    return difference / max(np.linalg.norm(difference), 1e-9)


@pytest.mark.parametrize("side", ["right", "left"])
def test_hand_is_painted_in_its_color_where_it_projects_to(side):
    center = np.array([0.03, -0.02, 0.5])
    picture = drawn(square_hand(side, tuple(center)))
    u, v = np.round(CAMERA.project(center)).astype(int)
    assert hue(picture[v, u]) @ hue(np.array(SIDE_COLORS[side])) > 0.99
    painted = (np.abs(picture.astype(int) - 128) > 5).any(axis=-1)
    rows, columns = np.nonzero(painted)
    low, high = CAMERA.project(center - (0.05, 0.05, 0)), CAMERA.project(center + (0.05, 0.05, 0))
    np.testing.assert_allclose([columns.min(), rows.min()], low, atol=2)
    np.testing.assert_allclose([columns.max(), rows.max()], high, atol=2)


@pytest.mark.parametrize("nearer", ["right", "left"])
def test_nearer_hand_covers_the_farther_whatever_their_order(nearer):
    hands = [square_hand(side, (0.0, 0.0, 0.4 if side == nearer else 0.6)) for side in ("right", "left")]
    for order in (hands, hands[::-1]):
        assert hue(drawn(*order)[120, 160]) @ hue(np.array(SIDE_COLORS[nearer])) > 0.99


def test_image_is_left_as_it_is_and_nothing_is_drawn_without_hands():
    before = GREY.copy()
    drawn(square_hand("left", (0.0, 0.0, 0.5)))
    np.testing.assert_array_equal(GREY, before)
    np.testing.assert_array_equal(drawn(), GREY)


def test_hand_behind_the_camera_or_at_its_center_is_not_drawn():
    for depth in (-0.5, 0.0):
        np.testing.assert_array_equal(drawn(square_hand("left", (0.0, 0.0, depth))), GREY)


def test_crop_is_marked_at_its_corners():
    picture = drawn(crops=(np.array([[50, 40], [250, 40], [250, 200], [50, 200.0]]),))
    assert (picture[40, 50] > 200).all() and (picture[200, 250] > 200).all()
    np.testing.assert_array_equal(picture[40, 150], GREY[0, 0])


def test_skeleton_and_name_stay_within_reach_of_a_hand_half_outside():
    hand = square_hand("right", (0.0, 0.0, 0.5))
    joints = np.linspace([-500, -500], [100, 100], 21)
    picture = drawn(dataclasses.replace(hand, joints_image=joints))
    assert (picture != GREY).any()
