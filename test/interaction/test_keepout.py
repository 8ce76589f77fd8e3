"""The keep-out surface against closed forms on a sphere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from lgnet_ros.interaction import keepout_points
from lgnet_ros.interaction.keepout import CONFIDENCE_95

NOTHING, STILL, ORIGIN = np.zeros((3, 3)), np.zeros(6), np.zeros(3)


@pytest.fixture(scope="module")
def sphere() -> tuple[np.ndarray, np.ndarray]:
    """(2000, 3) points evenly on a unit sphere, which are their own normals, and faces wound outward."""
    k = np.arange(2000) + 0.5
    z, turn = 1 - k / 1000, np.pi * (1 + 5**0.5) * k
    flat = np.sqrt(1 - z**2)
    points = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    faces = ConvexHull(points).simplices
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    inward = np.einsum("fi,fi->f", np.cross(b - a, c - a), a) < 0
    faces[inward] = faces[inward][:, ::-1]
    return points, faces


def test_what_is_certain_and_still_stays_as_it_is(sphere) -> None:
    points, faces = sphere
    np.testing.assert_allclose(keepout_points(points, faces, NOTHING, STILL, ORIGIN, 0.2), points, atol=1e-6)


def test_a_margin_grows_the_surface_by_itself(sphere) -> None:
    grown = keepout_points(*sphere, NOTHING, STILL, ORIGIN, 0.0, margin_m=0.1)
    np.testing.assert_allclose(np.linalg.norm(grown, axis=1), 1.1, atol=1e-3)


def test_uncertainty_grows_each_axis_by_its_own_deviation(sphere) -> None:
    grown = keepout_points(*sphere, np.diag([0.01, 0.04, 0.09]), STILL, ORIGIN, 0.0, sigmas=2.0)
    np.testing.assert_allclose(grown.max(axis=0), [1.2, 1.4, 1.6], atol=0.005)
    np.testing.assert_allclose(grown.min(axis=0), [-1.2, -1.4, -1.6], atol=0.005)


def test_the_grown_surface_holds_its_share_of_where_the_hand_may_be(sphere) -> None:
    points, faces = sphere
    rng = np.random.default_rng(1)
    covariance = np.diag([0.02, 0.01, 0.05])
    grown = keepout_points(points, faces, covariance, STILL, ORIGIN, 0.0)
    support = np.einsum("vi,vi->v", grown, points)
    offsets = rng.multivariate_normal(ORIGIN, covariance, 4000)
    inside = (offsets @ points.T + 1 <= support + 1e-3).all(axis=1)
    assert inside.mean() == pytest.approx(0.95, abs=0.02)
    assert pytest.approx(2.7955, abs=1e-3) == CONFIDENCE_95


def test_motion_extends_the_side_that_moves_ahead_and_leaves_the_back(sphere) -> None:
    points, faces = sphere
    twist = np.array([2.0, 0, 0, 0, 0, 0])
    grown = keepout_points(points, faces, NOTHING, twist, ORIGIN, 0.1)
    ahead, behind = points[:, 0] > 0.05, points[:, 0] < -0.05
    np.testing.assert_allclose(grown[ahead], points[ahead] + [0.2, 0, 0], atol=1e-6)
    np.testing.assert_allclose(grown[behind], points[behind], atol=1e-6)


def test_turning_moves_far_points_more(sphere) -> None:
    points, faces = sphere
    twist = np.array([0, 0, 0, 0, 0, 1.0])
    grown = keepout_points(points + [0, 5.0, 0], faces, NOTHING, twist, ORIGIN, 0.5)
    ahead = points[:, 0] < -0.3  # turning about z moves what is up +y towards −x
    moved = grown[ahead, 0] - points[ahead, 0]
    np.testing.assert_allclose(moved, -0.5 * (points[ahead, 1] + 5.0), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_surface_does_not_depend_on_where_the_camera_stands(sphere, seed: int) -> None:
    points, faces = sphere
    rng = np.random.default_rng(seed)
    turn, shift = Rotation.random(random_state=seed).as_matrix(), rng.normal(size=3)
    covariance, twist, origin = np.diag([0.02, 0.01, 0.05]), rng.normal(size=6), rng.normal(size=3)
    here = keepout_points(points, faces, covariance, twist, origin, 0.1, margin_m=0.05)
    turned = np.concatenate([turn @ twist[:3], turn @ twist[3:]])
    there = keepout_points(
        points @ turn.T + shift,
        faces,
        turn @ covariance @ turn.T,
        turned,
        turn @ origin + shift,
        0.1,
        margin_m=0.05,
    )
    np.testing.assert_allclose(there, here @ turn.T + shift, atol=1e-5)


def test_the_point_whose_velocity_the_twist_gives_moves_with_it(sphere) -> None:
    """Turning about the z axis through a point of the surface moves that point nowhere."""
    points, faces = sphere
    fixed = points[1000]
    grown = keepout_points(points, faces, NOTHING, np.array([0, 0, 0, 0, 0, 1.0]), fixed, 0.5)
    np.testing.assert_allclose(grown[1000], fixed, atol=1e-6)
    ahead = np.cross([0, 0, 1.0], points - fixed)
    leads = np.einsum("vi,vi->v", ahead, points) > 0.05
    np.testing.assert_allclose(grown[leads], (points + 0.5 * ahead)[leads], atol=1e-5)
