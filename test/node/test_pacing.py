"""The grid of due times that the demo camera keeps."""

from __future__ import annotations

import pytest

from lgnet_ros.node.pacing import Pace


def due_times(durations: list[float], rate_hz: float = 10.0) -> list[float]:
    """Due times when each picture takes so long to make."""
    pace, now, times = Pace(rate_hz, start_s=0.0), 0.0, []
    for duration in durations:
        times.append(pace.due(now))
        now = max(now, times[-1]) + duration
    return times


def test_quick_pictures_come_exactly_at_the_rate() -> None:
    assert due_times([0.01] * 5) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_a_slow_picture_neither_shifts_the_grid_nor_is_followed_by_a_burst() -> None:
    assert due_times([0.01, 0.35, 0.01, 0.01, 0.01]) == pytest.approx([0.0, 0.1, 0.4, 0.5, 0.6])


def test_pictures_slower_than_the_rate_come_as_they_are_ready() -> None:
    times = due_times([0.15] * 6)
    assert all(later - earlier >= 0.1 - 1e-9 for earlier, later in zip(times, times[1:], strict=False))
    assert times[-1] <= 5 * 0.2


def test_the_grid_does_not_drift_over_an_hour() -> None:
    pace = Pace(30.0, start_s=100.0)
    last = [pace.due(100.0) for _ in range(30 * 3600 + 1)][-1]
    assert last == pytest.approx(3700.0)
