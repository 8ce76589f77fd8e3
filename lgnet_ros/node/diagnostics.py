"""/diagnostics (REP 107): how the node fares, in two statuses, input and output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from lgnet_ros.node.faults import FaultKind, FaultLog
from lgnet_ros.node.statistics import Statistics, resident_memory_mb

RECEIVED = "images received"
PROCESSED = "images processed"
WITH_HANDS = "images with hands"
AGE = "age"  # from the image's stamp to the publication
ROS_WORK = "ROS work"  # everything in the inference thread but the pipeline
PIPELINE = "pipeline"
LOOK_AHEAD = "look ahead"  # the search between two images
_LONGEST_WAIT_S = 2.0  # for a result while images arrive


@dataclass(frozen=True)
class InputState:
    """Where the images come from, as the diagnostics tell it.

    topic: resolved. publishers: how many. qos: what is asked of them. dropped: images overtaken by newer
    ones.
    stale_after_s: without an image for so long the camera counts as stopped.
    """

    topic: str
    publishers: int
    qos: str
    dropped: int
    stale_after_s: float


class Diagnostics:
    """Fills the two statuses; `state` is None while the node is not active."""

    def __init__(self, statistics: Statistics, faults: FaultLog) -> None:
        self._statistics, self._faults = statistics, faults
        self._known_faults: dict[FaultKind, int] = {}
        self.state: InputState | None = None
        self.refusal = ""
        """Why the node is not what it was told to become, in words."""
        self.forget_model()

    def forget_model(self) -> None:
        """There is no network, or none any more."""
        self.model_id = ""
        self.engine_restarts: Callable[[], int] = lambda: 0

    def input(self, status: Any) -> Any:
        """What comes in: rate, drops, faults, and whether the camera has stopped."""
        level, message = self._input_level()
        status.summary(level, message)
        if self.state is not None:
            status.add("topic", self.state.topic)
            status.add("publishers", str(self.state.publishers))
            status.add("quality of service", self.state.qos)
            status.add("images dropped for newer ones", str(self.state.dropped))
        status.add("images per second", f"{self._statistics.rate(RECEIVED):.1f}")
        status.add(RECEIVED, str(self._statistics.total(RECEIVED)))
        for kind, count in self._faults.counts().items():
            status.add(f"fault: {kind.value}", str(count))
        return status

    def output(self, status: Any) -> Any:
        """What goes out: rate, age, stage timings, memory."""
        rate = self._statistics.rate(PROCESSED)
        status.summary(*self._output_level(rate))
        status.add("model", self.model_id)
        status.add("engine restarts", str(self.engine_restarts()))
        status.add("images per second", f"{rate:.1f}")
        status.add(PROCESSED, str(self._statistics.total(PROCESSED)))
        status.add(WITH_HANDS, str(self._statistics.total(WITH_HANDS)))
        for name, percent in (("age p50", 50), ("age p95", 95)):
            age = self._statistics.percentile_ms(AGE, percent)
            if age is not None:
                status.add(f"{name} (ms)", f"{age:.1f}")
        for stage, duration in self._statistics.medians_ms().items():
            if stage != AGE:
                status.add(f"{stage} (ms)", f"{duration:.2f}")
        status.add("resident memory (MB)", f"{resident_memory_mb():.0f}")
        return status

    def _output_level(self, rate: float) -> tuple[bytes, str]:
        if self.refusal:
            return DiagnosticStatus.ERROR, self.refusal
        if self.state is None:
            return DiagnosticStatus.OK, "not active"
        arrived, answered = (self._statistics.seconds_since(name) for name in (RECEIVED, PROCESSED))
        arriving = arrived is not None and arrived <= self.state.stale_after_s
        if arriving and (answered is None or answered > _LONGEST_WAIT_S):
            since = "yet" if answered is None else f"for {answered:.1f} s"
            return DiagnosticStatus.WARN, f"images arrive, but no result {since}"
        return DiagnosticStatus.OK, f"{rate:.1f} images/s"

    def _input_level(self) -> tuple[bytes, str]:
        counts = self._faults.counts()
        new = [kind for kind, count in counts.items() if count > self._known_faults.get(kind, 0)]
        self._known_faults = counts
        if self.state is None:
            return DiagnosticStatus.OK, "not active"
        silence = self._statistics.seconds_since(RECEIVED)
        if silence is None or silence > self.state.stale_after_s:
            since = "yet" if silence is None else f"for {silence:.1f} s"
            publishers = f"{self.state.publishers} publisher{'' if self.state.publishers == 1 else 's'}"
            return DiagnosticStatus.STALE, f"no image on {self.state.topic} {since} ({publishers})"
        if new:
            return DiagnosticStatus.WARN, "; ".join(kind.value for kind in new)
        return DiagnosticStatus.OK, "images arrive"
