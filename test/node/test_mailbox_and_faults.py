"""The newest item wins, and a flood of faults is one line in the log and the right number in the counts."""

from __future__ import annotations

import threading
import time

import pytest

from lgnet_ros.node.faults import WARNING_PERIOD_S, FaultKind, FaultLog
from lgnet_ros.node.mailbox import Mailbox


def test_newest_item_wins_and_the_others_are_counted():
    mailbox = Mailbox()
    for item in range(5):
        mailbox.put(item)
    assert (mailbox.take(0.0), mailbox.dropped) == (4, 4)


def test_item_is_taken_once():
    mailbox = Mailbox()
    mailbox.put("item")
    assert mailbox.waiting
    assert [mailbox.take(0.0), mailbox.take(0.0)] == ["item", None]
    assert not mailbox.waiting


def test_taker_is_woken_by_an_item():
    mailbox = Mailbox()
    threading.Timer(0.05, mailbox.put, ["item"]).start()
    assert mailbox.take(5.0) == "item"


def test_closing_wakes_the_taker_and_gives_up_what_is_there():
    mailbox = Mailbox()
    mailbox.put("item")
    mailbox.close()
    started = time.monotonic()
    assert mailbox.take(5.0) is None
    assert mailbox.closed and time.monotonic() - started < 2


def test_many_threads_put_and_nothing_is_lost_but_what_is_counted():
    mailbox, taken = Mailbox(), []
    threads = [threading.Thread(target=lambda: [mailbox.put(n) for n in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken.append(mailbox.take(0.01))
    taken.append(mailbox.take(0.0))
    assert len([item for item in taken if item is not None]) + mailbox.dropped == 2000


@pytest.fixture
def log():
    lines, clock = [], [0.0]
    return FaultLog(lines.append, lambda: clock[0]), lines, clock


def test_repeated_fault_is_one_line_per_period_and_counted_every_time(log):
    faults, lines, clock = log
    for image in range(300):  # ten seconds at 30 Hz
        clock[0] = image / 30
        faults.report(FaultKind.WRONG_STEP, "step 5")
    assert len(lines) == 10 / WARNING_PERIOD_S
    assert lines[0] == "wrong image step: step 5 (1 so far)"
    assert faults.counts() == {FaultKind.WRONG_STEP: 300}


def test_every_kind_has_its_own_line(log):
    faults, lines, _ = log
    faults.report(FaultKind.WRONG_STEP, "a")
    faults.report(FaultKind.ZERO_SIZE, "b")
    assert len(lines) == 2
