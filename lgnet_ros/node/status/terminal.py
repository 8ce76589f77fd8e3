"""Takes the terminal's Ctrl-C for this process alone, so that `make` in front of it does not fail at it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def own_foreground() -> Iterator[None]:
    """While inside, the terminal's keys reach this process and not those that started it.

    Ctrl-C is meant to end a run well, with exit status 0. But the terminal sends it to the whole foreground
    group, and `make` reports an interrupt whatever its child does. So this process makes a foreground group
    of its own, and gives the place back at the end. Without a terminal or in the background, nothing happens.
    """
    try:
        terminal = sys.stdin.fileno()
        previous = os.tcgetpgrp(terminal)
    except (OSError, ValueError, AttributeError):
        previous = -1
    if previous < 0 or previous != os.getpgrp() or previous == os.getpid():
        yield
        return
    # Stopping (Ctrl-Z) would leave the shell waiting for `make`, which was not stopped.
    ignored = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTTOU, signal.SIGTSTP)}
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(terminal, previous)
        for number, handler in ignored.items():
            signal.signal(number, handler)
