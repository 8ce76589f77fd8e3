"""The launch files through `ros2 launch`, where a distribution or an overlay brings it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("launch_ros", reason="launch_ros is not installed")
pytest.importorskip("ros2launch", reason="ros2launch is not installed")

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from lgnet_ros.msg import Hands
from ros_rig import wait_until
from tf2_msgs.msg import TFMessage

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


def test_a_bag_that_is_not_there_is_named_before_anything_starts(launch: Launch) -> None:
    process = launch("playback.launch.py", "bag:=/nowhere/bag")
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "bag:=/nowhere/bag: no such bag" in said and "warming up" not in said
