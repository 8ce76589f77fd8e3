"""What RViz shows of palms, openings, contacts and keep-out volumes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from hand_frames import random_frame
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from lgnet_ros.node.interaction_markers import InteractionMarkers, enclosing_ellipsoid
from lgnet_ros.node.messages import hands_message

PRIMITIVES = {Marker.ARROW, Marker.LINE_LIST, Marker.SPHERE, Marker.SPHERE_LIST, Marker.TEXT_VIEW_FACING}


@pytest.fixture
def frame(rng):
    return random_frame(rng)


@pytest.fixture
def keepout(frame):
    return {hand.side: hand.vertices for hand in frame.hands}


def shown(frame, keepout, markers=None):
    message = hands_message(frame, Header(frame_id="camera"), "model", True)
    array = (markers or InteractionMarkers()).update(message, keepout)
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
        ends(shown(frame, keepout)["closest_points"]), frame.relation.closest_points, atol=1e-9
    )


def test_only_primitives_and_one_lifetime(frame, keepout):
    for marker in shown(frame, keepout).values():
        assert marker.type in PRIMITIVES
        assert marker.lifetime.sec > 0
        assert marker.header.frame_id == "camera"


def test_what_is_gone_is_deleted_once(rng, frame, keepout):
    markers = InteractionMarkers()
    before = shown(frame, keepout, markers)
    after = shown(random_frame(rng, ()), {}, markers)
    assert after.keys() == before.keys()
    assert {marker.action for marker in after.values()} == {Marker.DELETE}
    assert shown(random_frame(rng, ()), {}, markers) == {}


def test_keepout_volume_holds_every_point_of_the_keepout_surface(rng):
    for _ in range(20):
        points = rng.normal(size=(778, 3)) * rng.uniform(0.01, 0.2, 3) + rng.normal(size=3)
        center, axes, lengths = enclosing_ellipsoid(points)
        inside = (((points - center) @ axes / (lengths / 2)) ** 2).sum(axis=1)
        assert inside.max() == pytest.approx(1)
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
        assert np.linalg.det(axes) == pytest.approx(1)


def test_keepout_volume_of_one_point_is_a_point():
    center, _, lengths = enclosing_ellipsoid(np.ones((5, 3)))
    np.testing.assert_allclose(center, 1)
    assert np.isfinite(lengths).all()
