"""The palm's frame: where a robot would place or take something, and from which side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry.vectors import cross
from lgnet_ros.hand_model.topology import JOINT_NAMES

_WRIST = JOINT_NAMES.index("wrist")
_INDEX, _MIDDLE, _RING, _LITTLE = (
    JOINT_NAMES.index(f"{f}_mcp") for f in ("index", "middle", "ring", "little")
)
_CORNERS = np.array([_WRIST, _INDEX, _MIDDLE, _RING, _LITTLE])


@dataclass(frozen=True)
class PalmPose:
    """The palm's frame in the camera's optical frame.

    Axes, for either hand: x from the wrist to the fingers, z out of the palm (away from the back of the hand:
    the approach direction), y = z × x, which is to the little finger on a right hand and to the thumb on a
    left one. The origin is the middle of the wrist and the four knuckles, inside the hand.

    position: (3,) metres. rotation: (3, 3) R_camera_palm, whose columns are the axes.
    """

    position: np.ndarray
    rotation: np.ndarray

    @property
    def normal(self) -> np.ndarray:
        """(3,) unit vector out of the palm, in the camera's frame."""
        return self.rotation[:, 2]


def palm_pose(joints: np.ndarray, side: str) -> PalmPose:
    """The palm's frame from the joints (21, 3) of one hand, metres, camera's optical frame.

    The normal is that of the plane spanned by wrist → middle knuckle and little → index knuckle. A hand
    without extent (all joints in one place) gives the camera's own axes.
    """
    along = joints[_MIDDLE] - joints[_WRIST]
    across = joints[_INDEX] - joints[_LITTLE]
    normal = cross(along, across) if side == "left" else cross(across, along)
    position = joints[_CORNERS].sum(axis=0) / len(_CORNERS)
    length, area = math.hypot(*along.tolist()), math.hypot(*normal.tolist())
    if length < 1e-9 or area < 1e-12:
        return PalmPose(position, np.eye(3))
    x_axis, z_axis = along / length, normal / area
    return PalmPose(position, np.array([x_axis, cross(z_axis, x_axis), z_axis]).T)
