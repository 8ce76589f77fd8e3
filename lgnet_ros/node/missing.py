"""What to tell a user whose Python lacks a module."""

from __future__ import annotations

import os
import sys

# Import name -> what to install, where the two differ.
_PIP_NAMES = {"cv2": "opencv-python-headless"}


def missing_module_line(error: ModuleNotFoundError) -> str:
    """One line: the module, the interpreter that lacks it, and the command that installs it."""
    name = (error.name or str(error)).split(".")[0]
    start = f"Python module '{error.name}' is missing for {sys.executable}"
    if name.endswith("_msgs") or name in ("rclpy", "rcl_interfaces", "builtin_interfaces"):
        distribution = os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
        return f"{start}: source ROS 2, then sudo apt install ros-{distribution}-{name.replace('_', '-')}"
    if name == "lgnet_ros":
        return f"{start}: build the package with colcon and source its install/setup.bash"
    return f"{start}: {sys.executable} -m pip install {_PIP_NAMES.get(name, name)}"
