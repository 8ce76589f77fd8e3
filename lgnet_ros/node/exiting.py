"""How a node's process ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rclpy.node import Node

_OPEN: weakref.WeakSet[Node] = weakref.WeakSet()


def end_process(status: int) -> NoReturn:
    """End at once with `status`, everything that matters having been closed.

    Python's own teardown takes torch, numba and OpenVINO apart, for a second of CPU: on a busy robot that is
    longer than `ros2 launch` waits before it uses force and calls the process dead.
    """
    for node in list(_OPEN):
        with contextlib.suppress(Exception):
            node.destroy_node()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def leave_nothing(node: Node) -> None:
    """Destroy the node when the process ends, also in the middle of its start: its middleware would leave
    megabytes of shared memory behind, which nobody frees before the machine starts again.
    """
    _OPEN.add(node)


def end_on_signals() -> None:
    """Until a node takes SIGINT and SIGTERM itself, end at once with status 0.

    Importing and compiling take longer than `ros2 launch` waits before it uses force.
    """
    on_signals(lambda: end_process(0))


def on_signals(act: Callable[[], object]) -> None:
    """Act on SIGINT and SIGTERM from now on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: act())
