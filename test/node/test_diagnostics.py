"""The levels of the diagnostics: what a monitor acts on."""

from __future__ import annotations

import pytest

pytest.importorskip("diagnostic_msgs", reason="diagnostic_msgs is not installed")

from diagnostic_msgs.msg import DiagnosticStatus

from lgnet_ros.node import statistics
from lgnet_ros.node.diagnostics import PROCESSED, RECEIVED, Diagnostics, InputState
from lgnet_ros.node.faults import FaultKind, FaultLog


class Status:
    """What diagnostic_updater hands over to be filled."""

    def summary(self, level: bytes, message: str) -> None:
        self.level, self.message = level, message

    def add(self, key: str, value: str) -> None:
        pass


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(statistics, "time", clock)
    return clock


def test_images_without_results_are_a_warning(clock: Clock) -> None:
    counts = statistics.Statistics()
    diagnostics = Diagnostics(counts, FaultLog(print))
    assert diagnostics.output(Status()).message == "not active"
    diagnostics.state = InputState("/image", 1, "reliable", 0, stale_after_s=0.5)
    counts.count(RECEIVED)
    starting = diagnostics.output(Status())
    assert (starting.level, starting.message) == (DiagnosticStatus.WARN, "images arrive, but no result yet")
    counts.count(PROCESSED)
    assert diagnostics.output(Status()).level == DiagnosticStatus.OK
    clock.now += 3.0
    counts.count(RECEIVED)
    stuck = diagnostics.output(Status())
    assert (stuck.level, stuck.message) == (DiagnosticStatus.WARN, "images arrive, but no result for 3.0 s")
    clock.now += 3.0  # the camera has stopped: that is the input's matter
    assert diagnostics.output(Status()).level == DiagnosticStatus.OK


def test_a_fault_is_a_warning_until_the_next_report(clock: Clock) -> None:
    counts, faults = statistics.Statistics(), FaultLog(print)
    diagnostics = Diagnostics(counts, faults)
    diagnostics.state = InputState("/image", 1, "reliable", 0, stale_after_s=0.5)
    counts.count(RECEIVED)
    for _ in range(2):
        faults.report(FaultKind.BAD_DEPTH, "as if")
        warned, fine = diagnostics.input(Status()), diagnostics.input(Status())
        assert (warned.level, warned.message) == (DiagnosticStatus.WARN, FaultKind.BAD_DEPTH.value)
        assert (fine.level, fine.message) == (DiagnosticStatus.OK, "images arrive")
