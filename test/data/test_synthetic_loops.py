"""The compiled and hand-written short cuts of the scene sampler agree with plain libraries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgnet_ros.data.synthetic.build import hand_kits
from lgnet_ros.data.synthetic.closing import close_fingers, grip_gaps
from lgnet_ros.data.synthetic.columns import AMBIENT, ATTRIBUTES, NORMAL
from lgnet_ros.data.synthetic.framing import project
from lgnet_ros.data.synthetic.poses import POSES, within_limits
from lgnet_ros.data.synthetic.raster import View
from lgnet_ros.data.synthetic.vertex_light import irradiance, light_vertices, openness
from lgnet_ros.geometry.vectors import cross, length, turn_about, turn_by, unit

_HALF = np.array([0.02, 0.05, 0.03], np.float32)


def test_short_vector_functions_agree_with_numpy_and_scipy():
    a, b = np.array([0.3, -1.2, 0.7]), np.array([2.0, 0.1, -0.4])
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), atol=1e-15)
    assert length(a) == pytest.approx(np.linalg.norm(a))
    np.testing.assert_allclose(turn_by(a), Rotation.from_rotvec(a).as_matrix(), atol=1e-14)
    np.testing.assert_allclose(
        turn_about(unit(b), 0.8), Rotation.from_rotvec(unit(b) * 0.8).as_matrix(), atol=1e-14
    )
    np.testing.assert_array_equal(turn_by(np.zeros(3)), np.eye(3))


def test_balls_without_a_mesh_are_those_of_the_posed_hand():
    kit, shape = hand_kits()[0], np.linspace(-1, 1, 10).astype(np.float32)
    posed = kit.posed(POSES["pinch"], np.eye(3), np.zeros(3), shape)
    np.testing.assert_allclose(kit.balls(POSES["pinch"], shape), posed.balls, atol=1e-6)


def test_a_shifted_hand_is_moved_rounding_for_rounding_as_numpy_does():
    kit, shape = hand_kits()[1], np.linspace(1, -1, 10).astype(np.float32)
    placed, offset = kit.posed(POSES["open"], np.eye(3), np.zeros(3), shape), np.float32([0.3, -0.2, 0.7])
    moved = placed.shifted(offset)
    for before, after in zip(placed.posed[:3], moved.posed[:3], strict=True):
        np.testing.assert_array_equal(after, before + offset)


def test_only_vertices_of_drawn_faces_are_lit():
    vertices = np.float32([[0, 0, 1], [1, 0, 1], [0, 1, 1], [5, 5, 5]])
    faces, attributes = np.int32([[0, 1, 2], [1, 2, 3]]), np.full((4, ATTRIBUTES), np.nan, np.float32)
    attributes[:, NORMAL : NORMAL + 3] = 0, 0, 1
    harmonics = np.zeros((9, 3), np.float32)
    harmonics[0] = 0.5
    balls = np.zeros((3, 1), np.float32), np.ones(1, np.float32)
    light_vertices(np.array([True, False]), faces, np.zeros(4, bool), vertices, attributes, harmonics, *balls)
    ambient = attributes[:, AMBIENT : AMBIENT + 3]
    np.testing.assert_array_equal(ambient[:3], 0.5)
    assert np.isnan(ambient[3]).all()


@pytest.mark.parametrize(
    ("point", "round_grip", "distance"),
    [
        ((0.05, 0.0, 0.0), False, 0.03),
        ((0.05, 0.09, 0.0), False, 0.05),
        ((0.0, 0.0, 0.01), False, -0.02),
        ((0.03, 0.0, 0.04), True, 0.03),
    ],
)
def test_gap_to_a_grip_is_the_distance_to_its_box_or_cylinder(point, round_grip, distance):
    turn = Rotation.from_rotvec([0.4, 0.2, -0.9]).as_matrix().astype(np.float32)
    place = np.array([0.1, -0.2, 0.6], np.float32)
    ball = (turn @ np.array(point, np.float32) + place)[None]
    gaps = np.empty(6, np.float32)
    grip_gaps(
        ball, np.array([0.005], np.float32), np.array([2], np.int32), _HALF, round_grip, turn, place, gaps
    )
    assert gaps[2] == pytest.approx(distance - 0.005, abs=1e-6)


def test_fingers_close_fully_round_nothing_and_not_at_all_inside_a_thing():
    kit, shape = hand_kits()[0], np.zeros(10, np.float32)
    grown, group = kit.grown(shape), kit.spheres.finger
    hand = (kit.hand.axes, grown.joints, grown.balls, kit.spheres.carrier, grown.radii, group)
    ends = within_limits(POSES["open"]), within_limits(POSES["fist"])
    turn = np.eye(3, dtype=np.float32)
    far, near = np.array([9, 9, 9], np.float32), np.zeros(3, np.float32)
    free = close_fingers(*ends, np.float32(0.001), _HALF, False, turn, far, *hand)
    stuck = close_fingers(*ends, np.float32(0.001), np.full(3, 5, np.float32), False, turn, near, *hand)
    assert free.min() > 0.95
    assert stuck.max() == 0.0


def test_projection_agrees_with_the_pinhole_formula_and_puts_what_is_behind_far_outside():
    turn = Rotation.from_rotvec([0.1, -0.2, 0.3]).as_matrix()
    view = View(turn, np.array([0.01, 0.02, 0.0]), 300.0, 310.0, 63.5, 60.5, 128, 128)
    points = np.array([[0.1, -0.05, 0.7], [0.0, 0.0, -0.5]], np.float32)
    seen = turn @ (points[0].astype(np.float64) - view.origin)
    expected = [seen[0] / seen[2] * 300 + 63.5, seen[1] / seen[2] * 310 + 60.5]
    pixels = project(points, view)
    np.testing.assert_allclose(pixels[0], expected, atol=1e-5)
    assert (pixels[1] < -1e5).all()


def test_light_of_a_constant_environment_is_constant_and_a_ball_above_darkens():
    harmonics = np.zeros((9, 3), np.float32)
    harmonics[0] = 0.5, 0.6, 0.7
    up = np.float32([0, 0, 1])
    assert irradiance(1, *up, harmonics) == pytest.approx(0.6)
    above = np.float32([[0.0], [0.0], [0.1]])
    opened = openness(*np.zeros(3, np.float32), *up, above, np.float32([0.05**2]))
    assert opened == pytest.approx(np.exp(-0.9 * 0.25), rel=1e-3)
    assert openness(*np.zeros(3, np.float32), *up, -above, np.float32([0.05**2])) == pytest.approx(1.0)
