"""What one frame costs beside the network: CPU time of the node's one thread, its outputs on.

One image after the other goes through the node's own processor, pipeline and publishers, in this process and
over real DDS to a listener in another one. CPU time, so that a busy machine does not blur it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image

from lgnet_ros.errors import UserError
from lgnet_ros.node.faults import FaultLog
from lgnet_ros.node.inputs import Sample
from lgnet_ros.node.memory import keep_freed_memory
from lgnet_ros.node.outputs import SIDES, Outputs
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.processing import FrameProcessor
from lgnet_ros.node.qos import use_large_shared_memory
from lgnet_ros.node.running import spinning
from lgnet_ros.node.statistics import Statistics
from lgnet_ros.node.status.processes import module_process, stop_all
from lgnet_ros.pipeline import HandsPipeline
from lgnet_ros.pipeline.records import Frame

_PATIENCE_S = 120.0  # for the listener's process to start
_WARM_UP = 10  # frames
Picture = tuple[Image, CameraInfo]


class TimedPipeline(HandsPipeline):
    """A HandsPipeline that keeps the CPU time (s) of its newest step, and how many hands that saw."""

    seconds = 0.0
    hands = 0

    def step(self, *arguments: Any) -> Frame:
        """See `HandsPipeline.step`."""
        began = time.thread_time()
        frame = super().step(*arguments)
        self.seconds, self.hands = time.thread_time() - began, len(frame.hands)
        return frame


def measure_frame_work(
    pipeline: TimedPipeline, network_s: Callable[[], float], pictures: Iterable[Picture], overlay: bool
) -> dict[str, Any]:
    """CPU time per frame with both hands seen, median and 95 %, ms.

    Args:
        pipeline: whose estimator stands in for the network.
        network_s: CPU time that the estimator has taken so far, cropping included; it is left out.
        pictures: what the camera sends; taken one by one.
        overlay: whether somebody looks at the overlay as well.

    Raises:
        UserError: nobody listens, or no picture showed both hands.
    """
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)  # hears nobody, disturbs nobody
    keep_freed_memory()
    use_large_shared_memory()
    with tempfile.TemporaryDirectory() as logs:
        sink = module_process("status.sink", [f"overlay:={str(overlay).lower()}"], Path(logs))
        try:
            with spinning(lambda: Node("hands")) as node:
                outputs = Outputs(node, {side: pipeline.faces(side) for side in SIDES})
                _wait_for_audience(node, overlay)
                return _measured(pipeline, network_s, pictures, outputs)
        finally:
            stop_all([sink])


def _measured(
    pipeline: TimedPipeline, network_s: Callable[[], float], pictures: Iterable[Picture], outputs: Outputs
) -> dict[str, Any]:
    parameters, now_s = HandsParameters(), 0.0  # the pictures' own clock: they come as fast as they can
    statistics, faults = Statistics(), FaultLog(_fail)
    processor = FrameProcessor(
        pipeline, "benchmark", outputs, lambda: parameters, statistics, faults, lambda: now_s
    )
    rows: list[tuple[float, float, float]] = []
    for number, (image, info) in enumerate(pictures):
        now_s = Time.from_msg(image.header.stamp).nanoseconds * 1e-9
        arrived, spent = serialize_message(image), network_s()
        began = time.thread_time()
        received = deserialize_message(arrived, Image)
        taken = time.thread_time()
        processor.process(Sample(received, None, info, None, time.monotonic()))
        ended, network = time.thread_time(), network_s() - spent
        if number >= _WARM_UP and pipeline.hands == len(SIDES):
            rows.append((taken - began, pipeline.seconds - network, ended - taken - pipeline.seconds))
    if not rows:
        raise UserError("bench: no picture showed both hands")
    stages = 1e3 * np.array(rows)
    return {
        "frames": len(rows),
        "total_p50_ms": _rounded(np.median(stages.sum(axis=1))),
        "total_p95_ms": _rounded(np.percentile(stages.sum(axis=1), 95)),
        "receive_p50_ms": _rounded(np.median(stages[:, 0])),
        "pipeline_p50_ms": _rounded(np.median(stages[:, 1])),
        "decode_and_publish_p50_ms": _rounded(np.median(stages[:, 2])),
    }


def _wait_for_audience(node: Node, overlay: bool) -> None:
    """Until every output has a subscriber.

    Raises:
        UserError: that takes too long.
    """
    end = time.monotonic() + _PATIENCE_S
    silent = {"/hands/overlay"} if not overlay else set()
    while time.monotonic() < end:
        topics = {publisher.topic_name for publisher in node.publishers if "/hands/" in publisher.topic_name}
        if all(node.count_subscribers(topic) for topic in topics - silent):
            return
        time.sleep(0.05)
    raise UserError(f"bench: nobody listened within {_PATIENCE_S:.0f} s")


def _fail(line: str) -> None:
    raise UserError(f"bench: {line}")


def _rounded(value: float) -> float:
    return round(float(value), 3)
