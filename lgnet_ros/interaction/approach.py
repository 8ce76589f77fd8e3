"""Where a robot's tool waits in front of a palm, to give something to it or take something from it."""

from __future__ import annotations

import numpy as np

from lgnet_ros.interaction.palm import PalmPose

# The tool looks at the palm: its z is the palm's -z, its x the palm's x (towards the fingers).
_R_PALM_APPROACH = np.diag([1.0, -1.0, -1.0])


def approach_pose(palm: PalmPose, standoff_m: float, rotation_approach_tool: np.ndarray) -> PalmPose:
    """The tool's pose, `standoff_m` out of the palm.

    The approach frame looks at the palm: z against the palm's normal, x from the wrist to the fingers.

    Args:
        palm: of the chosen hand, in the camera's optical frame.
        standoff_m: distance from the palm's origin, along its normal.
        rotation_approach_tool: (3, 3), how the tool is mounted: identity for a gripper that points along
        its z.

    Returns:
        Position (3,) and rotation (3, 3) of the tool in the camera's optical frame.
    """
    position = palm.position + standoff_m * palm.normal
    return PalmPose(position, palm.rotation @ _R_PALM_APPROACH @ rotation_approach_tool)
