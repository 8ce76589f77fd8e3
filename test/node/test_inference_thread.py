"""The loop in which images are looked at: when it hurries, and when it says that nothing holds any longer."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lgnet_ros.node import inference_thread
from lgnet_ros.node.faults import FaultKind, FaultLog
from lgnet_ros.node.inference_thread import InferenceThread

STALE_S = 0.5
GOOD, BAD, NOTHING = "good", "bad", None


class Day:
    """Mailbox, processor and clock in one: what comes, how long after what came before, and what is done."""

    def __init__(self, *events: tuple[float, str | None], waiting: bool = False) -> None:
        self._events, self.waiting, self.now, self.closed = list(events), waiting, 100.0, False
        self.done: list[str] = []

    def monotonic(self) -> float:
        return self.now

    def take(self, timeout_s: float) -> str | None:
        assert timeout_s == STALE_S
        self.closed = not self._events
        later_s, item = self._events.pop(0) if self._events else (0.0, NOTHING)
        self.now += later_s
        return item

    def close(self) -> None:
        pass

    def process(self, item: str) -> bool:
        if item not in (GOOD, BAD):
            raise RuntimeError(item)
        self.done.append(item)
        return item == GOOD

    def look_ahead(self, hurried: bool) -> None:
        self.done.append("hurries ahead" if hurried else "looks ahead")

    def silence(self) -> None:
        self.done.append("silence")


def after(day: Day, monkeypatch: pytest.MonkeyPatch, faults: FaultLog | None = None) -> list[str]:
    """What was done when the day is over."""
    monkeypatch.setattr(inference_thread, "time", day)
    thread = InferenceThread()
    thread.start_loop(day, day, lambda: STALE_S, faults or FaultLog(print))
    thread.end()
    return [act for act in day.done if act != "looks ahead"]


def test_silence_is_told_once_for_each_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = [(STALE_S, NOTHING)] * 3
    day = Day((0.1, GOOD), *nothing, (0.1, GOOD), (0.03, GOOD), *nothing)
    assert after(day, monkeypatch) == [GOOD, "silence", GOOD, GOOD, "silence"]


def test_one_bad_image_is_no_silence_but_half_a_second_of_them_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [(0.03, BAD)] * 20
    acts = after(Day((0.4, GOOD), (0.4, GOOD), (0.4, GOOD), *bad), monkeypatch)
    assert acts.count("silence") == 1 and acts.index("silence") - acts.index(BAD) == 17  # 0.51 s


def test_it_hurries_ahead_where_the_next_image_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert after(Day((0.1, GOOD)), monkeypatch) == [GOOD]
    assert after(Day((0.1, GOOD), waiting=True), monkeypatch) == [GOOD, "hurries ahead"]


def test_whatever_happens_to_an_image_the_next_one_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    faults = FaultLog(said.append)
    assert after(Day((0.1, "out of memory"), (0.1, GOOD)), monkeypatch, faults) == [GOOD]
    assert faults.counts() == {FaultKind.INFERENCE: 1}
    assert "RuntimeError: out of memory (process, line" in said[0]
