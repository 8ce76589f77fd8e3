"""What Ctrl-C (SIGINT) and SIGTERM do for a while."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def answering(
    number: signal.Signals, usual: object, act: Callable[..., object] | signal.Handlers
) -> Iterator[None]:
    """Inside, `act` on a signal, if it is answered by `usual`: one that is ignored stays ignored."""
    if signal.getsignal(number) != usual:
        yield
        return
    signal.signal(number, act)
    try:
        yield
    finally:
        signal.signal(number, usual)  # type: ignore[arg-type]


@contextlib.contextmanager
def withheld_from_children() -> Iterator[None]:
    """Processes that start inside take no Ctrl-C, which a terminal sends to all of them: each would print a
    traceback. They have to end with this one, which takes its own Ctrl-C at the block's end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_when_interrupted() -> None:
    """In a process that started in `withheld_from_children`, once it is up: Ctrl-C ends it, without words."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
