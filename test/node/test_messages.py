"""Messages hold what the pipeline saw, in the order and units that their comments promise."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import Quaternion
from hand_frames import random_frame, random_hand
from lgnet_ros.msg import Hand as HandMsg
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from lgnet_ros.interaction import GRASP_CLASSES
from lgnet_ros.node import messages
from lgnet_ros.pipeline.records import SCALE_SOURCES


@pytest.mark.parametrize("side", ["right", "left"])
def test_hand_keeps_its_numbers(rng, side):
    hand = random_hand(rng, side, track_id=5)
    message = messages.hand_message(hand)
    assert (message.side, message.track_id) == ({"right": 0, "left": 1}[side], 5)
    np.testing.assert_allclose(message.joints.reshape(21, 3), hand.joints)
    np.testing.assert_allclose(message.vertices.reshape(778, 3), hand.vertices)
    np.testing.assert_allclose(message.joints_image.reshape(21, 2), hand.joints_image, rtol=1e-6)
    np.testing.assert_allclose(message.pose, hand.pose, rtol=1e-6)
    np.testing.assert_allclose(message.shape, hand.shape, rtol=1e-6)
    np.testing.assert_allclose(message.position_covariance.reshape(3, 3), hand.position_covariance, rtol=1e-5)
    turns = Rotation.from_quat(message.joint_quaternions.reshape(16, 4)).as_matrix()
    np.testing.assert_allclose(turns, hand.rotations, atol=1e-6)
    assert message.score == pytest.approx(hand.score)
    assert GRASP_CLASSES[message.grasp_class] == hand.grasp.kind
    assert SCALE_SOURCES[message.scale_source] == hand.scale_source
    twist = messages.twist_message(message, Header()).twist
    np.testing.assert_allclose([*messages.xyz(twist.linear), *messages.xyz(twist.angular)], hand.twist)


def test_wrist_pose_is_the_first_joint_with_the_first_rotation(rng):
    hand = random_hand(rng, "left")
    pose = messages.hand_message(hand).wrist
    np.testing.assert_allclose([pose.position.x, pose.position.y, pose.position.z], hand.joints[0], rtol=1e-6)
    turn = pose.orientation
    matrix = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix()
    np.testing.assert_allclose(matrix, hand.rotations[0], atol=1e-9)


def test_third_axis_of_the_palm_pose_is_the_palms_normal(rng):
    hand = random_hand(rng, "right")
    turn = messages.palm_message(messages.hand_message(hand), Header()).pose.orientation
    axis = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).apply([0, 0, 1])
    np.testing.assert_allclose(axis, hand.palm.normal, atol=1e-9)


def test_codes_of_the_message_are_the_orders_of_the_code():
    for number, name in enumerate(GRASP_CLASSES):
        assert getattr(HandMsg, f"GRASP_{name.upper()}") == number
    for number, name in enumerate(SCALE_SOURCES):
        assert getattr(HandMsg, f"SCALE_{name.upper()}") == number


def test_penetrating_hands_have_a_negative_distance(rng):
    (relation,) = random_frame(rng).relations
    message = messages.relation_message(relation)
    assert message.distance == pytest.approx(relation.distance_m)
    object.__setattr__(relation, "penetration_m", 0.004)
    assert messages.relation_message(relation).distance == pytest.approx(-0.004)
    assert (message.right_track_id, message.left_track_id) == relation.track_ids
    np.testing.assert_allclose(messages.xyz(message.wrist_translation), relation.relative_translation)
    closest = messages.xyz(message.closest_right), messages.xyz(message.closest_left)
    np.testing.assert_allclose(closest, relation.closest_points)
    assert len(message.contacts) == min(len(relation.contacts), 10)


def test_frames_of_several_people_carry_the_track_id(rng):
    hand = messages.hand_message(random_hand(rng, "left", track_id=7))
    assert messages.frame_prefix(hand, "cam_", several_people=False) == "cam_left_"
    assert messages.frame_prefix(hand, "cam_", several_people=True) == "cam_left_7_"
    assert messages.frame_prefix(hand, "/cam/", several_people=False) == "cam/left_"
    names = [t.child_frame_id for t in messages.hand_transforms(hand, Header(), "cam_left_7_")]
    assert len(set(names)) == 22 and "cam_left_7_index_tip" in names


def test_a_quaternion_turns_alike_whatever_its_length():
    turn = Rotation.from_rotvec([0.3, -1.1, 0.7])
    for length in (1e-3, 1.0, 5.0):
        x, y, z, w = (length * turn.as_quat()).tolist()
        np.testing.assert_allclose(
            messages.rotation_of(Quaternion(x=x, y=y, z=z, w=w)), turn.as_matrix(), atol=1e-9
        )
    np.testing.assert_array_equal(messages.rotation_of(Quaternion(x=0.0, y=0.0, z=0.0, w=0.0)), np.eye(3))


@pytest.mark.parametrize(
    ("sides", "tracks"),
    [
        ((), []),
        (("left",), [1]),
        (("right", "left"), [1, 2]),
        (("right", "right", "left"), [1]),  # the left hand is the second person's
        (("right", "left", "right", "left"), [1, 2]),
    ],
)
def test_the_first_persons_hands_are_nobody_elses(rng, sides, tracks):
    frame = random_frame(rng, sides)
    message = messages.hands_message(frame, Header(), "model", True)
    assert [hand.track_id for hand in messages.first_person(message)] == tracks


def test_mesh_topology_lists_the_triangles():
    mesh = messages.mesh_topology(np.array([[0, 1, 2], [2, 1, 3]]))
    assert [list(t.vertex_indices) for t in mesh.triangles] == [[0, 1, 2], [2, 1, 3]]
