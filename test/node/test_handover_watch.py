"""From `Hands` to `Handover`: the chosen hand, its state, and why nothing is said when nothing can be."""

from __future__ import annotations

from functools import partial, reduce

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lgnet_ros.msg import Hand, Handover
from scripted_hands import REACHING, RESTING, SIDEWAYS, hand, hands
from visualization_msgs.msg import Marker

from lgnet_ros.errors import UserError
from lgnet_ros.interaction.handover import HANDOVER_STATES, RobotSide
from lgnet_ros.node.handover_markers import handover_markers, handover_text
from lgnet_ros.node.handover_parameters import HandoverParameters
from lgnet_ros.node.handover_watch import HandoverWatch
from lgnet_ros.node.messages import rotation_of, xyz
from lgnet_ros.node.parameter_rules import rules, validated

ROBOT = RobotSide(np.zeros(3), np.array([0.0, -1.0, 0.0]))
START_S = 1000.0


def watched(*seen, before=(), parameters=None, seconds=1.0, age_s=0.05, robot=ROBOT, watch=None, **changes):
    """The report on hands that were seen for some time, `age_s` after the last image. before: the hands of
    the second before that, if any.
    """
    watch = watch or HandoverWatch()
    for number in range(-30 if before else 0, round(seconds * 30)):
        message = hands(START_S + number / 30, *(before if number < 0 else seen), **changes)
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


def state(report):
    return report.state


def track(report):
    return report.track_id


def distance(report):
    return report.distance


def tool_at(report):
    return xyz(report.approach.pose.position)


def tool_z(report):
    return rotation_of(report.approach.pose.orientation)[:, 2]


def std(number):
    """Asks for the standard deviation of one of x, y, z and the rotations about them."""
    return lambda report: np.sqrt(report.approach.covariance.reshape(6, 6)[number, number])


def turned(fingers_deg, normal_deg):
    """An open palm whose fingers point past the robot, or which faces up no more."""
    past, off = np.radians([fingers_deg, normal_deg])
    fingers = (np.sin(past), 0, -np.cos(past))
    return hand(fingers, np.cos(off) * np.array([0, -1, 0]) + np.sin(off) * np.cross([0, -1, 0], fingers))


OFFERED, LEFT = partial(watched, hand()), {"side": Hand.LEFT, "track_id": 2}
RESTS, OFFERS, RECEIVES, UNKNOWN = Handover.RESTS, Handover.OFFERS, Handover.RECEIVES, Handover.UNKNOWN
# Parameter: a value, hands for which it matters, what is asked of the report, its answer without and with it.
# The palm that offers is at (0, 0.1, 0.6) and faces up, against y; the tool above it looks along y.
ACTS = {
    "hand": ("left", partial(watched, hand(), hand(**LEFT, position=(0, 0, 0.7))), track, 1, 2),
    "robot_position": ((0.0, 0.1, 1.0), OFFERED, distance, np.hypot(0.1, 0.6), 0.4),
    "up": ((0.0, 0.5, 0.0), OFFERED, state, OFFERS, RESTS),
    "reach": (0.3, OFFERED, state, OFFERS, RESTS),
    "pointing_angle": (90.0, partial(watched, turned(80, 0)), state, RESTS, OFFERS),
    "palm_up_angle": (75.0, partial(watched, turned(0, 60)), state, RESTS, OFFERS),
    "open_palm": ("receives", OFFERED, state, OFFERS, RECEIVES),
    "still_speed": (0.2, partial(watched, hand(speed=0.12)), state, RESTS, OFFERS),
    "still_time": (2.0, OFFERED, state, OFFERS, RESTS),
    "reach_speed": (0.05, partial(watched, hand(normal=SIDEWAYS, speed=0.1)), state, RESTS, RECEIVES),
    "hands_apart": (0.1, partial(watched, hand(), hand(**LEFT), gap_m=0.05), state, OFFERS, RESTS),
    "confirm_time": (2.0, OFFERED, state, OFFERS, UNKNOWN),
    "hysteresis": (0.0, partial(watched, turned(70, 0), before=[hand()]), state, OFFERS, RESTS),
    "most_uncertain": (0.3, partial(watched, hand(std_m=0.2)), state, UNKNOWN, OFFERS),
    "oldest": (1.0, partial(watched, hand(), age_s=0.5), state, UNKNOWN, OFFERS),
    "standoff": (0.4, OFFERED, tool_at, [0, 0.1 - 0.2, 0.6], [0, 0.1 - 0.4, 0.6]),
    "tool_rpy": ([90.0, 0.0, 0.0], OFFERED, tool_z, [0, 1, 0], [1, 0, 0]),
    "orientation_std": (30.0, OFFERED, std(3), np.radians(15), np.radians(30)),
    "drift": (1.0, OFFERED, std(1), np.hypot(0.01, 0.05 * 0.3), np.hypot(0.01, 0.05 * 1.0)),
}
# test_handover_node.
ELSEWHERE = {"robot_frame"}


def test_no_parameter_is_forgotten_here():
    assert ACTS.keys() | ELSEWHERE == rules(HandoverParameters).keys()


@pytest.mark.parametrize("name", ACTS)
def test_every_parameter_acts(name):
    value, watched_hands, asked, usual, changed = ACTS[name]
    for given, answer in (({}, usual), ({name: value}, changed)):
        parameters = validated(HandoverParameters, given)
        report = watched_hands(parameters=parameters, robot=parameters.stated_robot_side)
        assert asked(report) == pytest.approx(answer, rel=1e-4)


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


def spoiled(where, value, **usual):
    """A hand with one odd value."""
    message = hand(**usual)
    *path, name = where.split(".")
    setattr(reduce(getattr, path, message), name, value)
    return message


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("palm.position.y", np.nan),
        ("palm.orientation.w", np.inf),
        ("palm_twist.linear.x", np.nan),
        ("palm_twist.angular.z", -np.inf),
        ("joints", np.full(63, np.nan, np.float32)),
        ("position_covariance", np.full(9, np.nan, np.float32)),
        ("position_covariance", np.full(9, np.inf, np.float32)),
        ("position_covariance", np.array([-1, 0, 0, 0, 0, 0, 0, 0, 0], np.float32)),  # ROS: not known
        ("grasp_class", 5),
        ("side", 2),
    ],
)
@pytest.mark.parametrize("calibrated", [True, False])
def test_hand_that_cannot_be_is_unknown_and_says_why(where, value, calibrated):
    report = watched(spoiled(where, value), calibrated=calibrated)
    assert (report.state, report.seen) == (Handover.UNKNOWN, False)
    assert (where.split(".")[0] if calibrated else "not calibrated") in report.reason


def test_hands_whose_distance_is_no_number_are_unknown():
    report = watched(hand(), hand(side=Hand.LEFT, track_id=2), gap_m=np.nan)
    assert report.state == Handover.UNKNOWN and "relations" in report.reason


def test_hand_that_cannot_be_stands_behind_every_other_and_is_told_of_where_it_was_asked_for():
    bad = spoiled("grasp_class", 7, position=(0, 0, 0.1), chosen=True)
    for other, means in (({}, Handover.OFFERS), (RESTING, Handover.RESTS)):
        good = hand(**other, track_id=2, side=Hand.LEFT)
        for seen in ((bad, good), (good, bad)):
            assert (watched(*seen).track_id, watched(*seen).state) == (2, means)
            for wanted in ("clicked", "right"):
                report = watched(*seen, parameters=HandoverParameters(hand=wanted))
                assert not report.seen and "grasp_class is 7" in report.reason


def test_what_was_known_of_a_hand_does_not_count_once_it_could_not_be():
    watch, parameters = HandoverWatch(), HandoverParameters()
    assert watched(hand(), watch=watch).state == Handover.OFFERS
    watch.see(hands(START_S + 1.0, hand(std_m=np.nan)), ROBOT, parameters)
    watch.see(hands(START_S + 1.03, hand()), ROBOT, parameters)
    assert "too short a time" in watch.report(START_S + 1.05, parameters).reason


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
