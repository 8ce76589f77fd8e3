"""Keeps a rate: due times lie on a fixed grid, which a slow frame does not shift. And takes a lower one."""

from __future__ import annotations

import math

_JITTER = 0.1  # of a period: so much early a device's picture is that of its time


class Pace:
    """When the next picture is due. Times are seconds of any steady clock."""

    def __init__(self, rate_hz: float, start_s: float) -> None:
        self._period = 1.0 / rate_hz
        self._start = start_s
        self._number = 0

    def due(self, now_s: float) -> float:
        """The time of the next picture: the next place of the grid that has not been given away.

        Places that went by while the last picture was being made are left out: no burst follows a delay.
        """
        self._number = max(self._number, math.floor((now_s - self._start) / self._period))
        due_s = self._start + self._number * self._period
        self._number += 1
        return due_s


class Thinning:
    """Which of a device's pictures to take for a lower rate, on average; those due next, neither early nor
    made up for.
    """

    def __init__(self, rate_hz: float) -> None:
        """rate_hz: 0 takes all."""
        self._period = 1.0 / rate_hz if rate_hz else 0.0
        self._due_s = -math.inf

    def takes(self, now_s: float) -> bool:
        """Whether to take the picture that comes now."""
        if now_s < self._due_s - _JITTER * self._period:
            return False
        self._due_s = max(self._due_s + self._period, now_s)
        return True
