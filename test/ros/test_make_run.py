"""The whole, as `make run` starts it: camera and node as processes, DDS between them, a summary."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

import cv2
from lgnet_ros.msg import Hands
from ros_rig import Rig, wait_for_listeners, wait_until
from sensor_msgs.msg import CameraInfo, Image

from lgnet_ros.errors import UserError
from lgnet_ros.node.running import spinning
from lgnet_ros.node.status.monitor import Monitor

pytestmark = pytest.mark.slow


def start(out: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "lgnet_ros.cli.main", "run", "--out", str(out), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def node_processes() -> set[int]:
    """Process ids of the nodes that this test's processes have started."""
    mine = f"ROS_DOMAIN_ID={os.environ['ROS_DOMAIN_ID']}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"lgnet_ros.node." in command and mine in environment.split(b"\0"):
            found.add(int(folder.name))
    return found


def stamps(messages: list) -> list[int]:
    return [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for message in messages]


def test_a_run_answers_images_with_their_own_stamps_and_ends_clean(rig: Rig, tmp_path: Path) -> None:
    infos = rig.listener.listen(CameraInfo, "camera_info")
    results = rig.listener.listen(Hands, "hands/hands")
    process = start(tmp_path, "--duration", "8", "--json")
    written, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert not node_processes()

    summary = json.loads(written)
    assert summary["seconds"] == pytest.approx(8, abs=3)
    assert 1 <= summary["results"] <= summary["images"]  # on a busy machine a few, elsewhere many
    assert summary["compared_with_truth"] >= 0.9 * summary["results"]
    assert ("WEIGHTS UNTRAINED" in said) == (not summary["trained"])

    assert len(results) >= summary["results"] / 2  # the run may have found its node before this listener did
    assert len(set(stamps(results))) == len(results)
    heard_from = min(stamps(infos))  # the node may have found the camera before this listener did
    assert {stamp for stamp in stamps(results) if stamp >= heard_from} <= set(stamps(infos))
    assert {message.header.frame_id for message in results} == {"camera_optical_frame"}
    assert all(message.calibrated and 0 < message.latency < 20 for message in results)

    video = cv2.VideoCapture(summary["video"])
    assert video.read()[0] and video.get(cv2.CAP_PROP_FRAME_WIDTH) == 640


def test_ctrl_c_ends_a_run_with_status_0_and_no_orphans(rig: Rig, tmp_path: Path) -> None:
    results = rig.listener.listen(Hands, "hands/hands")
    process = start(tmp_path)
    wait_until(lambda: len(results) >= 3, 200)
    assert len(node_processes()) == 2
    process.send_signal(signal.SIGINT)
    written, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert not node_processes()
    assert "images" in written and "Traceback" not in said


def test_a_folder_is_played_once(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(90):
        cv2.imwrite(str(folder / f"{number:03}.jpg"), np.full((120, 160, 3), number, np.uint8))
    process = start(tmp_path / "out", "--source", str(folder), "--json")
    written, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    summary = json.loads(written)
    assert summary["compared_with_truth"] == 0
    assert summary["images"] >= 80 and summary["results"] >= 10  # it was not played while the node loaded
    assert not node_processes()


def test_a_network_that_cannot_be_loaded_ends_the_run_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LGNET_BACKEND", "nonsense")
    process = start(tmp_path, "--duration", "300")
    _, said = process.communicate(timeout=90)
    assert process.returncode == 2 and "lgnet: hands: cannot configure: " in said and "nonsense" in said


def test_an_overlay_that_cannot_be_written_is_said_and_costs_nothing_else(rig: Rig) -> None:
    class Full:
        def add(self, image: np.ndarray, stamp_s: float) -> None:
            raise UserError("overlay.mp4: the disk is full")

    overlays = rig.node.create_publisher(Image, "hands/overlay", 5)
    results = rig.node.create_publisher(Hands, "hands/hands", 5)
    with spinning(lambda: Monitor(Full())) as monitor:
        wait_for_listeners(overlays, results)

        def said():
            overlays.publish(Image(width=4, height=3, encoding="rgb8", step=12, data=bytes(36)))
            return monitor.complaint == "overlay.mp4: the disk is full"

        def counted():
            results.publish(Hands())
            return monitor.tally.results.count

        wait_until(said)
        wait_until(counted)


def test_a_second_hands_node_is_said_to_be_counted_too(rig: Rig) -> None:
    results = [rig.node.create_publisher(Hands, "hands/hands", 5) for _ in range(2)]
    with spinning(lambda: Monitor(None)) as monitor:

        def said(publisher):
            publisher.publish(Hands())
            return "another camera or hands node publishes here, too" in monitor.complaint

        wait_until(lambda: said(results[0]))
        rig.node.destroy_publisher(results.pop())
        wait_until(lambda: monitor.count_publishers("hands/hands") == 1)
        monitor._complained_s = -math.inf
        for _ in range(5):
            said(results[0])
            time.sleep(0.02)
        assert not monitor.complaint


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("/no/such/video.mp4", "lgnet: source '/no/such/video.mp4': no such device, file or folder"),
        # Only the node can tell:
        ("/dev/null", "lgnet: camera_node: source '/dev/null': /dev/null gives no picture"),
    ],
)
def test_a_source_that_is_none_is_one_line_and_status_2(tmp_path: Path, source: str, reason: str) -> None:
    process = start(tmp_path, "--source", source)
    written, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert written == ""
    assert said.splitlines()[-1].startswith(reason)
    assert "Traceback" not in said and not node_processes()
