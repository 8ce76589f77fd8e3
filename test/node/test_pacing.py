"""The grid of due times that the demo camera keeps."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.node.pacing import Pace, Thinning


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


@pytest.mark.parametrize("rate_hz", [0.0, 7.0, 15.0, 20.0, 25.0, 30.0, 60.0])
def test_a_device_is_thinned_out_to_the_rate_on_average(rate_hz: float) -> None:
    """A device at 30 Hz whose pictures come up to 2 ms early or late."""
    jitter = np.random.default_rng(0).uniform(-0.002, 0.002, 900)
    thinning = Thinning(rate_hz)
    taken = sum(thinning.takes(number / 30 + late) for number, late in enumerate(jitter))
    assert taken / 30 == pytest.approx(min(rate_hz or 30.0, 30.0), rel=0.02)


def test_after_a_pause_a_device_is_not_made_up_for() -> None:
    thinning = Thinning(10.0)
    assert [thinning.takes(now) for now in (0.0, 5.0, 5.033, 5.067, 5.1)] == [True, True, True, False, True]
