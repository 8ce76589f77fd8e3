"""The launch files through `ros2 launch`, where a distribution or an overlay brings it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("launch_ros", reason="launch_ros is not installed")
pytest.importorskip("ros2launch", reason="ros2launch is not installed")

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from lgnet_ros.msg import Hands
from ros_rig import wait_until
from tf2_msgs.msg import TFMessage

from lgnet_ros.data.synthetic import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_sample

try:
    get_package_prefix("lgnet_ros")
except PackageNotFoundError:
    pytest.skip("lgnet_ros is not installed, so that ros2 launch cannot find it", allow_module_level=True)

Launch = Callable[..., subprocess.Popen]
OF_ONE_CAMERA = {
    *("camera_namespace", "frame_prefix", "frame_id"),  # multi_camera gives each its own
    *("source", "loop"),  # every camera would show the same film
}


@pytest.fixture
def launch() -> Iterator[Launch]:
    """`ros2 launch lgnet_ros FILE ARGUMENT…`, in a process group of its own; what is left is ended."""
    started = []

    def start(*words: str) -> subprocess.Popen:
        command = [shutil.which("ros2"), "launch", "lgnet_ros", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(command, start_new_session=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        process.communicate()


def interrupted(process: subprocess.Popen) -> str:
    """What Ctrl-C in its terminal has left in the log."""
    os.killpg(process.pid, signal.SIGINT)
    return process.communicate(timeout=30)[0]


@pytest.mark.parametrize(("file", "lacks"), [("multi_camera", OF_ONE_CAMERA), ("playback", set())])
def test_every_argument_of_one_camera_is_offered_and_described(
    launch: Launch, file: str, lacks: set[str]
) -> None:
    processes = [launch(f"{name}.launch.py", "--show-args") for name in ("hands", file)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert "no description given" not in "".join(said)
    one, these = (set(re.findall(r"^    '(\w+)':", text, re.MULTILINE)) for text in said)
    assert "weights" in one and one - these == lacks


@pytest.mark.slow
def test_one_command_shows_hands_and_ends_without_a_word(rig, launch: Launch) -> None:
    seen = rig.listener.listen(Hands, "/hands/hands", counts=lambda message: message.hands)
    frames = rig.listener.listen(TFMessage, "/tf")
    process = launch("hands.launch.py", "demo:=true")
    wait_until(lambda: (len(seen) >= 5 and frames) or process.poll() is not None, 180)
    assert process.poll() is None, process.stdout.read()
    log = interrupted(process)
    assert process.returncode == 0 and "Traceback" not in log and "ready: lgnet-nano" in log


@pytest.mark.slow
def test_every_camera_has_hands_frames_and_handovers_of_its_own(rig, launch: Launch) -> None:
    seen = [rig.listener.listen(Hands, f"/camera{k}/hands/hands", counts=lambda m: m.hands) for k in (1, 2)]
    frames = rig.listener.listen(TFMessage, "/tf")
    process = launch("multi_camera.launch.py", "demo:=true", "handover:=true")
    wait_until(lambda: all(len(s) >= 3 for s in seen) or process.poll() is not None, 240)
    assert process.poll() is None, process.stdout.read()
    nodes = rig.node.get_node_names_and_namespaces()
    assert {("handover", "/camera1"), ("handover", "/camera2")} <= set(nodes)
    assert "Traceback" not in interrupted(process)
    children = {t.child_frame_id for message in frames for t in message.transforms}
    assert {name.split("_")[0] for name in children} == {"camera1", "camera2"}


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Two seconds of images at 15 Hz on /camera/image_raw."""
    pytest.importorskip("rosbags", reason="rosbags is not installed")
    from lgnet_ros.data.bag import write_bag

    samples = [render_sample(0, 0, SyntheticSettings(split="test"))] * 30
    write_bag(((k / 15, sample) for k, sample in enumerate(samples)), tmp_path / "bag")
    return tmp_path / "bag"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bag:=/nowhere/bag"], "bag:=/nowhere/bag: no such bag"),
        (["bag:={folder}"], "no bag, for lack of a metadata.yaml"),
        (["bag:={bag}"], "no images on /image_raw; there are /camera/depth, /camera/image_raw: choose with"),
        (
            ["bag:={bag}", "image:=/camera/image_raw", "bag_rate:=fast"],
            "bag_rate:=fast: must be a number above 0",
        ),
        (
            ["bag:={bag}", "image:=/camera/image_raw", "image_transport:=compressed"],
            "image_transport:=compressed: the images on /camera/image_raw are raw",
        ),
    ],
)
def test_what_cannot_be_played_is_named_before_anything_starts(
    launch: Launch, bag: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    process = launch("playback.launch.py", *(a.format(bag=bag, folder=tmp_path) for a in arguments))
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert words in said and "warming up" not in said


@pytest.mark.slow
def test_of_a_bag_with_compressed_images_only_these_are_looked_at(
    rig, launch: Launch, bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = (bag / "metadata.yaml").read_text()
    said = said.replace("/camera/image_raw", "/camera/image_raw/compressed")
    (bag / "metadata.yaml").write_text(
        said.replace("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
    )
    found = tmp_path / "share" / "ament_index" / "resource_index" / "packages" / "ros2bag"
    found.parent.mkdir(parents=True)
    found.touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path}:{os.environ['AMENT_PREFIX_PATH']}")
    player = tmp_path / "ros2"  # in place of one that may not be installed: it plays nothing
    player.write_text(f'#!/bin/sh\n[ "$1" = bag ] && exec sleep 600\nexec {shutil.which("ros2")} "$@"\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    process = launch("playback.launch.py", f"bag:={bag}", "image:=/camera/image_raw")
    topics = ["/camera/image_raw", "/camera/image_raw/compressed"]

    def looked_at() -> list[str]:
        return [topic for topic in topics if rig.node.count_subscribers(topic)]

    wait_until(lambda: looked_at() or process.poll() is not None, 240)
    assert process.poll() is None, process.stdout.read()
    assert looked_at() == topics[1:]


@pytest.mark.slow
def test_a_bag_is_played_to_its_end_on_its_own_clock(rig, launch: Launch, bag: Path) -> None:
    try:
        get_package_prefix("ros2bag")
    except PackageNotFoundError:
        pytest.skip("ros2bag is not installed")
    seen = rig.listener.listen(Hands, "/hands/hands")
    topics = ("image:=/camera/image_raw", "camera_info:=/camera/camera_info")
    process = launch("playback.launch.py", f"bag:={bag}", *topics)
    said = process.communicate(timeout=240)[0]
    assert process.returncode == 0 and "Traceback" not in said
    stamps = [round((m.header.stamp.sec + m.header.stamp.nanosec * 1e-9) * 15) for m in seen]
    assert len(seen) > 2 and stamps == sorted(set(stamps)) and stamps[-1] == 29  # on a slow machine, few
    assert all(message.latency < 5 for message in seen)
