"""Child processes that cannot be left behind: each in a group of its own, which is stopped as a whole."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lgnet_ros.node.statistics import resident_memory_mb

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_MARKED_LINE = re.compile(r"\b(?:camera|hands|viewer)_node: .*")
_PATIENCE_S = {signal.SIGINT: 5.0, signal.SIGTERM: 2.0, signal.SIGKILL: 3.0}


class Child:
    """A process whose output goes to a log file.

    Its group is its own, so that a Ctrl-C in the terminal reaches it once, by us, and so that whatever it
    starts ends with it. The kernel ends it too if we are killed.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name, self.log = name, log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # safe: no thread has been started yet
            )

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.poll()

    @property
    def resident_mb(self) -> float:
        """What the process holds in memory, MB; 0 when it has ended."""
        return resident_memory_mb(self._process.pid)

    @property
    def failed(self) -> bool:
        """Whether it has ended badly, or, being a launcher, says that of a process it has started."""
        return bool(self.status) or (self.status == 0 and "process has died" in self._output())

    def last_words(self) -> str:
        """The line that says why it ended: the last that a node has marked with its name, else the last."""
        if self.status == -signal.SIGKILL:
            return f"{self.name} was killed; is the memory full?"
        lines = [line for line in self._output().splitlines() if line.strip()]
        marked = [found[0] for line in lines if (found := _MARKED_LINE.search(line))]
        return (marked or lines or [f"{self.name} ended without a word"])[-1]

    def _output(self) -> str:
        return self.log.read_text(errors="replace")

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and everything it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def group_is_gone(self) -> bool:
        """Whether neither the process nor anything it has started is left."""
        self._process.poll()  # takes the ended process out of the table
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        return False


def module_process(module: str, parameters: Sequence[str], logs: Path) -> Child:
    """A node of this package as a process. module: below `lgnet_ros.node`. parameters: as `name:=value`."""
    arguments = [word for parameter in parameters for word in ("-p", parameter)]
    command = [sys.executable, "-m", f"lgnet_ros.node.{module}", "--ros-args", *arguments]
    return Child(module, command, logs / f"{module}.log")


def quoted(text: str) -> str:
    """A text as the value of a parameter, even if it is a number: JSON's quotes are YAML's too. As it is: not
    all that JSON writes for an emoji is.
    """
    return json.dumps(text, ensure_ascii=False)


def stop_all(children: Sequence[Child]) -> None:
    """End all groups: politely, then firmly, then by force."""
    for number, patience_s in _PATIENCE_S.items():
        for child in children:
            child.signal_group(number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if all(child.group_is_gone() for child in children):
                return
            time.sleep(0.02)


def _end_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
