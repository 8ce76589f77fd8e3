"""Ages by the node's clock, and timers that go on when that clock stands still."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.timer import Timer

AHEAD_S = 0.1  # a simulated clock that is told ten times a second lags behind by so much
BEHIND_S = 10.0  # no camera is that slow


def is_of_the_future(age_s: float) -> bool:
    """Whether an age is none, so that nobody can say how old a thing is: two clocks differ, or time has
    jumped back.
    """
    return age_s < -AHEAD_S


def disagreement(age_s: float) -> str:
    """Why an image that has just come was not stamped by the node's clock, in words; empty if it may have
    been.
    """
    if is_of_the_future(age_s):
        return f"{-age_s:.1f} s ahead of this node; do the machines' clocks agree, is /clock there?"
    if age_s > BEHIND_S:
        return f"{age_s:.0f} s old on arrival; a bag wants use_sim_time and ros2 bag play --clock"
    return ""


def steady_timer(node: Node, period_s: float, callback: Callable[[], None]) -> Timer:
    """A timer of the node that does not stop with simulated time: a bag that is paused, or has ended."""
    return node.create_timer(period_s, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))
