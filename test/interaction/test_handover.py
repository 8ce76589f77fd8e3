"""Scripted hands in front of a robot: what they offer, reach for, or do not mean at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgnet_ros.interaction.handover import (
    HandCue,
    HandoverLimits,
    RobotSide,
    approach_covariance,
    next_memory,
    position_std,
)
from lgnet_ros.interaction.palm import PalmPose

RATE_HZ = 30
# The robot stands where the camera is, which is upright: y points down.
ROBOT = RobotSide(position=np.zeros(3), up=np.array([0.0, -1.0, 0.0]))
TOWARD_ROBOT, UP, DOWN = np.array([0.0, 0, -1]), np.array([0.0, -1, 0]), np.array([0.0, 1, 0])
SIDEWAYS = np.array([1.0, 0, 0])


def palm(fingers: np.ndarray, normal: np.ndarray, position: tuple[float, ...] = (0.0, 0.1, 0.6)) -> PalmPose:
    """A palm whose fingers point one way and whose normal another."""
    return PalmPose(np.array(position), np.column_stack([fingers, np.cross(normal, fingers), normal]))


def cue(fingers: np.ndarray = TOWARD_ROBOT, normal: np.ndarray = UP, **changes: object) -> HandCue:
    """An open palm held up and out to the robot, still, and known to a centimetre."""
    usual = HandCue(palm(fingers, normal), np.zeros(6), "open", np.inf, 1e-4 * np.eye(3))
    return replace(usual, **changes)


def moving(velocity: np.ndarray) -> np.ndarray:
    return np.concatenate([velocity, np.zeros(3)])


REACHING = {"normal": SIDEWAYS, "twist": moving(0.3 * TOWARD_ROBOT)}


def watch(script: list[tuple[HandCue, float]], limits: HandoverLimits | None = None) -> list[str]:
    """The state after each frame of (what is seen, for how many seconds)."""
    memory, states = None, []
    frames = [seen for seen, seconds in script for _ in range(round(seconds * RATE_HZ))]
    for number, seen in enumerate(frames):
        memory = next_memory(memory, seen, ROBOT, limits or HandoverLimits(), number / RATE_HZ)
        states.append(memory.state)
    return states


@pytest.mark.parametrize("grasp", ["open", "power", "pinch"])
def test_hand_held_out_still_with_something_on_or_in_it_offers(grasp):
    states = watch([(cue(grasp=grasp), 2.0)])
    assert states[-1] == "offers"
    assert "offers" not in states[: int(0.4 * RATE_HZ)]  # not before it has been still for a while


@pytest.mark.parametrize("normal", [SIDEWAYS, DOWN])
def test_open_hand_that_reaches_for_the_robot_receives_and_goes_on_when_it_waits(normal):
    states = watch([(cue(normal=normal, twist=moving(0.3 * TOWARD_ROBOT)), 0.5), (cue(normal=normal), 2.0)])
    assert states[14] == "receives" and set(states[14:]) == {"receives"}


@pytest.mark.parametrize(
    "resting",
    [
        cue(fingers=DOWN, normal=TOWARD_ROBOT),  # hangs
        cue(fingers=UP, normal=TOWARD_ROBOT),  # says stop
        cue(palm=palm(TOWARD_ROBOT, UP, (0.0, 0.1, 1.5))),  # too far away
        cue(grasp="fist"),
        cue(grasp="point"),
        cue(gap_m=0.01),  # busy with the other hand
        cue(normal=SIDEWAYS),  # held out, but it came from nowhere
        cue(grasp="power", twist=moving(0.3 * SIDEWAYS)),  # carries something past
        cue(normal=SIDEWAYS, twist=moving(-0.3 * TOWARD_ROBOT)),  # withdraws
    ],
)
def test_everything_else_rests(resting):
    assert watch([(resting, 1.0)])[-1] == "rests"


def test_hand_that_is_withdrawn_rests_again():
    gone = cue(fingers=DOWN, normal=TOWARD_ROBOT)
    assert watch([(cue(), 1.0), (gone, 0.5)])[-1] == "rests"
    assert watch([(cue(**REACHING), 0.5), (gone, 0.5)])[-1] == "rests"


def test_new_hand_is_unknown_until_it_has_been_seen_for_a_moment():
    states = watch([(cue(fingers=DOWN, normal=TOWARD_ROBOT), 1.0)])
    assert states[:4] == ["unknown"] * 4 and states[5] == "rests"


def test_position_that_is_too_uncertain_says_nothing_at_once():
    vague = np.diag([1e-4, 1e-4, 0.12**2])
    states = watch([(cue(), 1.0), (cue(position_covariance=vague), 1 / RATE_HZ), (cue(), 1.0)])
    assert states[29] == "offers" and states[30:34] == ["unknown"] * 4
    assert "offers" not in states[30:43] and states[-1] == "offers"  # what was not known was not still either
    limits = HandoverLimits(most_uncertain_m=0.13)
    assert watch([(cue(position_covariance=vague), 1.0)], limits)[-1] == "offers"


def test_single_odd_frames_change_nothing():
    odd = cue(grasp="fist")
    script = [(cue(), 1.0)] + [(odd, 1 / RATE_HZ), (cue(), 3 / RATE_HZ)] * 5
    assert set(watch(script)[-20:]) == {"offers"}


def about(axis: np.ndarray, degrees: float, vector: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(np.radians(degrees) * axis).apply(vector)


# Each limit of 0.9 m, 60°, 45°, 0.1 m/s and 0.03 m, passed by so much: within a quarter more, or beyond it.
PASSED = {
    "reach": lambda share: cue(palm=palm(TOWARD_ROBOT, UP, (0.0, 0.1, 0.9 * share))),
    "pointing": lambda share: cue(fingers=about(UP, 60 * share, TOWARD_ROBOT)),
    "palm up": lambda share: cue(normal=about(TOWARD_ROBOT, 45 * share, UP)),
    "still": lambda share: cue(twist=moving(0.1 * share * SIDEWAYS)),
    "apart": lambda share: cue(gap_m=0.03 / share),
}


@pytest.mark.parametrize("limit", PASSED)
def test_state_that_holds_is_left_later_than_it_is_entered(limit):
    almost, beyond = PASSED[limit](1.15), PASSED[limit](1.35)
    assert watch([(almost, 1.0)])[-1] == "rests"
    assert set(watch([(cue(), 1.0), (almost, 1.0)])[-30:]) == {"offers"}
    assert watch([(cue(), 1.0), (beyond, 1.0)])[-1] == "rests"


def test_one_that_receives_goes_on_a_little_beyond_reach_as_well():
    far = palm(TOWARD_ROBOT, SIDEWAYS, (0.0, 0.1, 1.0))
    assert watch([(cue(**REACHING), 0.5), (cue(palm=far), 1.0)])[-1] == "receives"
    assert watch([(cue(palm=far, twist=REACHING["twist"]), 1.0)])[-1] == "rests"


def test_hand_that_only_turns_is_held_still():
    assert watch([(cue(twist=np.array([0, 0, 0, 0, 1.0, 0])), 1.0)])[-1] == "offers"


def test_hands_that_sway_about_the_limit_do_not_flicker():
    swaying = [(cue(gap_m=0.03 + 0.003 * np.sin(number / 5)), 1 / RATE_HZ) for number in range(300)]
    states = watch([(cue(), 1.0), *swaying], HandoverLimits(apart_m=0.03, ease=0.25))
    assert set(states[-300:]) == {"offers"}
    assert watch([(cue(), 1.0), (cue(gap_m=0.02), 1.0)])[-1] == "rests"


def test_open_palm_means_what_the_robot_says_it_means():
    limits = HandoverLimits(open_palm="receives")
    assert watch([(cue(), 1.0)], limits)[-1] == "receives"
    assert watch([(cue(grasp="power"), 1.0)], limits)[-1] == "offers"
    assert "receives" in watch([(cue(twist=moving(0.3 * TOWARD_ROBOT)), 0.5)], limits)
    assert "receives" not in watch([(cue(twist=moving(0.3 * TOWARD_ROBOT)), 0.5)])


def test_answer_does_not_depend_on_where_the_camera_stands():
    turn, shift = Rotation.random(random_state=3).as_matrix(), np.array([0.3, -0.2, 0.1])
    robot = RobotSide(turn @ ROBOT.position + shift, turn @ ROBOT.up)

    def seen_from_there(seen: HandCue) -> HandCue:
        moved = PalmPose(turn @ seen.palm.position + shift, turn @ seen.palm.rotation)
        return replace(seen, palm=moved, twist=moving(turn @ seen.twist[:3]))

    for seen in (cue(), cue(**REACHING), cue(fingers=DOWN, normal=TOWARD_ROBOT)):
        memory = other = None
        for number in range(30):
            memory = next_memory(memory, seen, ROBOT, HandoverLimits(), number / RATE_HZ)
            other = next_memory(other, seen_from_there(seen), robot, HandoverLimits(), number / RATE_HZ)
            assert memory == other


def test_clock_that_jumps_back_starts_afresh():
    memory = None
    for number in range(30):
        memory = next_memory(memory, cue(), ROBOT, HandoverLimits(), 100 + number / RATE_HZ)
    assert memory.state == "offers"
    assert next_memory(memory, cue(), ROBOT, HandoverLimits(), 5.0).state == "unknown"
    assert next_memory(memory, cue(), ROBOT, HandoverLimits(), memory.stamp_s).state == "offers"  # seen twice


def test_it_is_known_since_when_a_state_holds():
    vague = cue(position_covariance=np.diag([1e-4, 1e-4, 0.12**2]))
    memory = None
    for number, seen in enumerate([cue()] * 30 + [vague] * 10):
        memory = next_memory(memory, seen, ROBOT, HandoverLimits(), number)
        if number == 29:
            assert memory.state == "offers" and memory.since_s == 2  # shown at 1 s, confirmed at 2
    assert memory.state == "unknown" and memory.since_s == 30


def test_worst_direction_gives_the_standard_deviation():
    turn = Rotation.random(random_state=1).as_matrix()
    assert position_std(turn @ np.diag([1e-4, 4e-4, 9e-4]) @ turn.T) == pytest.approx(0.03)


def test_covariance_of_the_approach_is_that_of_poses_drawn_at_random():
    rng = np.random.default_rng(0)
    position_covariance = np.diag([1e-4, 2e-4, 9e-4])
    seen = cue(normal=SIDEWAYS, position_covariance=position_covariance)
    turns = rng.normal(0, 0.05, (100_000, 3))
    swung = Rotation.from_rotvec(turns).apply(0.2 * seen.palm.normal)
    points = rng.multivariate_normal(np.zeros(3), position_covariance, len(turns)) + swung
    drawn = np.cov(np.hstack([points, turns]).T)
    stated = approach_covariance(seen, 0.2, 0.05, age_s=0.0, drift_m_s=0.3)
    np.testing.assert_allclose(stated, drawn, atol=3e-5)


def test_older_poses_are_less_certain_and_moving_ones_the_more():
    def spread(age_s: float, seen: HandCue) -> float:
        return position_std(approach_covariance(seen, 0.1, 0.1, age_s, drift_m_s=0.3)[:3, :3])

    assert spread(0.0, cue()) < spread(0.1, cue()) < spread(0.1, cue(**REACHING))
    assert spread(0.1, cue()) == pytest.approx(np.sqrt(0.01**2 + 0.01**2 + 0.03**2))  # known, swing, drift
    assert spread(0.1, cue(**REACHING)) == pytest.approx(np.sqrt(0.01**2 + 0.01**2 + 0.06**2))


def test_poses_of_a_hand_that_turns_grow_uncertain_as_it_turns_on():
    turning = cue(twist=np.array([0, 0, 0, 0, 2.0, 0]))  # 2 rad/s for 0.1 s: 0.2 rad on top of 0.15
    covariance = approach_covariance(turning, 0.1, 0.15, age_s=0.1, drift_m_s=0.0)
    np.testing.assert_allclose(covariance[3:, 3:], (0.15**2 + 0.2**2) * np.eye(3))
    assert position_std(covariance[:3, :3]) == pytest.approx(np.hypot(0.01, 0.1 * 0.25))
