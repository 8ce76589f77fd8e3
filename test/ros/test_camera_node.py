"""camera_node as a process: what it publishes over DDS, and how it ends."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

import cv2
import rclpy
from lgnet_ros.msg import Hand, Hands
from rclpy.context import Context
from rclpy.node import Node
from ros_rig import BEST_EFFORT, RELIABLE, Rig, wait_until
from sensor_msgs.msg import CameraInfo, Image

from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.node.status.processes import quoted

Start = Callable[..., subprocess.Popen]


@pytest.fixture
def camera() -> Iterator[Start]:
    """Starts camera_node with parameters, and ends what is still running."""
    processes = []

    def start(**parameters: object) -> subprocess.Popen:
        words = itertools.chain.from_iterable(
            ("-p", f"{name}:={value}") for name, value in parameters.items()
        )
        command = [sys.executable, "-m", "lgnet_ros.node.camera_node", "--ros-args", *words]
        processes.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def two_images(tmp_path: Path) -> Path:
    for number, size in enumerate([(48, 64), (30, 40)]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((*size, 3), (10, 20, 200), np.uint8))
    return tmp_path


def seconds(message: Image | CameraInfo | Hands) -> float:
    return message.header.stamp.sec + message.header.stamp.nanosec * 1e-9


def paired(images: list, others: list) -> list[tuple]:
    """Messages of the same stamp."""
    by_stamp = {seconds(other): other for other in others}
    return [(image, by_stamp[seconds(image)]) for image in images if seconds(image) in by_stamp]


@pytest.mark.slow
@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
def test_the_built_in_scene_comes_with_its_camera_depth_and_truth(
    rig: Rig, camera: Start, reliability: str
) -> None:
    qos = RELIABLE if reliability == "reliable" else BEST_EFFORT
    images = rig.listener.listen(Image, "image_raw", qos)
    infos = rig.listener.listen(CameraInfo, "camera_info", qos)
    depths = rig.listener.listen(Image, "depth", qos)
    truths = rig.listener.listen(Hands, "camera/truth")
    process = camera(reliability=reliability, publish_depth="true", frame_id="eye")
    enough = lambda: len(images) >= 20 and len(truths) >= 20 and len(depths) >= 5  # noqa: E731
    wait_until(lambda: enough() or process.poll() is not None, 120)
    assert process.poll() is None, process.stderr.read()

    image, info = paired(images, infos)[-1]
    assert (image.width, image.height, image.encoding, image.step) == (640, 480, "rgb8", 1920)
    assert (info.width, info.height) == (640, 480) and info.k[0] > 0
    assert image.header.frame_id == info.header.frame_id == "eye"

    with_hands = [pair for pair in paired(images, truths) if pair[1].hands]
    assert with_hands
    for hand in (hand for _, truth in with_hands for hand in truth.hands):
        check_truth(hand, info)

    image, depth = paired(images, depths)[-1]
    assert (depth.encoding, depth.step) == ("32FC1", 4 * 640)


def check_truth(hand: Hand, info: CameraInfo) -> None:
    """The message is at one with itself and with the camera."""
    assert hand.side in (Hand.RIGHT, Hand.LEFT) and hand.scale_source == Hand.SCALE_TRUTH
    joints = hand.joints.reshape(21, 3).astype(np.float64)
    wrist = hand.wrist.position
    assert np.allclose([wrist.x, wrist.y, wrist.z], joints[0], atol=1e-6)
    pixels = joints @ np.reshape(info.k, (3, 3)).T
    assert np.allclose(pixels[:, :2] / pixels[:, 2:], hand.joints_image.reshape(21, 2), atol=0.05)
    quaternions = hand.joint_quaternions.reshape(16, 4)
    assert np.allclose(np.linalg.norm(quaternions, axis=1), 1, atol=1e-5)
    assert np.linalg.norm(hand.vertices.reshape(778, 3) - joints[0], axis=1).max() < 0.3


@pytest.mark.slow
def test_the_rate_is_kept_and_stamps_are_of_now(rig: Rig, camera: Start, two_images: Path) -> None:
    images = rig.listener.listen(Image, "image_raw", RELIABLE)
    camera(source=two_images, rate=20.0)
    wait_until(lambda: len(images) >= 40, 60)
    periods = np.diff([seconds(image) for image in images[5:]])
    assert np.median(periods) == pytest.approx(0.05, abs=0.01)
    assert abs(rig.node.get_clock().now().nanoseconds * 1e-9 - seconds(images[-1])) < 5


@pytest.mark.slow
def test_each_image_of_a_folder_comes_with_a_camera_of_its_own_size(
    rig: Rig, camera: Start, two_images: Path
) -> None:
    images = rig.listener.listen(Image, "image_raw", RELIABLE)
    infos = rig.listener.listen(CameraInfo, "camera_info", RELIABLE)
    camera(source=two_images, rate=10.0, horizontal_fov=90.0)
    wait_until(lambda: len(images) >= 6, 60)
    pairs = paired(images, infos)
    assert {(image.width, image.height) for image, _ in pairs} == {(64, 48), (40, 30)}
    for image, info in pairs:
        assert (info.width, info.height) == (image.width, image.height)
        assert info.k[0] == pytest.approx(image.width / 2)  # the tangent of half of 90 degrees is 1
        assert bytes(image.data[:3]) == bytes([200, 20, 10])


@pytest.mark.slow
def test_a_source_that_ends_ends_the_node_with_status_0(camera: Start, two_images: Path) -> None:
    process = camera(source=two_images, loop="false")
    assert process.wait(timeout=60) == 0
    said = process.stderr.read()
    assert "the source has ended" in said and "no calibration: stating a field of view of 60 degrees" in said


@pytest.mark.slow
def test_a_folder_waits_for_its_spectator(rig: Rig, camera: Start, two_images: Path) -> None:
    early = rig.listener.listen(Image, "image_raw", RELIABLE)
    process = camera(source=two_images, loop="false", wait_for="spectator")
    wait_until(lambda: "camera" in rig.node.get_node_names(), 60)
    time.sleep(1.0)
    assert early == [] and process.poll() is None
    spectator = Rig("spectator")
    try:
        seen = spectator.listener.listen(Image, "image_raw", RELIABLE)
        assert process.wait(timeout=60) == 0
        wait_until(lambda: len(seen) == 2)
    finally:
        spectator.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_with_status_0(
    rig: Rig, camera: Start, two_images: Path, number: signal.Signals
) -> None:
    images = rig.listener.listen(Image, "image_raw", RELIABLE)
    process = camera(source=two_images)
    wait_until(lambda: images, 60)
    process.send_signal(number)
    assert process.wait(timeout=10) == 0
    assert "Traceback" not in process.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"source": "/no/such/file"}, "camera_node: source '/no/such/file': no such device, file or folder"),
        ({"source": 97}, "camera_node: source '97': no camera at /dev/video97; is it plugged in?"),
        ({"rate": "fast"}, "camera_node: rate: must be a number, not a string ('fast')"),
        ({"reliability": "maybe"}, "camera_node: reliability: 'maybe' is none of reliable, best_effort"),
        ({"clip": "dance"}, "camera_node: clip 'dance' is not one of "),
    ],
)
def test_a_mistake_is_one_line_and_status_2(camera: Start, parameters: dict[str, object], line: str) -> None:
    process = camera(**parameters)
    assert process.wait(timeout=60) == 2
    said = [text for text in process.stderr.read().splitlines() if not text.startswith("[")]
    assert len(said) == 1 and said[0].startswith(line)


def test_sides_in_messages_are_numbered_as_everywhere() -> None:
    assert (SIDES[Hand.RIGHT], SIDES[Hand.LEFT]) == ("right", "left")


@pytest.mark.parametrize("text", ["0", "a b.mp4", "Grüße [hd] 'x'.mp4", '😀 \\ ".mp4'])
def test_any_text_reaches_a_node_as_the_text_that_it_is(text: str) -> None:
    context = Context()
    rclpy.init(args=["--ros-args", "-p", f"source:={quoted(text)}"], context=context)
    try:
        node = Node("taker", context=context)
        assert node.declare_parameter("source", "").value == text
        node.destroy_node()
    finally:
        context.try_shutdown()
