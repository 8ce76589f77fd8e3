"""Rotations, camera models and virtual-camera crops: what every floor shares. No ROS, no files."""

from __future__ import annotations

from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.crops import APART, CropCamera, box_around, upright_roll

__all__ = ["APART", "CameraIntrinsics", "CropCamera", "box_around", "upright_roll"]
