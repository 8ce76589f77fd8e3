"""The node's speed from image to message: camera_node and hands_node as processes, and a listener."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo

from lgnet_ros.errors import UserError
from lgnet_ros.msg import Hands
from lgnet_ros.node.model_id import is_untrained
from lgnet_ros.node.qos import use_large_shared_memory
from lgnet_ros.node.running import spinning
from lgnet_ros.node.status.processes import Child, module_process, quoted, stop_all
from lgnet_ros.node.status.tally import percentile

_FIRST_RESULT_S = 300.0  # loading, and the first conversion on a slow machine
_SETTLE_S = 3.0  # acquisition, first compilations, discovery
_LOOK_PERIOD_S = 0.1
_REFUSED = "cannot configure"  # the node says so, and waits
_ROS_WORK, _MEMORY = "ROS work (ms)", "resident memory (MB)"


TRUTH = "truth"
"""As weights: the truth of the demo camera's scene in place of a network."""


@dataclass(frozen=True)
class NodeCase:
    """What runs.

    weights, precision, estimator: as hands_node's parameters; weights may be TRUTH. width, height, source:
    the demo camera's. seconds: for how long. everything: whether every output is subscribed to.
    """

    weights: str
    width: int
    height: int
    seconds: float = 12.0
    precision: str = "auto"
    estimator: str = "lgnet"
    source: str = ""
    everything: bool = False


class Listener(Node):
    """Counts and keeps; `reset` begins anew. Subscribes to nothing that costs the node work.

    images, hands: counted. ages_ms, arrivals_s: of every result. values: of the newest diagnostics.
    """

    def __init__(self) -> None:
        super().__init__("bench")
        everything = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        self.create_subscription(CameraInfo, "camera_info", self._on_info, everything)
        self.create_subscription(Hands, "hands/hands", self._on_hands, everything)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, everything)
        self.model_id = ""
        self.values: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """Forget what was counted."""
        self.images = self.hands = 0
        self.ages_ms: list[float] = []
        self.arrivals_s: list[float] = []

    def _on_info(self, _: CameraInfo) -> None:
        self.images += 1

    def _on_hands(self, message: Hands) -> None:
        self.ages_ms.append(message.latency * 1e3)
        self.arrivals_s.append(time.monotonic())
        self.hands += len(message.hands)
        self.model_id = message.model_id

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.values.update({pair.key: pair.value for pair in status.values})


def measure_node(case: NodeCase) -> dict[str, Any]:
    """One row of `lgnet bench`'s node table. Age: from an image's stamp to the result's publication.

    Raises:
        UserError: a process failed, or no result came; the message is its own.
    """
    with tempfile.TemporaryDirectory() as logs, running(case, Path(logs)) as (children, listener):
        started = time.monotonic()
        wait(children, case.seconds)
        return _row(case, listener, time.monotonic() - started)


@contextlib.contextmanager
def running(case: NodeCase, logs: Path) -> Iterator[tuple[list[Child], Listener]]:
    """The processes (the node that sees hands is the first), settled, and a listener that counts from now on.

    Raises:
        UserError: a process failed, or no result came; the message is its own.
    """
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)  # hears nobody, disturbs nobody
    use_large_shared_memory()
    told = case.weights == TRUTH
    names = ("precision", "estimator") if told else ("weights", "precision", "estimator")
    hands = [f"{name}:={getattr(case, name)}" for name in names]
    camera = [f"width:={case.width}", f"height:={case.height}", f"source:={quoted(case.source)}"]
    children = [
        module_process("truth_node" if told else "hands_node", hands, logs),
        module_process("camera_node", camera, logs),
    ]
    if case.everything:
        children.append(module_process("status.sink", [], logs))
    try:
        with spinning(Listener) as listener:
            wait(children, _FIRST_RESULT_S, listener)
            wait(children, _SETTLE_S)
            listener.reset()
            yield children, listener
    finally:
        stop_all(children)


def _row(case: NodeCase, listener: Listener, seconds: float) -> dict[str, Any]:
    results = len(listener.ages_ms)
    return {
        "resolution": f"{case.width}x{case.height}",
        "estimator": case.estimator,
        "variant": case.weights if case.estimator == "lgnet" else case.estimator,
        "precision": case.precision,
        "fps_in": round(listener.images / seconds, 1),
        "fps_out": round(results / seconds, 1),
        "age_p50_ms": _rounded(percentile(listener.ages_ms, 50)),
        "age_p95_ms": _rounded(percentile(listener.ages_ms, 95)),
        "ros_work_p50_ms": _number(listener.values.get(_ROS_WORK)),
        "rss_mb": _number(listener.values.get(_MEMORY)),
        "hands_per_frame": round(listener.hands / results, 2) if results else None,
        "trained": not is_untrained(listener.model_id),
        "stages_p50_ms": {
            key.removeprefix("pipeline: ").removesuffix(" (ms)"): float(value)
            for key, value in listener.values.items()
            if key.startswith("pipeline: ")
        },
    }


def wait(children: list[Child], seconds: float, until_result: Listener | None = None) -> None:
    """Wait so long, or until the first result.

    Raises:
        UserError: a process has ended, or the result does not come.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for child in children:
            if child.status is not None or (until_result is not None and _REFUSED in child.last_words()):
                raise UserError(f"bench: {child.last_words()}")
        if until_result is not None and until_result.ages_ms:
            return
        time.sleep(_LOOK_PERIOD_S)
    if until_result is not None:
        words = "; ".join(child.last_words() for child in children)
        raise UserError(f"bench: no result after {seconds:.0f} s; {words}")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
