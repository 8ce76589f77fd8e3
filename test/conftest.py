"""What all tests share: a ROS graph of their own, one thread per library, `test/support`, slow tests last."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

# Set before anything imports rclpy or torch, and inherited by the processes that tests start. Several
# processes of pytest (xdist, another checkout) must not hear each other; up to 101 the ports are free.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_LOG_DIR"] = tempfile.mkdtemp(prefix="lgnet_ros_log_")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Converting a network for OpenVINO takes half a minute; the tests of OpenVINO ask for it.
os.environ.setdefault("LGNET_BACKEND", "torch")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests run last, so that what is quickly broken is quickly seen."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
