"""How a node's process ends."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def end_process(status: int) -> NoReturn:
    """End at once with `status`, everything that matters having been closed.

    Python's own teardown takes torch, numba and OpenVINO apart, for a second of CPU: on a busy robot that is
    longer than `ros2 launch` waits before it uses force and calls the process dead.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
