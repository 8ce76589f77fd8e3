"""The stand-in for tf2_ros: how any two frames lie to each other, from what was said last."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import TransformStamped
from scipy.spatial.transform import Rotation
from tf2_msgs.msg import TFMessage

from lgnet_ros.node.transforms import NewestTransforms


def stated(parent, child, turn=None, at=(0.0, 0.0, 0.0)):
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    place, orientation = message.transform.translation, message.transform.rotation
    place.x, place.y, place.z = (float(value) for value in at)
    orientation.x, orientation.y, orientation.z, orientation.w = (turn or Rotation.identity()).as_quat()
    return message


@pytest.fixture
def transforms():
    return NewestTransforms(SimpleNamespace(create_subscription=lambda *arguments: None))


def test_frames_of_one_tree_are_related_along_both_branches(transforms):
    turns = Rotation.random(3, random_state=1)
    places = np.random.default_rng(1).normal(size=(3, 3))
    chain = [("world", "base"), ("base", "flange"), ("world", "camera")]
    transforms.add(
        TFMessage(
            transforms=[stated(*link, turn, at) for link, turn, at in zip(chain, turns, places, strict=True)]
        )
    )
    rotation, position = transforms.lookup("camera", "flange")
    point = np.array([0.1, 0.2, 0.3])
    world = turns[0].apply(turns[1].apply(point) + places[1]) + places[0]
    np.testing.assert_allclose(rotation @ point + position, turns[2].inv().apply(world - places[2]))


def test_newest_statement_counts(transforms):
    for x in (1.0, 2.0):
        transforms.add(TFMessage(transforms=[stated("base", "tool", at=(x, 0, 0))]))
    assert transforms.lookup("base", "tool")[1].tolist() == [2.0, 0.0, 0.0]


def test_frames_that_do_not_hang_together_have_no_relation(transforms):
    transforms.add(TFMessage(transforms=[stated("a", "b"), stated("c", "d")]))
    assert transforms.lookup("a", "d") is None
    assert transforms.lookup("nowhere", "b") is None


def test_circle_of_frames_does_not_hang(transforms):
    transforms.add(TFMessage(transforms=[stated("a", "b"), stated("b", "a")]))
    assert transforms.lookup("a", "elsewhere") is None
