"""What the live status counts."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.node.status.tally import SeenHand, Tally, hand_error

RIGHT = np.random.default_rng(0).normal(size=(21, 3)) * 0.05 + (0, 0, 0.6)


def seen(side: str, joints: np.ndarray) -> SeenHand:
    return SeenHand(side, 0.9, joints)


def test_a_shifted_hand_is_wrong_where_it_is_but_not_from_its_wrist() -> None:
    error = hand_error(RIGHT + (0.03, 0.0, 0.04), RIGHT)
    assert error.position_mm == pytest.approx(50)
    assert error.articulation_mm == pytest.approx(0, abs=1e-9)


def test_a_bent_finger_counts_by_its_share_of_the_joints() -> None:
    bent = RIGHT.copy()
    bent[8] += (0.0, 0.021, 0.0)
    error = hand_error(bent, RIGHT)
    assert error.position_mm == pytest.approx(1) and error.articulation_mm == pytest.approx(1)


def test_results_are_compared_with_the_truth_of_their_own_image() -> None:
    tally = Tally()
    tally.add_truth(1, {"right": RIGHT})
    tally.add_truth(2, {"right": RIGHT + 1.0})
    tally.add_result(1, 0.0, 0.02, (seen("right", RIGHT + (0.0, 0.01, 0.0)),), "nano")
    tally.add_result(3, 0.1, 0.02, (seen("right", RIGHT),), "nano")
    assert tally.truths_compared == 1
    assert tally.median_error().position_mm == pytest.approx(10)


def test_missed_and_invented_hands_are_counted_by_side() -> None:
    tally = Tally()
    tally.add_truth(1, {"right": RIGHT, "left": RIGHT})
    tally.add_truth(2, {"right": RIGHT})
    tally.add_result(1, 0.0, 0.02, (seen("right", RIGHT),), "nano")
    tally.add_result(2, 0.1, 0.02, (seen("left", RIGHT),), "nano")
    assert (tally.missed, tally.invented) == (2, 1)


def test_of_several_hands_of_a_side_the_first_is_compared() -> None:
    tally = Tally()
    tally.add_truth(1, {"right": RIGHT})
    tally.add_result(1, 0.0, 0.02, (seen("right", RIGHT), seen("right", RIGHT + 1.0)), "nano")
    assert tally.median_error().position_mm == pytest.approx(0, abs=1e-4)


def test_rates_are_those_of_the_last_two_seconds() -> None:
    tally = Tally()
    for number in range(300):
        tally.add_image(number, number / 30)
        if number % 3 == 0:
            tally.add_result(number, number / 30, 0.05, (), "nano")
    snapshot = tally.snapshot(now_s=10.0)
    assert snapshot.rate_in == pytest.approx(30, abs=0.6)
    assert snapshot.rate_out == pytest.approx(10, abs=0.6)
    assert snapshot.age_p50_ms == pytest.approx(50)
    assert tally.snapshot(now_s=20.0).rate_in == 0.0


def test_images_that_came_while_the_node_was_loading_are_not_held_against_it() -> None:
    tally = Tally()
    for number in range(50):
        tally.add_image(number, number / 30)
    for number in range(50, 60):
        tally.add_image(number, number / 30)
        tally.add_result(number, number / 30, 0.01, (), "nano")
    assert tally.images_offered == tally.results.count == 10


def test_images_that_came_while_the_first_was_looked_at_count() -> None:
    tally = Tally()
    for number in range(30):
        tally.add_image(number, number / 30)
    tally.add_result(5, 1.0, 0.8, (), "nano")
    tally.add_image(30, 1.0)
    assert tally.images_offered == 26


def test_truths_that_nobody_answers_do_not_pile_up() -> None:
    tally = Tally()
    for stamp in range(10_000):
        tally.add_truth(stamp, {"right": RIGHT})
    tally.add_result(0, 0.0, 0.02, (seen("right", RIGHT),), "nano")
    tally.add_result(9_999, 0.0, 0.02, (seen("right", RIGHT),), "nano")
    assert tally.truths_compared == 1
