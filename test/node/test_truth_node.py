"""The truth in the network's place: what the camera says comes back out of the estimator as it was."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lgnet_ros.msg import Hands
from std_msgs.msg import Header

from lgnet_ros.data.synthetic import Clip, SyntheticSettings
from lgnet_ros.node.truth import truth_message
from lgnet_ros.node.truth_node import Truths, sample_of


def test_sample_survives_its_way_through_the_message():
    clip = Clip(0, "hand_over", SyntheticSettings(split="test", width=160, height=120))
    sample = clip.frame(0.5 * clip.duration_s)
    assert sample.presence.any()
    back = sample_of(truth_message(sample, Header()), sample.image, sample.intrinsics)
    np.testing.assert_array_equal(back.presence, sample.presence)
    for name in ("vertices", "joints", "rotations", "shape"):
        seen = sample.presence
        np.testing.assert_allclose(getattr(back, name)[seen], getattr(sample, name)[seen], atol=1e-5)


def stamped(second):
    message = Hands()
    message.header.stamp.sec = second
    return message


def test_truth_is_waited_for_found_by_its_stamp_and_given_once():
    truths = Truths()
    later = threading.Timer(0.05, lambda: truths.add(stamped(7)))
    later.start()
    assert truths.of(7.0).header.stamp.sec == 7
    assert truths.of(7.0).header.stamp.sec == 0  # nothing
    later.join()


def test_truths_that_nobody_asks_for_are_forgotten():
    truths = Truths()
    for second in range(1, 200):
        truths.add(stamped(second))
    assert truths.of(1.0).header.stamp.sec == 0
    assert truths.of(199.0).header.stamp.sec == 199
