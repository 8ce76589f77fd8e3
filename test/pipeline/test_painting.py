"""Meshes on a picture: what faces the camera is painted, the nearer first; nothing else is touched."""

from __future__ import annotations

import numpy as np

from lgnet_ros.pipeline.painting import Canvas

RED, BLUE = (250.0, 0.0, 0.0), (0.0, 0.0, 250.0)
SEEN, TURNED_AWAY = np.array([[0, 1, 2]]), np.array([[0, 2, 1]])  # counter-clockwise to the eye, and not
TRIANGLE = np.array([[10.0, 10.0], [10.0, 50.0], [50.0, 10.0]])  # columns, rows


def painted(*meshes: tuple[np.ndarray, float, np.ndarray, tuple[float, float, float]]) -> np.ndarray:
    """A grey picture with triangles (pixels, depth, faces, color) on it."""
    picture = np.full((64, 80, 3), 100, np.uint8)
    canvas = Canvas(picture, [pixels for pixels, *_ in meshes], thickness=1)
    for pixels, depth, faces, color in meshes:
        vertices = np.column_stack([np.zeros((3, 2)), np.full(3, depth)])
        canvas.paint(vertices, pixels, faces, np.tile(color, (3, 1)))
    canvas.blend()
    return picture


def test_a_triangle_is_painted_inside_its_corners_alone() -> None:
    picture = painted((TRIANGLE, 0.5, SEEN, RED))
    assert picture[20, 20, 0] > 180 and picture[20, 20, 2] < 60
    outside = np.ones((64, 80), bool)
    outside[10:51, 10:51] = False
    assert (picture[outside] == 100).all()
    assert (picture[45, 45] == 100).all()  # beyond the long side


def test_its_border_is_light() -> None:
    picture = painted((TRIANGLE, 0.5, SEEN, RED))
    assert picture[30, 10].min() > 200


def test_what_is_turned_away_is_not_painted() -> None:
    assert (painted((TRIANGLE, 0.5, TURNED_AWAY, RED)) == 100).all()


def test_the_nearer_one_hides_the_farther_in_either_order() -> None:
    near, far = (TRIANGLE, 0.4, SEEN, RED), (TRIANGLE, 0.6, SEEN, BLUE)
    np.testing.assert_array_equal(painted(near, far), painted(far, near))
    assert painted(near, far)[20, 20, 0] > 180


def test_corners_that_no_camera_sees_and_places_beyond_the_image_do_no_harm() -> None:
    unseen = TRIANGLE.copy()
    unseen[1] = np.nan
    assert (painted((unseen, 0.5, SEEN, RED)) == 100).all()
    assert (painted((TRIANGLE + 500.0, 0.5, SEEN, RED)) == 100).all()
    assert (painted((np.full((3, 2), np.nan), 0.5, SEEN, RED)) == 100).all()
    partly = painted((TRIANGLE - 15.0, 0.5, SEEN, RED))
    assert partly[5, 5, 0] > 180 and (partly[40, 40] == 100).all()
