"""Keeps a rate: due times lie on a fixed grid, which a slow frame does not shift."""

from __future__ import annotations

import math


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
