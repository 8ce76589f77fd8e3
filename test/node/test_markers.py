"""Marker arrays written as bytes say what rclpy would have serialised."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import Point
from hand_frames import random_frame
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.node.markers import HandMarkers, MarkerStyle, delete_all, marker
from lgnet_ros.node.messages import hands_message

BONES = [
    *[(0, 1), (1, 2), (2, 3), (3, 4)],
    *[(0, 5), (5, 6), (6, 7), (7, 8)],
    *[(0, 9), (9, 10), (10, 11), (11, 12)],
    *[(0, 13), (13, 14), (14, 15), (15, 16)],
    *[(0, 17), (17, 18), (18, 19), (19, 20)],
]


@pytest.fixture
def faces(rng):
    return {side: rng.integers(0, 778, (1538, 3)) for side in ("right", "left")}


def header(number: int = 0, frame_id: str = "camera") -> Header:
    message = Header(frame_id=frame_id)
    message.stamp.sec, message.stamp.nanosec = 1_700_000_000 + number, 123_456_789 - number
    return message


def hands(rng, *sides, number=0, frame_id="camera"):
    return hands_message(random_frame(rng, sides), header(number, frame_id), "test", True)


def points_of(array: np.ndarray) -> list[Point]:
    return [Point(x=float(x), y=float(y), z=float(z)) for x, y, z in array.reshape(-1, 3)]


def built_by_rclpy(message, faces, style) -> MarkerArray:
    """The slow reference: every point an object."""
    markers = []
    for hand, side in zip(message.hands, [("right", "left")[h.side] for h in message.hands], strict=True):
        joints, vertices = hand.joints.reshape(21, 3), hand.vertices.reshape(778, 3)
        parts = {
            "mesh": np.array([vertices[index] for face in faces[side] for index in face]),
            "bones": np.array([joints[end] for bone in BONES for end in bone]),
            "joints": joints,
        }
        for part, array in parts.items():
            markers.append(marker((f"{side}_{part}", 0), message.header, points_of(array), style))
    return MarkerArray(markers=markers)


@pytest.mark.parametrize("sides", [(), ("right",), ("left",), ("right", "left")])
def test_bytes_say_what_those_of_rclpy_say(rng, faces, sides):
    style = MarkerStyle("mesh+skeleton", 0.7)
    markers = HandMarkers(faces)
    for number in range(2):  # the second frame reuses the template of the first
        message = hands(rng, *sides, number=number)
        data = markers.update(message, style)
        expected = serialize_message(built_by_rclpy(message, faces, style))
        assert len(data) == len(expected)  # not every byte: rclpy leaves the padding unset
        assert deserialize_message(data, MarkerArray) == deserialize_message(expected, MarkerArray)


def test_lost_hand_is_deleted_once(rng, faces):
    markers, style = HandMarkers(faces), MarkerStyle()
    markers.update(hands(rng, "right", "left"), style)
    after = deserialize_message(markers.update(hands(rng, "right"), style), MarkerArray)
    actions = {(m.ns, m.action) for m in after.markers}
    assert {
        ("left_mesh", Marker.DELETE),
        ("left_bones", Marker.DELETE),
        ("left_joints", Marker.DELETE),
    } <= actions
    assert ("right_mesh", Marker.ADD) in actions
    later = deserialize_message(markers.update(hands(rng, "right"), style), MarkerArray)
    assert all(m.action == Marker.ADD and m.ns.startswith("right") for m in later.markers)


def test_what_nobody_takes_away_goes_by_itself(rng, faces):
    """RViz shows a marker without a lifetime for ever, also when the node was killed."""
    array = deserialize_message(
        HandMarkers(faces).update(hands(rng, "right", "left"), MarkerStyle("mesh+skeleton")), MarkerArray
    )
    assert len(array.markers) == 6
    assert all(0 < marker.lifetime.sec <= 5 for marker in array.markers)


def test_clearing_deletes_all_that_is_shown_and_nothing_else(rng, faces):
    markers = HandMarkers(faces)
    markers.update(hands(rng, "left"), MarkerStyle("mesh"))
    cleared = deserialize_message(markers.cleared(header()), MarkerArray)
    assert [(m.ns, m.id, m.action) for m in cleared.markers] == [("left_mesh", 0, Marker.DELETE)]
    assert deserialize_message(markers.cleared(header()), MarkerArray).markers == []


@pytest.mark.parametrize("content", ["mesh", "skeleton"])
def test_style_chooses_the_markers(rng, faces, content):
    array = deserialize_message(
        HandMarkers(faces).update(hands(rng, "left"), MarkerStyle(content)), MarkerArray
    )
    names = {"mesh": ["left_mesh"], "skeleton": ["left_bones", "left_joints"]}
    assert [m.ns for m in array.markers] == names[content]


def test_number_of_points_is_the_same_in_every_frame(rng, faces):
    markers = HandMarkers(faces)
    arrays = [
        deserialize_message(markers.update(hands(rng, "right"), MarkerStyle()), MarkerArray) for _ in range(3)
    ]
    assert {tuple(len(m.points) for m in array.markers) for array in arrays} == {(4614, 40, 21)}


def test_second_hand_of_a_side_has_its_own_id(rng, faces):
    array = deserialize_message(
        HandMarkers(faces).update(hands(rng, "left", "left"), MarkerStyle("mesh")), MarkerArray
    )
    assert [(m.ns, m.id) for m in array.markers] == [("left_mesh", 0), ("left_mesh", 1)]


def test_other_frame_id_is_followed(rng, faces):
    markers = HandMarkers(faces)
    markers.update(hands(rng, "left"), MarkerStyle())
    other = deserialize_message(
        markers.update(hands(rng, "left", frame_id="other"), MarkerStyle()), MarkerArray
    )
    assert {m.header.frame_id for m in other.markers} == {"other"}


def test_delete_all_is_one_marker():
    assert [m.action for m in delete_all(header()).markers] == [Marker.DELETEALL]
