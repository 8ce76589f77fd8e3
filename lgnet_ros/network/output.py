"""What LGNet gives."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from lgnet_ros.geometry.rotations import matrix_to_rotvec


class LGNetOutput(NamedTuple):
    """Both hands in the crop camera's optical frame (x right, y down, z forward), float32.

    Axis 1 is the hand: 0 right, 1 left. Joints are our 21 (wrist, thumb to little, base to tip); rotations
    MANO's 16. Meshes are in metres relative to the wrist that the joint regressor finds in the rough mesh;
    `camera_translation` puts them into the crop camera.

    Attributes:
        joints_25d: (B,2,21,3) x, y over the crop and z around the wrist, in heat-map cells (see `heatmap`).
        heatmap_logits: (B,2,21,8,8,8) over z, y, x, before the softmax.
        joints_25d_std: (B,2,21,3) 1 σ of `joints_25d`, cells.
        rotations: (B,2,16,3,3) local rotation matrices; the first turns the hand into the crop camera.
        shape: (B,2,10) coefficients of the hand model.
        camera_translation: (B,2,3) the wrist in the crop camera, m.
        rough_vertices, vertices: (B,2,778,3) M_r and M_f, m.
        rough_joints, joints: (B,2,21,3) the joint regressor applied to them, m.
        relative_translation: (B,3) left wrist − right wrist, m.
        presence_logits: (B,2) is the hand in the crop?
    """

    joints_25d: Tensor
    heatmap_logits: Tensor
    joints_25d_std: Tensor
    rotations: Tensor
    shape: Tensor
    camera_translation: Tensor
    rough_vertices: Tensor
    vertices: Tensor
    rough_joints: Tensor
    joints: Tensor
    relative_translation: Tensor
    presence_logits: Tensor

    @property
    def pose(self) -> Tensor:
        """(B,2,48) the rotations as axis-angle, rad, the model's mean pose included. Never supervised."""
        return matrix_to_rotvec(self.rotations).flatten(-2)
