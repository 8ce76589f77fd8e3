"""The shipped open hand is what the code generates."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.mesh import directed_edges, enclosed_volume, euler_characteristic
from lgnet_ros.hand_model.open_hand.anthropometry import Measures
from lgnet_ros.hand_model.open_hand.nets import surface_net
from lgnet_ros.hand_model.open_hand.primitives import ellipsoid, round_cone, smooth_cut, smooth_union
from lgnet_ros.hand_model.open_hand.remesh import SurfaceMesh, remesh
from lgnet_ros.hand_model.open_hand.shape_space import remeasured
from lgnet_ros.hand_model.open_hand.template import Template, build_template
from lgnet_ros.hand_model.open_hand.weights import skinning_weights

TO_MODEL = np.array([-1e-3, 1e-3, 1e-3])


def ball(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points, axis=1) - 10.0


def on_ball(points: np.ndarray) -> np.ndarray:
    return 10.0 * points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def template() -> Template:
    return build_template()


@pytest.mark.slow
def test_the_shipped_mesh_and_weights_are_generated_again(template: Template, open_hand: HandModel) -> None:
    shipped = open_hand.arrays("right")
    np.testing.assert_array_equal(template.faces[:, [0, 2, 1]], shipped.f)
    np.testing.assert_allclose(template.vertices * TO_MODEL, shipped.v_template, atol=1e-6)
    np.testing.assert_allclose(skinning_weights(template), shipped.weights, atol=1e-5)


@pytest.mark.slow
def test_the_same_measures_give_back_the_same_hand(template: Template) -> None:
    vertices, joints = remeasured(template, Measures())
    np.testing.assert_allclose(joints, template.surface.skeleton.joints())
    tubes = np.concatenate([np.arange(rows.start, rows.stop) for rows in template.tubes.values()])
    np.testing.assert_allclose(vertices[tubes], template.vertices[tubes], atol=1e-6)
    assert np.linalg.norm(vertices - template.vertices, axis=1).max() < 0.2  # mm


@pytest.mark.slow
def test_a_hand_of_other_measures_has_them(template: Template) -> None:
    longer = Measures(size=1.1, finger_length=np.full(5, 1.1))
    vertices, joints = remeasured(template, longer)
    before = template.surface.skeleton.joints()
    bone = np.linalg.norm(joints[2] - joints[1]) / np.linalg.norm(before[2] - before[1])
    assert bone == pytest.approx(1.21)
    assert (
        np.abs(template.surface.__class__(longer).distance(vertices[template.free])).max() < 0.05
    )  # mm off the skin


def test_a_surface_net_of_a_ball_is_a_closed_sphere_facing_out() -> None:
    vertices, faces = surface_net(ball, np.full(3, -14.0), np.full(3, 14.0), 2.0)
    edges = {tuple(edge) for edge in directed_edges(faces)}
    assert all((b, a) in edges for a, b in edges)
    assert euler_characteristic(faces) == 2
    assert enclosed_volume(vertices, faces) == pytest.approx(4 / 3 * np.pi * 1000, rel=0.06)
    assert np.abs(ball(vertices)).max() < 0.5


@pytest.mark.parametrize("count", [80, 140])
def test_remeshing_reaches_the_count_and_keeps_the_topology(count: int) -> None:
    vertices, faces = surface_net(ball, np.full(3, -14.0), np.full(3, 14.0), 3.5)
    mesh = SurfaceMesh(
        vertices, faces, np.zeros(len(vertices), bool), lambda p: np.full(len(p), 5.0), on_ball
    )
    points, triangles = remesh(mesh, count)
    assert len(points) == count and euler_characteristic(triangles) == 2
    assert np.abs(ball(points)).max() < 1e-9
    lengths = np.linalg.norm(points[triangles[:, 0]] - points[triangles[:, 1]], axis=1)
    assert lengths.max() < 2.2 * lengths.min()


def test_remeshing_leaves_fixed_vertices_in_place() -> None:
    vertices, faces = surface_net(ball, np.full(3, -14.0), np.full(3, 14.0), 3.5)
    fixed = vertices[:, 2] > 6
    mesh = SurfaceMesh(vertices, faces, fixed, lambda p: np.full(len(p), 5.0), on_ball)
    points, _ = remesh(mesh, 110)
    kept = {tuple(point) for point in points}
    assert all(tuple(point) in kept for point in vertices[fixed])


def test_smooth_union_is_the_union_away_from_the_seam_and_more_at_it() -> None:
    first, second = np.array([-5.0, 20.0, 0.0]), np.array([30.0, -3.0, 0.0])
    joined = smooth_union(first, second, 4.0)
    assert joined[:2].tolist() == [-5.0, -3.0] and joined[2] == pytest.approx(-1.0)
    assert smooth_cut(np.array([-9.0]), np.array([-2.0]), 1.0) == pytest.approx(
        2.0
    )  # inside the cutter: outside


def test_primitives_vanish_on_their_surfaces() -> None:
    tip = np.array([[0.0, 0.0, 13.0], [3.0, 0.0, 10.0], [4.0, 0.0, 0.0]])
    distances = round_cone(tip, np.zeros(3), np.array([0, 0, 10.0]), (4.0, 3.0))
    np.testing.assert_allclose(distances, 0.0, atol=1e-9)
    poles = np.diag([2.0, 3.0, 4.0])
    np.testing.assert_allclose(
        ellipsoid(poles, np.zeros(3), np.eye(3), np.array([2.0, 3, 4])), 0.0, atol=1e-9
    )
