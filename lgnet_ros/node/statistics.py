"""What the node has done: counted and timed by whoever does it, read by the diagnostics."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path

_WINDOW = 150  # frames: 5 s at 30 Hz


class Statistics:
    """Counts, and the newest durations and ages. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._durations_ms: dict[str, deque[float]] = {}
        self._marks: dict[str, tuple[float, int]] = {}
        self._last_s: dict[str, float] = {}

    def count(self, name: str) -> None:
        """One more of `name`, now."""
        with self._lock:
            self._counts[name] += 1
            self._last_s[name] = time.monotonic()

    def time(self, durations_ms: Mapping[str, float]) -> None:
        """Durations of the stages of one frame, by name."""
        with self._lock:
            for name, duration in durations_ms.items():
                self._durations_ms.setdefault(name, deque(maxlen=_WINDOW)).append(duration)

    def total(self, name: str) -> int:
        """How many of `name` there have been."""
        with self._lock:
            return self._counts[name]

    def rate(self, name: str) -> float:
        """How many of `name` per second there have been since this was last asked."""
        with self._lock:
            now, count = time.monotonic(), self._counts[name]
            since, before = self._marks.get(name, (now, count))
            self._marks[name] = (now, count)
            return (count - before) / (now - since) if now > since else 0.0

    def seconds_since(self, name: str) -> float | None:
        """Since the last of `name`; None if there has been none."""
        with self._lock:
            last = self._last_s.get(name)
            return None if last is None else time.monotonic() - last

    def medians_ms(self) -> dict[str, float]:
        """The median of every stage over the newest frames."""
        with self._lock:
            return {name: statistics.median(values) for name, values in self._durations_ms.items()}

    def percentile_ms(self, name: str, percent: float) -> float | None:
        """A percentile of one stage over the newest frames; None if it has not been timed."""
        with self._lock:
            values = sorted(self._durations_ms.get(name, ()))
        return values[min(int(len(values) * percent / 100), len(values) - 1)] if values else None


def resident_memory_mb(process: int | str = "self") -> float:
    """What a process holds in memory, MB; 0 where the system does not tell. process: its number."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
