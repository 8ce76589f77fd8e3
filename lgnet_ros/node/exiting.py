"""How a node's process ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn


def end_process(status: int) -> NoReturn:
    """End at once with `status`, everything that matters having been closed.

    Python's own teardown takes torch, numba and OpenVINO apart, for a second of CPU: on a busy robot that is
    longer than `ros2 launch` waits before it uses force and calls the process dead.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def end_on_signals() -> None:
    """Until a node takes SIGINT and SIGTERM itself, end at once with status 0: nothing is there to clean up.

    Importing and compiling take longer than `ros2 launch` waits before it uses force.
    """
    on_signals(lambda: end_process(0))


def on_signals(act: Callable[[], object]) -> None:
    """Act on SIGINT and SIGTERM from now on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: act())
