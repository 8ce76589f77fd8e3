"""What RViz shows of palms, openings, contacts and keep-out volumes, and that its bytes are rclpy's."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from hand_frames import random_frame
from rclpy.serialization import deserialize_message, serialize_message
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.hand_model import HandModel
from lgnet_ros.interaction.keepout import keepout_points
from lgnet_ros.node.interaction_markers import (
    CONTACT_COLOR,
    NORMAL_COLOR,
    InteractionMarkers,
    enclosing_ellipsoid,
    interaction_figures,
)
from lgnet_ros.node.messages import hands_message
from lgnet_ros.node.primitives import arrow, ellipsoid, lines, marker_of, text_line

PRIMITIVES = {Marker.ARROW, Marker.LINE_LIST, Marker.SPHERE, Marker.SPHERE_LIST, Marker.TEXT_VIEW_FACING}


@pytest.fixture
def frame(rng):
    return random_frame(rng)


@pytest.fixture
def keepout(frame):
    return [hand.vertices for hand in frame.hands]


def shown(frame, keepout, markers=None):
    message = hands_message(frame, Header(frame_id="camera"), "model", True)
    data = (markers or InteractionMarkers()).update(message, keepout)
    array = deserialize_message(data, MarkerArray)
    return {marker.ns: marker for marker in array.markers}


def ends(marker):
    return np.array([[p.x, p.y, p.z] for p in marker.points])


def test_arrows_leave_the_palm_along_its_normal_and_come_back_to_it(frame, keepout):
    markers = shown(frame, keepout)
    for hand in frame.hands:
        tail, tip = ends(markers[f"{hand.side}_normal"])
        np.testing.assert_allclose(tail, hand.palm.position, atol=1e-6)
        np.testing.assert_allclose((tip - tail) / np.linalg.norm(tip - tail), hand.palm.normal, atol=1e-6)
        far, near = ends(markers[f"{hand.side}_approach"])
        assert (far - near) @ hand.palm.normal > 0


def test_opening_is_drawn_from_thumb_to_index_and_written_in_millimetres(frame, keepout):
    markers = shown(frame, keepout)
    for hand in frame.hands:
        np.testing.assert_allclose(ends(markers[f"{hand.side}_aperture"]), hand.joints[[4, 8]], rtol=1e-6)
        text = markers[f"{hand.side}_text"].text
        assert hand.side in text and hand.grasp.kind in text
        assert f"{1000 * hand.grasp.aperture_m:.0f} mm" in text


def test_closest_points_are_joined(frame, keepout):
    np.testing.assert_allclose(
        ends(shown(frame, keepout)["closest_points"]), frame.relations[0].closest_points, atol=1e-9
    )


def test_hands_that_touch_are_joined_in_another_color(frame):
    message = hands_message(frame, Header(), "model", True)
    colors = {}
    for distance in (-0.002, 0.0, 0.001):
        message.relations[0].distance = distance
        (joined,) = (f for f in interaction_figures(message, None) if f.namespace == "closest_points")
        colors[distance] = joined.rgba[:3]
    assert colors[-0.002] == colors[0.0] == CONTACT_COLOR
    assert colors[0.001] == NORMAL_COLOR


def test_only_primitives_and_one_lifetime(frame, keepout):
    for marker in shown(frame, keepout).values():
        assert marker.type in PRIMITIVES
        assert marker.lifetime.sec > 0
        assert marker.header.frame_id == "camera"


def test_what_is_gone_is_deleted_once(rng, frame, keepout):
    markers = InteractionMarkers()
    before = shown(frame, keepout, markers)
    after = shown(random_frame(rng, ()), [], markers)
    assert after.keys() == before.keys()
    assert {marker.action for marker in after.values()} == {Marker.DELETE}
    assert shown(random_frame(rng, ()), [], markers) == {}


def test_everybodys_hands_are_shown(rng):
    frame = random_frame(rng, ("right", "left", "left", "right", "left"))
    markers = shown(frame, [hand.vertices for hand in frame.hands])
    names = ["right", "left", "left_1", "right_1", "left_2"]
    for name, hand in zip(names, frame.hands, strict=True):
        np.testing.assert_allclose(ends(markers[f"{name}_aperture"]), hand.joints[[4, 8]], rtol=1e-6)
        at = markers[f"{name}_keepout"].pose.position
        inside = ([at.x, at.y, at.z] > hand.vertices.min(0)) & ([at.x, at.y, at.z] < hand.vertices.max(0))
        assert inside.all(), "the volume is another hand's"
    for name, relation in zip(("closest_points", "closest_points_1"), frame.relations, strict=True):
        np.testing.assert_allclose(ends(markers[name]), relation.closest_points, atol=1e-9)


@pytest.mark.parametrize(
    "sides", [(), ("right",), ("left",), ("right", "left"), ("right", "left", "right", "left")]
)
def test_bytes_say_what_those_of_rclpy_say(rng, sides):
    markers = InteractionMarkers()
    for number in range(30):  # many reuse the template of one before
        frame = random_frame(rng, sides)
        keepout = [hand.vertices for hand in frame.hands]
        header = Header(frame_id=("camera", "other")[number % 2])
        header.stamp.sec, header.stamp.nanosec = 1_700_000_000 + number, 123_456_789 - number
        message = hands_message(frame, header, "model", True)
        data = deserialize_message(markers.update(message, keepout), MarkerArray)
        built = [marker_of(figure, header) for figure in interaction_figures(message, keepout)]
        expected = serialize_message(MarkerArray(markers=built))
        shown = MarkerArray(markers=[marker for marker in data.markers if marker.action == Marker.ADD])
        assert shown == deserialize_message(expected, MarkerArray)


def test_primitives_are_where_they_are_said_to_be():
    header = Header(frame_id="camera")
    tail, tip = np.array([0.1, 0.2, 0.3]), np.array([-1.0, 2.0, 0.5])
    np.testing.assert_array_equal(ends(marker_of(arrow("x", tail, tip, (1, 0, 0)), header)), [tail, tip])
    four = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(ends(marker_of(lines("x", four, (1, 0, 0)), header)), four)
    text = marker_of(text_line("x", tail, "offers"), header)
    assert text.text == "offers" and text.pose.position.x == 0.1 and text.pose.position.y > 0.2
    turn = Rotation.random(random_state=3)
    ball = marker_of(ellipsoid("x", (tail, turn.as_matrix(), np.array([1.0, 2, 3])), (1, 0, 0)), header)
    pose = ball.pose
    at = [pose.position.x, pose.position.y, pose.position.z, ball.scale.x, ball.scale.y, ball.scale.z]
    np.testing.assert_array_equal(at, [0.1, 0.2, 0.3, 1, 2, 3])
    quaternion = [pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w]
    np.testing.assert_allclose(Rotation.from_quat(quaternion).as_matrix(), turn.as_matrix(), atol=1e-12)


def test_keepout_volume_holds_every_point_of_the_keepout_surface(rng):
    for _ in range(20):
        points = rng.normal(size=(778, 3)) * rng.uniform(0.01, 0.2, 3) + rng.normal(size=3)
        center, axes, lengths = enclosing_ellipsoid(points)
        inside = (((points - center) @ axes / (lengths / 2)) ** 2).sum(axis=1)
        assert inside.max() == pytest.approx(1)
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
        assert np.linalg.det(axes) == pytest.approx(1)


def test_keepout_volume_is_hardly_longer_than_a_hand_whose_distance_is_uncertain():
    """Its finger tips, far to the side of its middle, must not stretch the volume along the view."""
    hand = HandModel.load().arrays("right")
    for turn in Rotation.random(10, random_state=5):
        vertices = turn.apply(hand.v_template) + [0, 0, 0.5]
        uncertain = np.diag([0.01, 0.01, 0.15]) ** 2
        points = keepout_points(vertices, hand.f, uncertain, np.zeros(6), vertices[0], 0.2)
        assert enclosing_ellipsoid(points)[2].max() < 1.6 * np.ptp(points[:, 2])


def test_keepout_volume_of_one_point_is_a_point():
    center, _, lengths = enclosing_ellipsoid(np.ones((5, 3)))
    np.testing.assert_allclose(center, 1)
    assert np.isfinite(lengths).all()
