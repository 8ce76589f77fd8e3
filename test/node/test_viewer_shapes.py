"""What the browser is shown of a marker: its points, its look, and a mesh whose triangles hang together."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from hand_frames import random_frame
from rclpy.serialization import deserialize_message
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.hand_model import HandModel
from lgnet_ros.node.interaction_markers import interaction_figures
from lgnet_ros.node.markers import HandMarkers, MarkerStyle
from lgnet_ros.node.messages import hands_message
from lgnet_ros.node.primitives import ellipsoid, marker_of
from lgnet_ros.node.viewer.shapes import Welder, points_of, shape_of


@pytest.fixture(scope="module")
def faces():
    model = HandModel.load()
    return {side: model.faces(side) for side in ("right", "left")}


@pytest.fixture
def message(rng):
    return hands_message(random_frame(rng), Header(frame_id="camera"), "test", True)


def test_every_marker_that_hands_node_publishes_can_be_shown(message, faces, rng):
    array = deserialize_message(HandMarkers(faces).update(message, MarkerStyle()), MarkerArray)
    keepout = [rng.normal(size=(778, 3)).astype(np.float32) for _ in message.hands]
    figures = interaction_figures(message, keepout)
    markers = [*array.markers, *(marker_of(figure, message.header) for figure in figures)]
    made = {shape_of(marker, Welder()).make for marker in markers}
    wanted = {"add_mesh_simple", "add_line_segments", "add_point_cloud", "add_arrows", "add_label"}
    assert made == wanted


def test_welded_mesh_is_the_hand_models_own(message, faces):
    array = deserialize_message(HandMarkers(faces).update(message, MarkerStyle("mesh")), MarkerArray)
    shape = shape_of(array.markers[0], Welder())
    vertices, triangles = shape.values["vertices"], shape.values["faces"]
    assert vertices.shape == (778, 3) and triangles.shape == (1538, 3)
    own = message.hands[0].vertices.reshape(-1, 3)[faces["right"]]
    np.testing.assert_allclose(vertices[triangles], own, atol=1e-7)
    assert shape.fixed["opacity"] is None


def test_welder_goes_by_the_triangles_and_not_by_the_memory_of_others():
    corners = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    welder = Welder()
    strip = corners[[0, 1, 2, 2, 1, 3]]
    for mesh in (strip, strip + 1, corners[[0, 1, 2, 0, 2, 3]]):
        vertices, triangles = welder.welded(("a", 0), mesh)
        assert len(vertices) == 4
        np.testing.assert_array_equal(vertices[triangles].reshape(-1, 3), mesh)


def test_ellipsoid_is_where_the_marker_is():
    axes = Rotation.random(random_state=0).as_matrix()
    center, lengths = np.array([0.1, -0.2, 0.5]), np.array([0.1, 0.2, 0.3])
    shape = shape_of(marker_of(ellipsoid("x", (center, axes, lengths), (1, 0, 0)), Header()), Welder())
    local = (shape.values["vertices"] - center) @ axes / (lengths / 2)
    np.testing.assert_allclose(np.linalg.norm(local, axis=1), 1, atol=1e-5)
    assert shape.fixed == {"color": (255, 0, 0), "opacity": pytest.approx(0.18), "side": "double"}
    around = shape.values["vertices"][shape.values["faces"]].mean(axis=1) - center
    a, b, c = np.moveaxis(shape.values["vertices"][shape.values["faces"]], 1, 0)
    assert (np.einsum("fi,fi->f", np.cross(b - a, c - a), around) >= -1e-12).all()  # wound outward


def test_unknown_kinds_are_left_out():
    assert shape_of(Marker(type=Marker.CUBE), Welder()) is None
    assert points_of(Marker()).shape == (0, 3)
