"""From `Hands` to `Handover`: the chosen hand, its state, and why nothing is said when nothing can be."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lgnet_ros.msg import Hand, Handover
from scripted_hands import REACHING, RESTING, hand, hands
from visualization_msgs.msg import Marker

from lgnet_ros.errors import UserError
from lgnet_ros.interaction.handover import HANDOVER_STATES, RobotSide
from lgnet_ros.node.handover_markers import handover_markers, handover_text
from lgnet_ros.node.handover_parameters import HandoverParameters
from lgnet_ros.node.handover_watch import HandoverWatch
from lgnet_ros.node.messages import xyz

ROBOT = RobotSide(np.zeros(3), np.array([0.0, -1.0, 0.0]))
START_S = 1000.0


def watched(*seen, parameters=None, seconds=1.0, age_s=0.05, robot=ROBOT, watch=None, **changes):
    """The report on hands that were seen for some time, `age_s` after the last image."""
    watch = watch or HandoverWatch()
    for number in range(round(seconds * 30)):
        message = hands(START_S + number / 30, *seen, **changes)
        watch.see(message, robot, parameters or HandoverParameters())
    last_s = START_S + (round(seconds * 30) - 1) / 30
    return watch.report(last_s + age_s, parameters or HandoverParameters())


def test_codes_of_the_states_are_those_of_the_message():
    codes = [Handover.UNKNOWN, Handover.RESTS, Handover.OFFERS, Handover.RECEIVES]
    assert [HANDOVER_STATES.index(name) for name in ("unknown", "rests", "offers", "receives")] == codes


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (hand(), Handover.OFFERS),
        (hand(grasp="power"), Handover.OFFERS),
        (hand(**REACHING), Handover.RECEIVES),
        (hand(**RESTING), Handover.RESTS),
    ],
)
def test_state_pose_uncertainty_and_age_of_a_scripted_hand(seen, state):
    report = watched(seen)
    assert report.state == state and report.reason == ""
    assert (report.seen, report.side, report.track_id) == (True, Hand.RIGHT, 1)
    assert report.header.frame_id == "camera"
    assert report.age.nanosec == pytest.approx(5e7, rel=1e-3)
    assert report.held.sec + report.held.nanosec * 1e-9 > 0.3
    assert report.distance == pytest.approx(np.hypot(0.1, 0.6))
    covariance = report.approach.covariance.reshape(6, 6)
    np.testing.assert_allclose(covariance, covariance.T)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_tool_waits_above_an_open_palm():
    report = watched(hand(position=(0.0, 0.1, 0.6)), parameters=HandoverParameters(standoff=0.15))
    np.testing.assert_allclose(xyz(report.approach.pose.position), [0, 0.1 - 0.15, 0.6], atol=1e-9)


def test_uncertainty_grows_with_the_age():
    young, old = watched(hand(), age_s=0.01), watched(hand(), age_s=0.25)
    assert old.approach.covariance[0] > young.approach.covariance[0] + 0.05**2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"age_s": 0.5}, "0.50 s old"),
        ({"calibrated": False}, "not calibrated"),
        ({"robot": None}, "robot_frame"),
        ({"seconds": 0.1}, "too short a time"),
    ],
)
def test_unknown_says_why(changes, reason):
    report = watched(hand(), **changes)
    assert report.state == Handover.UNKNOWN and reason in report.reason


@pytest.mark.parametrize(("robot", "calibrated"), [(None, True), (ROBOT, False)])
def test_what_was_known_before_a_gap_does_not_count_after_it(robot, calibrated):
    """Where the robot is, or how long a metre, was not known: meanwhile the hand may have done anything."""
    watch, parameters = HandoverWatch(), HandoverParameters()
    assert watched(hand(), watch=watch).state == Handover.OFFERS
    watch.see(hands(START_S + 1.0, hand(), calibrated=calibrated), robot, parameters)
    watch.see(hands(START_S + 1.03, hand()), ROBOT, parameters)
    report = watch.report(START_S + 1.05, parameters)
    assert report.state == Handover.UNKNOWN and "too short a time" in report.reason


def test_stamps_of_the_future_say_nothing():
    """Nobody knows how old they are: the camera's clock is ahead, or a bag has begun again."""
    assert watched(hand(), age_s=-0.05).state == Handover.OFFERS
    report = watched(hand(), age_s=-10.0)
    assert report.state == Handover.UNKNOWN and "in the future" in report.reason


def test_nothing_is_said_of_a_hand_whose_place_is_too_uncertain():
    report = watched(hand(std_m=0.2))
    assert report.state == Handover.UNKNOWN and "uncertain by 0.20 m" in report.reason
    assert report.seen


def test_without_an_answer_or_a_hand_nothing_is_seen():
    nothing = HandoverWatch().report(START_S, HandoverParameters())
    assert (nothing.state, nothing.seen, nothing.reason) == (0, False, "no answer of the hands node yet")
    empty = watched()
    assert (empty.state, empty.seen, empty.reason) == (0, False, "no hand is seen")
    assert watched(hand(), parameters=HandoverParameters(hand="left")).reason == "no left hand is seen"


def test_hands_that_are_busy_with_each_other_rest():
    pair = (hand(), hand(side=Hand.LEFT, track_id=2))
    assert watched(*pair, gap_m=0.01).state == Handover.RESTS
    assert watched(*pair, gap_m=0.2).state == Handover.OFFERS


def test_hand_beside_two_that_are_busy_with_each_other_offers_all_the_same():
    busy = (hand(**RESTING), hand(**RESTING, side=Hand.LEFT, track_id=2))
    report = watched(*busy, hand(track_id=3, position=(0.3, 0.1, 0.6)), gap_m=0.01)
    assert (report.track_id, report.state) == (3, Handover.OFFERS)


def test_hand_that_acts_goes_before_one_that_is_nearer_and_stays_chosen():
    near, far = hand(**RESTING, position=(0, 0, 0.3)), hand(track_id=2, side=Hand.LEFT)
    watch = HandoverWatch()
    assert watched(near, far, watch=watch).track_id == 2
    both = (hand(position=(0, 0, 0.3)), far)
    assert watched(*both, watch=watch, seconds=2.0).track_id == 2
    assert watched(*both).track_id == 1


def test_of_hands_at_rest_the_nearest_is_told_of_whichever_it_was_before():
    watch, other = HandoverWatch(), {**RESTING, "track_id": 2}
    first = hand(**RESTING, position=(0, 0, 0.3))
    assert watched(first, hand(**other, position=(0, 0, 0.5)), watch=watch).track_id == 1
    assert watched(first, hand(**other, position=(0, 0, 0.2)), watch=watch).track_id == 2


def test_clicked_hand_is_the_one_that_counts():
    parameters = HandoverParameters(hand="clicked")
    nearest, other = hand(), {**RESTING, "track_id": 2, "side": Hand.LEFT}
    assert not watched(nearest, hand(**other), parameters=parameters).seen
    report = watched(nearest, hand(**other, chosen=True), parameters=parameters)
    assert (report.track_id, report.state) == (2, Handover.RESTS)


def test_hand_that_comes_back_under_another_track_starts_unknown():
    watch = HandoverWatch()
    assert watched(hand(), watch=watch).state == Handover.OFFERS
    message = hands(START_S + 1.1, hand(track_id=7))
    watch.see(message, ROBOT, HandoverParameters())
    assert watch.report(START_S + 1.1, HandoverParameters()).state == Handover.UNKNOWN


def test_markers_show_the_state_and_vanish_with_the_hand():
    markers = handover_markers(watched(hand())).markers
    assert [m.type for m in markers] == [Marker.ARROW, Marker.SPHERE, Marker.TEXT_VIEW_FACING]
    assert "right offers" in markers[2].text and "50 ms old" in markers[2].text
    reach = [markers[1].scale.x, markers[1].scale.y, markers[1].scale.z]
    assert min(reach) > 2 * 2.796 * 0.01
    assert {m.action for m in handover_markers(watched()).markers} == {Marker.DELETE}
    assert {m.action for m in handover_markers(watched(hand(), age_s=2.0)).markers} == {Marker.DELETE}
    assert handover_text(watched(hand(), age_s=2.0)).startswith("unknown: the newest answer is 2.00 s old")


def test_up_must_be_a_direction():
    with pytest.raises(UserError, match="up: three zeros"):
        _ = HandoverParameters(up=(0.0, 0.0, 0.0)).stated_robot_side
    np.testing.assert_allclose(HandoverParameters(up=(0, -0.5, 0)).stated_robot_side.up, [0, -1, 0])
