"""Stamps against the node's clock, and timers that go on when that clock stands still."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.timer import Timer

AHEAD_S = 0.1  # a simulated clock that is told ten times a second lags behind by so much
BEHIND_S = 10.0  # no camera is that slow


def is_ahead(stamp_s: float, now_s: float) -> bool:
    """Whether a stamp lies in the future, so that nobody can say how old it is: two clocks differ, or time
    has jumped back.
    """
    return stamp_s - now_s > AHEAD_S


def disagreement(stamp_s: float, now_s: float) -> str:
    """Why an image that has just come was not stamped by the node's clock, in words; empty if it may have
    been.
    """
    if is_ahead(stamp_s, now_s):
        return f"{stamp_s - now_s:.1f} s ahead of this node; do the machines' clocks agree, is /clock there?"
    if now_s - stamp_s > BEHIND_S:
        return f"{now_s - stamp_s:.0f} s old on arrival; a bag wants use_sim_time and ros2 bag play --clock"
    return ""


def steady_timer(node: Node, period_s: float, callback: Callable[[], None]) -> Timer:
    """A timer of the node that does not stop with simulated time: a bag that is paused, or has ended."""
    return node.create_timer(period_s, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))
