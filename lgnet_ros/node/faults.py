"""What can be wrong with an input: named, counted, and told to the user without flooding the log."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import Enum

WARNING_PERIOD_S = 5.0  # a fault that repeats at 30 Hz is one line in 5 s


class FaultKind(Enum):
    """Every reason for which an input is turned away or used with less than it should bring."""

    ZERO_SIZE = "image of zero size"
    ODD_SIZE = "image size that its encoding does not allow"
    WRONG_STEP = "wrong image step"
    TRUNCATED_DATA = "truncated image data"
    UNKNOWN_ENCODING = "unknown image encoding"
    CORRUPT_COMPRESSED = "compressed image that does not decode"
    MISSING_CAMERA_INFO = "missing CameraInfo"
    BAD_INTRINSICS = "unusable CameraInfo"
    SIZE_MISMATCH = "image and CameraInfo of different size"
    BAD_STAMP = "unusable image stamp"
    NO_FRAME = "image without a frame_id"
    CLOCK = "image stamp of another clock"
    STAMP_BACKWARD = "image stamp that jumps back or repeats"
    BAD_DEPTH = "unusable depth image"
    MISSING_DEPTH = "missing depth image"
    BAD_DETECTIONS = "unusable detections"
    INCOMPATIBLE_QOS = "incompatible QoS"
    INFERENCE = "error in the estimator"


class InputFault(Exception):
    """An input that cannot be used: its kind, for counting, and one sentence, for the user."""

    def __init__(self, kind: FaultKind, explanation: str) -> None:
        super().__init__(explanation)
        self.kind = kind


class FaultLog:
    """Counts faults by kind and warns of each kind at most once in `WARNING_PERIOD_S`. Thread-safe."""

    def __init__(self, warn: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._warn = warn
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[FaultKind] = Counter()
        self._next_warning: dict[FaultKind, float] = {}

    def report(self, kind: FaultKind, explanation: str) -> None:
        """Count the fault; name it in the log unless it was named there a moment ago."""
        now = self._clock()
        with self._lock:
            self._counts[kind] += 1
            count = self._counts[kind]
            if now < self._next_warning.get(kind, now):
                return
            self._next_warning[kind] = now + WARNING_PERIOD_S
        self._warn(f"{kind.value}: {explanation} ({count} so far)")

    def counts(self) -> dict[FaultKind, int]:
        """How often each kind has been seen since the start; kinds never seen are left out."""
        with self._lock:
            return dict(self._counts)
