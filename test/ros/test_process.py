"""The real node with the real pipeline in a process of its own: quality of service, sizes, start and end."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import subprocess

from diagnostic_msgs.msg import DiagnosticArray
from lgnet_ros.msg import Hands
from ros_rig import BEST_EFFORT, RELIABLE, Camera, hands_process, wait_until
from tf2_msgs.msg import TFMessage

ROOT = Path(__file__).parents[2]
SCRIPTS, PICTURES = ROOT / "scripts", ROOT / "docs/images"
# Any crop may then hold a hand, also for a network that has learned nothing.
SEES_HANDS = ("-p", "weights:=nano", "-p", "presence_enter:=0.05", "-p", "presence_stay:=0.05")


def shoot_until(camera, size, condition, timeout_s=30):
    """Images of that size at 20 Hz until the condition holds."""

    def shot():
        camera.shoot(*size)
        time.sleep(0.05)
        return condition()

    return wait_until(shot, timeout_s)


@pytest.mark.slow
def test_images_of_either_size_arrive_from_either_kind_of_publisher(rig):
    hands = rig.listener.listen(Hands, "/hands/hands")
    frames = rig.listener.listen(TFMessage, "/tf")
    with hands_process(*SEES_HANDS) as process:
        stamps = 0
        for qos in (BEST_EFFORT, RELIABLE):
            for size in ((640, 480), (1280, 720)):
                camera = Camera(rig.node, qos)
                camera.count = stamps
                hands.clear()
                shoot_until(camera, size, lambda: len(hands) >= 3, 60)
                stamps = camera.count + 30
                camera.close()
        assert all(message.calibrated and message.model_id.startswith("lgnet-nano/") for message in hands)
        with_hands = {(m.header.stamp.sec, m.header.stamp.nanosec) for m in hands if m.hands}
        of_frames = {(f.header.stamp.sec, f.header.stamp.nanosec) for t in frames for f in t.transforms}
        assert with_hands <= of_frames
    assert process.returncode == 0
    log = process.stdout.read()
    assert "Traceback" not in log and "ready: lgnet-nano" in log


@pytest.mark.slow
def test_node_without_its_weights_says_so_in_one_line_and_lives(rig):
    with hands_process("-p", "weights:=/nowhere/to_be_found.safetensors") as process:
        wait_until(lambda: any(name == "hands" for name in rig.node.get_node_names()), 30)
        wait_until(lambda: rig.state() == "unconfigured", 30)
        assert process.poll() is None
    log = process.stdout.read()
    assert process.returncode == 0
    assert len([line for line in log.splitlines() if "[ERROR]" in line]) == 1
    assert "cannot configure: " in log and "to_be_found.safetensors" in log and "Traceback" not in log


@pytest.mark.slow
def test_ctrl_c_ends_the_node_while_it_is_still_loading(rig):
    with hands_process("-p", "weights:=full") as process:
        wait_until(lambda: "hands" in rig.node.get_node_names(), 30)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


def refusal(name, *arguments):
    """The one line in which a node says what is wrong with its ROS arguments before it ends."""
    command = [sys.executable, str(SCRIPTS / name), "--ros-args", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    own = [line for line in done.stderr.splitlines() if line.startswith(f"{name}: ")]
    assert (done.returncode, done.stdout, len(own)) == (2, "", 1)
    assert "ROS arguments" in own[0] and "Traceback" not in done.stderr
    return own[0]


@pytest.mark.parametrize("name", ["camera_node", "handover_node", "hands_node"])
@pytest.mark.parametrize(
    "arguments", [("-p", "robot_position:=[0,0.5,1]"), ("--params-file", "/nowhere/to_be_found.yaml")]
)
def test_ros_arguments_that_cannot_be_read_are_named_in_one_line(name, arguments):
    assert arguments[1] in refusal(name, *arguments)


@pytest.mark.parametrize("name", ["camera_node", "handover_node", "hands_node"])
def test_wrong_value_of_a_parameter_of_every_node_is_named_in_one_line(name):
    assert "'use_sim_time' to '5'" in refusal(name, "-p", "use_sim_time:=5")


@pytest.mark.parametrize("name", ["camera_node", "handover_node", "hands_node", "viewer_node"])
def test_ctrl_c_ends_a_node_that_is_still_importing_without_a_word(name):
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS / name)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    maps = Path(f"/proc/{process.pid}/maps")
    wait_until(lambda: "numpy" in maps.read_text(), 30)  # long before there is a node
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "node", "argument", "wait_s"),
    [
        ("camera_node", "camera", "rate:=30.0", 1.0),  # which makes its scene
        ("camera_node", "camera", "source:=" + str(PICTURES), 2.0),
        ("hands_node", "hands", "weights:=nano", 1.0),  # which loads them
        ("hands_node", "hands", "autostart:=false", 2.0),
        ("handover_node", "handover", "hand:=right", 2.0),
    ],
)
def test_an_end_leaves_no_shared_memory_behind(rig, name, node, argument, wait_s):
    """Also one in the middle of the start, soon after others know of the node."""
    of_others = set(Path("/dev/shm").glob("fastdds_*"))
    command = [sys.executable, str(SCRIPTS / name), "--ros-args", "-p", argument]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: node in rig.node.get_node_names(), 60)
    time.sleep(wait_s)
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    segments = {Path(name) for name in re.findall(r"/dev/shm/fastdds_[0-9a-f]{16}\b", maps)} - of_others
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 0 and "Traceback" not in error
    if not segments:
        pytest.skip("no shared memory of Fast DDS here")
    assert not [segment for segment in segments if segment.exists()]


def test_nodes_of_several_cameras_are_told_apart_in_diagnostics(rig):
    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")
    with hands_process("-r", "__ns:=/left_camera", "-p", "autostart:=false"):
        wait_until(lambda: arrays, 30)
    assert {s.name for s in arrays[0].status} == {"hands: left_camera input", "hands: left_camera output"}


def test_missing_module_is_one_line_that_says_what_to_install():
    code = (
        "import sys; sys.modules['cv2'] = None; from lgnet_ros.node.hands_node import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "-m pip install opencv-python-headless" in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1
