"""Child processes end, whatever they do, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lgnet_ros.node.status import processes
from lgnet_ros.node.status.processes import Child, stop_all

READY = "import time; print('ready', flush=True);"
OBEDIENT = READY + "time.sleep(60)"
STUBBORN = (
    "import signal; [signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM)];" + OBEDIENT
)
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {OBEDIENT!r}]);" + OBEDIENT


def started(tmp_path: Path, program: str, ready: int = 1) -> Child:
    child = Child("child", [sys.executable, "-c", program], tmp_path / f"{time.monotonic_ns()}.log")
    wait_until(lambda: child.log.read_text().count("ready") >= ready)
    return child


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_children_and_grandchildren_are_stopped(tmp_path: Path) -> None:
    children = [started(tmp_path, OBEDIENT), started(tmp_path, PARENT, ready=2)]
    assert not any(child.group_is_gone() for child in children)
    stop_all(children)
    assert all(child.group_is_gone() for child in children)


def test_a_child_that_ignores_requests_is_stopped_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_PATIENCE_S", {number: 0.3 for number in (*processes._PATIENCE_S,)})
    child = started(tmp_path, STUBBORN)
    stop_all([child])
    assert child.group_is_gone() and child.status == -signal.SIGKILL


def test_stopping_what_has_ended_already_does_nothing(tmp_path: Path) -> None:
    child = started(tmp_path, "print('ready')")
    wait_until(child.group_is_gone)
    stop_all([child, child])
    assert child.status == 0 and not child.failed


def test_a_child_does_not_outlive_its_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib; from lgnet_ros.node.status.processes import Child\n"
            f"log = pathlib.Path({str(tmp_path / 'log')!r})\n"
            f"child = Child('child', [sys.executable, '-c', {OBEDIENT!r}], log)\n"
            "print(child._process.pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(parent.stdout.readline())
    wait_until(lambda: "ready" in (tmp_path / "log").read_text())
    parent.kill()
    parent.wait()
    wait_until(lambda: not alive(pid))


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (
            "[INFO] loading\ncamera_node: source 'x': no such file\n[WARN] bye",
            "camera_node: source 'x': no such file",
        ),
        (
            "[camera_node-2] camera_node: no camera\n[ERROR] [camera_node-2]: process has died",
            "camera_node: no camera",
        ),
        ("Traceback\nValueError: bad", "ValueError: bad"),
        ("", "child ended without a word"),
    ],
)
def test_the_last_words_are_the_line_that_says_why(tmp_path: Path, printed: str, words: str) -> None:
    child = Child(
        "child", [sys.executable, "-c", f"print({printed!r}, end=''); raise SystemExit(2)"], tmp_path / "log"
    )
    wait_until(child.group_is_gone)
    assert child.failed and child.last_words() == words


def test_a_child_that_was_killed_is_said_to_be(tmp_path: Path) -> None:
    """What it said last, before the kernel took it for want of memory, explains nothing."""
    child = started(tmp_path, OBEDIENT)
    child.signal_group(signal.SIGKILL)
    wait_until(child.group_is_gone)
    assert child.failed and "was killed; is the memory full?" in child.last_words()


def test_a_launcher_fails_with_what_it_has_launched(tmp_path: Path) -> None:
    child = Child(
        "launch", [sys.executable, "-c", "print('[x-1]: process has died [exit code 2]')"], tmp_path / "log"
    )
    wait_until(child.group_is_gone)
    assert child.status == 0 and child.failed
