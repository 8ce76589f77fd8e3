"""What two hands are doing, as plain NumPy functions of joints and meshes: no state, no ROS."""

from __future__ import annotations

from lgnet_ros.interaction.contact import SurfaceContact, SurfaceTopology, surface_contact
from lgnet_ros.interaction.grasp import FINGERTIPS, GRASP_CLASSES, Grasp, fingertips, grasp
from lgnet_ros.interaction.keepout import keepout_points
from lgnet_ros.interaction.palm import PalmPose, palm_pose

__all__ = [
    "FINGERTIPS",
    "GRASP_CLASSES",
    "Grasp",
    "PalmPose",
    "SurfaceContact",
    "SurfaceTopology",
    "fingertips",
    "grasp",
    "keepout_points",
    "palm_pose",
    "surface_contact",
]
