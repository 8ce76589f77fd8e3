"""Every node answers what ros2 param and rqt ask of it, and goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
import numpy as np
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter
from ros_rig import wait_until

NODES = {
    "camera": ("camera_node", "rate"),
    "hands": ("hands_node", "device"),
    "handover": ("handover_node", "hand"),
}
"""Name: module and one of its parameters."""


@pytest.fixture(params=NODES)
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A node as a process; a camera that shows one picture, hands that wait to be configured."""
    cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((24, 32, 3), np.uint8))
    values = {"camera": ["-p", f"source:={tmp_path}"], "hands": ["-p", "autostart:=false"], "handover": []}
    module = f"lgnet_ros.node.{NODES[request.param][0]}"
    command = [sys.executable, "-m", module, "--ros-args", *values[request.param]]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    yield request.param
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert "Traceback" not in said, said


def test_parameters_are_listed_described_read_and_refused(rig, node: str) -> None:
    def ask(kind: type, service: str, **fields: object) -> object:
        client = rig.node.create_client(kind, f"/{node}/{service}")
        assert client.wait_for_service(60), f"no service {service}"
        future = client.call_async(kind.Request(**fields))
        wait_until(future.done)
        return future.result()

    name = NODES[node][1]
    assert name in ask(ListParameters, "list_parameters").result.names
    (described,) = ask(DescribeParameters, "describe_parameters", names=[name]).descriptors
    assert described.description
    (value,) = ask(GetParameters, "get_parameters", names=[name]).values
    assert value.type == described.type
    wrong = Parameter(name, value=[True]).to_parameter_msg()
    (result,) = ask(SetParameters, "set_parameters", parameters=[wrong]).results
    assert not result.successful and result.reason
    assert ask(GetParameters, "get_parameters", names=[name]).values == [value]
