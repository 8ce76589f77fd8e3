"""The launch files through `ros2 launch`, where a distribution or an overlay brings it."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("file", ["hands", "multi_camera", "playback"])
def test_arguments_are_described(launch: Launch, file: str) -> None:
    process = launch(f"{file}.launch.py", "--show-args")
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 0 and "no description given" not in said
    assert "weights" in said or file == "multi_camera"


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
def test_every_camera_has_hands_and_frames_of_its_own(rig, launch: Launch) -> None:
    seen = [rig.listener.listen(Hands, f"/camera{k}/hands/hands", counts=lambda m: m.hands) for k in (1, 2)]
    frames = rig.listener.listen(TFMessage, "/tf")
    process = launch("multi_camera.launch.py", "demo:=true")
    wait_until(lambda: all(len(s) >= 3 for s in seen) or process.poll() is not None, 240)
    assert process.poll() is None, process.stdout.read()
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
