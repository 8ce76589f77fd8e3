"""Anatomical axes and ranges of the fifteen finger joints.

Each joint turns by three angles: flexion (positive: towards the palm), abduction (positive: away from the
middle finger, for the middle finger towards the thumb; for the thumb: away from the palm) and twist about the
bone (positive: pronation, as the thumb does in opposition). They compose as
R = R_flexion · R_abduction · R_twist: the flexion axis stays with the parent, abduction and twist are carried
by it, as a goniometer reads them.

Axes follow from a model's rest joints alone, so that they serve the open hand and MANO alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lgnet_ros.geometry.rotations import rotvec_to_matrix
from lgnet_ros.hand_model.model import HandModel
from lgnet_ros.hand_model.topology import LEFT, MANO_NAMES, SIDES

FINGER_JOINT_NAMES = MANO_NAMES[1:]
FLEXION, ABDUCTION, TWIST = 0, 1, 2

_DEGREE = np.pi / 180.0

# (flexion min, max), (abduction min, max), (twist min, max) in degrees, active range of healthy adults.
# Finger and thumb flexion and extension: American Academy of Orthopaedic Surgeons, "Joint motion: method of
# measuring and recording", 1965, and Hume et al., "Functional range of motion of the joints of the hand", J.
# Hand Surg. 15A, 1990. Abduction of the MCP joints and the thumb's CMC: Lin, Wu, Huang, "Modeling the
# constraints of human hand motion", 2000 (±15°, middle finger near 0), widened for the border fingers by the
# spread angles of Chatzıoğlu et al., Anat. Cell Biol. 57, 2024; CMC: Cooney et al., J. Bone Joint Surg. 63A,
# 1981 (53° flexion-extension, 42° abduction-adduction), counted from our template pose; twist about the bone,
# 17° at the CMC there, is widened to what opposition needs, since none is left to the joints beyond.
_LIMITS_DEGREES = {
    "index_mcp": ((-30, 90), (-15, 25), (-5, 5)),
    "middle_mcp": ((-30, 90), (-12, 12), (-5, 5)),
    "ring_mcp": ((-30, 92), (-15, 20), (-5, 5)),
    "little_mcp": ((-30, 95), (-15, 35), (-8, 8)),
    "index_pip": ((-3, 105), (0, 0), (0, 0)),
    "middle_pip": ((-3, 105), (0, 0), (0, 0)),
    "ring_pip": ((-3, 105), (0, 0), (0, 0)),
    "little_pip": ((-3, 105), (0, 0), (0, 0)),
    "index_dip": ((-8, 80), (0, 0), (0, 0)),
    "middle_dip": ((-8, 80), (0, 0), (0, 0)),
    "ring_dip": ((-8, 80), (0, 0), (0, 0)),
    "little_dip": ((-8, 80), (0, 0), (0, 0)),
    "thumb_cmc": ((-20, 33), (-14, 28), (-10, 25)),
    "thumb_mcp": ((-10, 55), (-8, 12), (-5, 8)),
    "thumb_ip": ((-15, 80), (0, 0), (0, 0)),
}

# (15, 3, 2) rad: joint in MANO's order, [flexion, abduction, twist], [least, greatest].
JOINT_LIMITS = np.array([_LIMITS_DEGREES[name] for name in FINGER_JOINT_NAMES], dtype=np.float64) * _DEGREE

# Which way a positive angle turns about the nail's normal: fingers away from the middle finger; the thumb,
# whose nail faces sideways, away from the palm.
_ABDUCTION_SENSE = {"thumb": 1.0, "index": 1.0, "middle": 1.0, "ring": -1.0, "little": -1.0}

# The thumb's nail faces radially and dorsally: its direction in the palm frame (along the fingers, back,
# towards the thumb's side) before it is made perpendicular to the thumb, some 65° from the other nails.
_THUMB_NAIL = np.array([-0.25, 0.45, 0.85])


@dataclass(frozen=True)
class HandAxes:
    """Unit axes in the template frame of one side, (15, 3) each, joints in MANO's order."""

    flexion_axes: np.ndarray
    abduction_axes: np.ndarray
    twist_axes: np.ndarray


def anatomical_axes(model: HandModel, side: str) -> HandAxes:
    """The axes of the mean shape of one side. Left axes are the right ones mirrored (as pseudo-vectors), so
    that equal angles mean mirrored hands."""
    shape = torch.zeros(10, dtype=model.mean_pose.dtype, device=model.mean_pose.device)
    joints = model.rest_joints(shape, side).cpu().double().numpy()
    tips = model.arrays(side).v_template[model.fingertip_vertices].astype(np.float64)
    flip = np.array([-1.0, 1.0, 1.0]) if SIDES.index(side) == LEFT else np.ones(3)
    axes = axes_from_joints(joints * flip, tips * flip)
    pseudo = -flip if SIDES.index(side) == LEFT else flip
    return HandAxes(*(axis * pseudo for axis in axes))


def rotations_from_angles(angles: Tensor, axes: HandAxes) -> Tensor:
    """(…, 15, 3) angles [flexion, abduction, twist], rad → (…, 15, 3, 3) local rotations. Differentiable."""

    def about(axis: np.ndarray, angle: Tensor) -> Tensor:
        return rotvec_to_matrix(
            angle.unsqueeze(-1) * torch.as_tensor(axis, dtype=angle.dtype, device=angle.device)
        )

    flexion, abduction, twist = angles.unbind(-1)
    turned = about(axes.flexion_axes, flexion) @ about(axes.abduction_axes, abduction)
    return turned @ about(axes.twist_axes, twist)


def axes_from_joints(joints: np.ndarray, tips: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flexion, abduction and twist axes, (15, 3) each, of a right hand in the template frame.

    Args:
        joints: (16, 3) at rest, MANO's order.
        tips: (5, 3) fingertips, thumb to little.
    """
    along, back, radial = _palm_frame(joints)
    flexion, abduction, twist = np.zeros((3, 15, 3))
    for index, name in enumerate(FINGER_JOINT_NAMES):
        finger = name.split("_")[0]
        end = (
            joints[index + 2]
            if index % 3 < 2
            else tips[("thumb", "index", "middle", "ring", "little").index(finger)]
        )
        bone = _unit(end - joints[index + 1])
        thumb_nail = _THUMB_NAIL @ np.stack([along, back, radial])
        nail = thumb_nail if finger == "thumb" else back
        flexion[index] = _unit(np.cross(nail, bone))
        nail = np.cross(bone, flexion[index])
        abduction[index] = nail * _ABDUCTION_SENSE[finger]
        twist[index] = -bone
    return flexion, abduction, twist


def _palm_frame(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orthonormal (along the fingers, out of the back, towards the thumb) of a right hand."""
    wrist, index, middle, little = joints[[0, 1, 4, 7]]
    along = _unit(middle - wrist)
    back = _unit(np.cross(along, index - little))
    return along, back, np.cross(back, along)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
