"""A node under test with a camera and a listener around it, talking over real DDS.

The node lives in this process under a context (and so a DDS participant) of its own, so that its network
may be replaced by a double; `hands_process` starts the real thing instead.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from hand_frames import random_frame
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from lgnet_ros.node.qos import profile_variable
from lgnet_ros.pipeline.records import Frame
from lgnet_ros.pipeline.settings import PipelineSettings

# Before the first node of this process; see there. Its segment holds what a camera publishes BEST_EFFORT.
os.environ[profile_variable(os.environ)] = str(Path(__file__).with_name("fastdds.xml"))

RELIABLE = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


class PipelineDouble:
    """Stands in for HandsPipeline: every image shows random hands of the sides in `sides`."""

    model_id = "double"

    def __init__(self) -> None:
        self.sides: tuple[str, ...] = ("right", "left")
        self.settings = PipelineSettings()
        self.steps: list[dict[str, Any]] = []
        self.resets = 0
        self.latencies_s: list[float] = []
        self.delay_s = 0.0
        self.error: Exception | None = None
        self._rng = np.random.default_rng(7)

    def step(self, image, intrinsics, stamp_s, depth=None, detections=None) -> Frame:
        time.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        step = {"image": image, "intrinsics": intrinsics, "stamp_s": stamp_s, "depth": depth}
        self.steps.append({**step, "detections": detections, "settings": self.settings})
        frame = random_frame(self._rng, self.sides)
        return Frame(stamp_s, frame.hands, frame.relations, {"total": 1.0}, frame.crops)

    def look_ahead(self, hurried: bool) -> None:
        """Nothing is ever missing."""

    def keepout(self, hand, latency_s, margin_m) -> np.ndarray:
        self.latencies_s.append(latency_s)
        return hand.vertices + np.float32(margin_m)

    def faces(self, side: str) -> np.ndarray:
        return np.random.default_rng(len(side)).integers(0, 778, (1538, 3))

    def reset(self) -> None:
        self.resets += 1


class Listener:
    """Collects what arrives on topics."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.messages: dict[str, list[Any]] = defaultdict(list)

    def listen(
        self,
        kind: type,
        topic: str,
        qos: QoSProfile | int = 50,
        counts: Callable[[Any], bool] = lambda message: True,
    ) -> list[Any]:
        """The list that messages on `topic` are appended to, of those that `counts`."""
        messages = self.messages[topic]

        def keep(message: Any) -> None:
            if counts(message):
                messages.append(message)

        self._node.create_subscription(kind, topic, keep, qos)
        return messages


class Camera:
    """Publishes images and CameraInfo with stamps of its own counting: 30 Hz from `start_s` on, the second
    before the one before its first image.
    """

    def __init__(
        self, node: Node, qos: QoSProfile = RELIABLE, namespace: str = "", frame_id: str = "camera"
    ) -> None:
        prefix = f"{namespace}/" if namespace else ""
        self.node, self.qos = node, qos
        self.images = node.create_publisher(Image, f"{prefix}image_raw", qos)
        self.infos = node.create_publisher(CameraInfo, f"{prefix}camera_info", qos)
        self.frame_id = frame_id
        self.count = 0
        self._first = True

    @functools.cached_property
    def start_s(self) -> int:
        return self.node.get_clock().now().nanoseconds // 1_000_000_000 - 2

    def header_fields(self, message: Any) -> Any:
        message.header.frame_id = self.frame_id
        message.header.stamp.sec = self.start_s + self.count // 30
        message.header.stamp.nanosec = self.count % 30 * 33_333_333
        return message

    def image(self, width: int = 64, height: int = 48, encoding: str = "rgb8", channels: int = 3) -> Image:
        message = Image(width=width, height=height, encoding=encoding, step=width * channels)
        message.data = np.full(height * width * channels, 90, np.uint8).tobytes()
        return self.header_fields(message)

    def info(self, width: int = 64, height: int = 48) -> CameraInfo:
        message = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
        message.k = [float(width), 0.0, width / 2, 0.0, float(width), height / 2, 0.0, 0.0, 1.0]
        return self.header_fields(message)

    def close(self) -> None:
        self.node.destroy_publisher(self.images)
        self.node.destroy_publisher(self.infos)

    def shoot(self, width: int = 64, height: int = 48) -> Image:
        """One CameraInfo and one image, with the next stamp."""
        self.count += 1
        self.infos.publish(self.info(width, height))
        if self._first:  # two topics keep no order between them
            time.sleep(0.1)
        self._first = False
        image = self.image(width, height)
        self.images.publish(image)
        return image


class Rig:
    """The test's own node, with its executor in a thread."""

    def __init__(self, name: str = "rig") -> None:
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = Node(name, context=self.context)
        self.listener = Listener(self.node)
        self._clients: dict[str, Any] = {}
        self._spinner = Spinner(self.node, self.context)

    def close(self) -> None:
        """Leave the graph, and let go of the context: a DDS participant lives as long as it."""
        self._spinner.close()
        self.node.destroy_node()
        self.context.try_shutdown()
        del self.node, self.context, self.listener, self._clients, self._spinner
        gc.collect()

    def call(self, kind: type, name: str, request: Any) -> Any:
        """A service's response."""
        if name not in self._clients:
            self._clients[name] = self.node.create_client(kind, name)
        assert self._clients[name].wait_for_service(timeout_sec=30), f"no service {name}"
        # A service that has not found its client yet does the work and loses the answer.
        wait_until(lambda: all(name in _clients_seen_by(node, self.node) for node in _running))
        time.sleep(0.05)
        for _ in range(1 if kind is ChangeState else 5):  # all but transitions may be asked for again
            future = self._clients[name].call_async(request)
            with contextlib.suppress(AssertionError):
                wait_until(future.done, 15 if kind is ChangeState else 4)
                return future.result()
        raise AssertionError(f"no answer from {name}")

    def transition(self, number: int, node: str = "/hands") -> bool:
        request = ChangeState.Request()
        request.transition.id = number
        return self.call(ChangeState, f"{node}/change_state", request).success

    def state(self, node: str = "/hands") -> str:
        return self.call(GetState, f"{node}/get_state", GetState.Request()).current_state.label

    def set_parameter(self, name: str, value: Any, node: str = "/hands") -> Any:
        """The node's answer: `successful` and `reason`."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        return self.call(SetParameters, f"{node}/set_parameters", request).results[0]


class Spinner:
    """An executor that runs one node in a thread."""

    def __init__(self, node: Node, context: Context) -> None:
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(node)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._executor.shutdown()


_running: list[Any] = []
"""The nodes under test in this process."""


def _clients_seen_by(node: Any, client_node: Node) -> set[str]:
    with contextlib.suppress(NodeNameNonExistentError):
        return {name for name, _ in node.get_client_names_and_types_by_node(client_node.get_name(), "/")}
    return set()


@contextlib.contextmanager
def hands_node_with(
    double: PipelineDouble, monkeypatch: Any, namespace: str = "", **parameters: Any
) -> Iterator[Any]:
    """A HandsNode in this process, spinning, whose pipeline is `double`. Yields the node."""
    from lgnet_ros.node import hands_lifecycle

    monkeypatch.setattr(hands_lifecycle, "load_pipeline", lambda values: (double, double.model_id))
    context = Context()
    rclpy.init(context=context)
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    node = hands_lifecycle.HandsNode(
        context=context, namespace=namespace or None, parameter_overrides=overrides
    )
    node.start_by_itself()
    spinner = Spinner(node, context)
    _running.append(node)
    try:
        yield node
    finally:
        _running.remove(node)
        spinner.close()
        node.end()
        node.destroy_node()
        context.try_shutdown()


@contextlib.contextmanager
def hands_process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The real node in a process of its own; ended by SIGINT, which must end it cleanly."""
    command = [sys.executable, "-m", "lgnet_ros.node.hands_node", "--ros-args", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != profile_variable(os.environ)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def wait_until(condition: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """The condition's first true value; AssertionError after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {timeout_s} s")


def wait_for_listeners(*publishers: Any) -> None:
    """Return when somebody listens to each of them."""
    wait_until(lambda: all(publisher.get_subscription_count() for publisher in publishers))


def connect(node: Any, camera: Camera) -> None:
    """Wait until the node asks the camera for just what it offers: from here on nothing is lost."""

    def subscribed_as_offered(topic: str) -> bool:
        found = camera.node.get_subscriptions_info_by_topic(topic)
        return [info.qos_profile.reliability for info in found] == [camera.qos.reliability]

    def matched() -> bool:
        publishers = (camera.images, camera.infos)
        return all(
            p.get_subscription_count() == 1 and subscribed_as_offered(p.topic_name) for p in publishers
        )

    wait_until(lambda: node._inputs is not None and matched())
    time.sleep(0.05)


def answered(camera, hands):
    """One good image and the message that answers it."""
    stamp = camera.shoot().header.stamp
    return wait_until(lambda: next((m for m in hands if m.header.stamp == stamp), None))


class NodeLog:
    """What the node has logged so far, line by line."""

    def __init__(self, capfd):
        self._capfd, self._text = capfd, ""

    def lines_with(self, text):
        self._text += self._capfd.readouterr().err
        lines = (line.partition("[hands]: ")[2] for line in self._text.splitlines())
        return [line for line in lines if text in line]
