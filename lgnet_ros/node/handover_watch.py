"""From `Hands` messages to `Handover` messages: follows every hand, chooses one, says what it means."""

from __future__ import annotations

import math

import numpy as np
from builtin_interfaces.msg import Duration

from lgnet_ros.interaction import GRASP_CLASSES
from lgnet_ros.interaction.handover import (
    HANDOVER_STATES,
    HandCue,
    HandoverMemory,
    RobotSide,
    approach_covariance,
    next_memory,
    position_std,
)
from lgnet_ros.msg import Hand as HandMsg
from lgnet_ros.msg import Handover, Hands
from lgnet_ros.node.clocks import is_of_the_future
from lgnet_ros.node.handover import target_pose
from lgnet_ros.node.handover_parameters import HandoverParameters
from lgnet_ros.node.messages import SIDE_CODES, SIDE_NAMES, palm_of, xyz

_ACTS = ("offers", "receives")


class HandoverWatch:
    """What is known of the hands. `see` every message, ask for a `report` at any time."""

    def __init__(self) -> None:
        self._message: Hands | None = None
        self._robot: RobotSide | None = None
        self._memories: dict[int, HandoverMemory] = {}
        self._faults: dict[int, str] = {}
        self._chosen: int | None = None

    def see(self, message: Hands, robot: RobotSide | None, parameters: HandoverParameters) -> None:
        """One more answer of the hands node. robot: None while its frame is not to be had."""
        self._message, self._robot = message, robot
        self._faults = {hand.track_id: fault for hand in message.hands if (fault := fault_of(hand, message))}
        if robot is None or not message.calibrated:
            self._memories = {}
            return
        stamp_s = stamp_seconds(message)
        self._memories = {
            hand.track_id: next_memory(
                self._memories.get(hand.track_id), cue_of(hand, message), robot, parameters.limits, stamp_s
            )
            for hand in message.hands
            if hand.track_id not in self._faults
        }

    def report(self, now_s: float, parameters: HandoverParameters) -> Handover:
        """What the chosen hand means, as of now (the node's clock, s)."""
        if self._message is None:
            return Handover(reason="no answer of the hands node yet")
        message = self._message
        report = Handover(header=message.header)
        age_s = now_s - stamp_seconds(message)
        report.age = duration(max(age_s, 0.0))
        hand = self._choice(parameters.hand)
        memory = None if hand is None else self._memories.get(hand.track_id)
        if hand is not None and hand.track_id not in self._faults:
            self._describe(report, hand, max(age_s, 0.0), parameters)
        report.reason = self._reason(hand, memory, age_s, parameters)
        if memory is not None and not report.reason:
            report.state = HANDOVER_STATES.index(memory.state)
            report.held = duration(max(now_s - memory.since_s, 0.0))
        return report

    def _choice(self, wanted: str) -> HandMsg | None:
        hands = [] if self._message is None else self._message.hands
        if wanted == "clicked":
            return next((hand for hand in hands if hand.chosen), None)
        if wanted != "nearest":
            return next((hand for hand in hands if hand.side == SIDE_CODES[wanted]), None)
        # One that acts goes before one that is only near; of two that act, the one that did so first.
        ranked = sorted(
            hands,
            key=lambda hand: (
                hand.track_id in self._faults,
                not self._acts(hand),
                hand.track_id != self._chosen,
                self._distance(hand),
            ),
        )
        acting = bool(ranked) and self._acts(ranked[0])
        self._chosen = ranked[0].track_id if acting else None
        return ranked[0] if ranked else None

    def _acts(self, hand: HandMsg) -> bool:
        memory = self._memories.get(hand.track_id)
        return memory is not None and memory.state in _ACTS

    def _distance(self, hand: HandMsg) -> float:
        """m; NaN while nobody knows where the robot is."""
        if self._robot is None:
            return math.nan
        return float(np.linalg.norm(xyz(hand.palm.position) - self._robot.position))

    def _describe(
        self, report: Handover, hand: HandMsg, age_s: float, parameters: HandoverParameters
    ) -> None:
        assert self._message is not None
        cue = cue_of(hand, self._message)
        report.seen = True
        report.side, report.track_id, report.score = hand.side, hand.track_id, hand.score
        report.palm_twist = hand.palm_twist
        report.distance = self._distance(hand)
        report.approach.pose = target_pose(hand, parameters.standoff, parameters.tool_rpy)
        report.approach.covariance = approach_covariance(
            cue, parameters.standoff, parameters.orientation_std_rad, age_s, parameters.drift
        ).reshape(-1)

    def _reason(
        self,
        hand: HandMsg | None,
        memory: HandoverMemory | None,
        age_s: float,
        parameters: HandoverParameters,
    ) -> str:
        """Why nothing can be said; empty if something can."""
        assert self._message is not None
        if is_of_the_future(age_s):
            return "the newest answer is stamped in the future: clocks differ, or time has jumped back"
        if age_s > parameters.oldest:
            return f"the newest answer is {age_s:.2f} s old"
        if not self._message.calibrated:
            return "the camera is not calibrated"
        if self._robot is None:
            return f"no transform to robot_frame '{parameters.robot_frame}'"
        if hand is not None and hand.track_id in self._faults:
            return self._faults[hand.track_id]
        if hand is None or memory is None:
            return "no hand is seen" if parameters.hand == "nearest" else f"no {parameters.hand} hand is seen"
        std = position_std(hand.position_covariance.reshape(3, 3).astype(np.float64))
        if std > parameters.most_uncertain:
            return f"the position is uncertain by {std:.2f} m"
        return "the hand has been seen for too short a time" if memory.state == "unknown" else ""


def fault_of(hand: HandMsg, message: Hands) -> str:
    """What of a hand cannot be, in words; empty if nothing. message: the one that it is from.

    The hands node sends no such hand; other programs and bags of other versions may.
    """
    if hand.side not in SIDE_NAMES:
        return f"the hand's side is {hand.side}, neither right nor left"
    if hand.grasp_class >= len(GRASP_CLASSES):
        return f"the hand's grasp_class is {hand.grasp_class}: there is no such class"
    turn = hand.palm.orientation
    numbers = {
        "palm": [*xyz(hand.palm.position), turn.x, turn.y, turn.z, turn.w],
        "palm_twist": [*xyz(hand.palm_twist.linear), *xyz(hand.palm_twist.angular)],
        "joints": hand.joints,
        "position_covariance": hand.position_covariance,
        "relations": _gaps(hand, message),
    }
    odd = next((name for name, values in numbers.items() if not np.isfinite(values).all()), "")
    if odd:
        return f"not all numbers in the hand's {odd} are finite"
    if hand.position_covariance.reshape(3, 3).diagonal().min() < 0:  # as ROS says "not known", with a -1
        return "the hand's position_covariance is not known: a variance in it is negative"
    return ""


def cue_of(hand: HandMsg, message: Hands) -> HandCue:
    """What of a hand tells what it means. message: the one that it is from."""
    twist = np.concatenate([xyz(hand.palm_twist.linear), xyz(hand.palm_twist.angular)])
    return HandCue(
        palm=palm_of(hand),
        twist=twist,
        grasp=GRASP_CLASSES[hand.grasp_class],
        gap_m=min(_gaps(hand, message), default=math.inf),
        position_covariance=hand.position_covariance.reshape(3, 3).astype(np.float64),
    )


def stamp_seconds(message: Hands) -> float:
    """When the image was taken, s."""
    return message.header.stamp.sec + message.header.stamp.nanosec * 1e-9


def duration(seconds: float) -> Duration:
    """A builtin_interfaces/Duration of seconds ≥ 0."""
    whole = min(int(seconds), 2**31 - 1)
    return Duration(sec=whole, nanosec=min(int((seconds - whole) * 1e9), 999_999_999))


def _gaps(hand: HandMsg, message: Hands) -> list[float]:
    """Distances to other hands, m."""
    return [r.distance for r in message.relations if hand.track_id in (r.right_track_id, r.left_track_id)]
