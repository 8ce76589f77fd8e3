"""What LGNet is trained towards: the labels of a batch of crops."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Target(NamedTuple):
    """Labels in the crop camera's optical frame; axis 1 is the hand: 0 right, 1 left. Masks: bool or float.

    Whatever a mask excludes may hold anything, NaN included.

    Attributes:
        presence: (B,2) is the hand in the crop?
        vertices: (B,2,778,3) m, in the crop camera (not wrist-relative).
        joints: (B,2,21,3) m, in the crop camera; the hand model's regressor applied to the vertices where
            there are any.
        rotations: (B,2,16,3,3) local rotation matrices.
        shape: (B,2,10).
        joints_valid: (B,2,21) is the joint annotated?
        mesh_valid: (B,2) are vertices, rotations and shape annotated?
        focal_px: (B,) the crop camera's focal length, crop px.
    """

    presence: Tensor
    vertices: Tensor
    joints: Tensor
    rotations: Tensor
    shape: Tensor
    joints_valid: Tensor
    mesh_valid: Tensor
    focal_px: Tensor

    def masks(self) -> tuple[Tensor, Tensor]:
        """Hands with a mesh (B,2) and joints with a place (B,2,21), bool; joints need their wrist too."""
        present = self.presence.bool()
        joints = present[..., None] & self.joints_valid.bool() & torch.isfinite(self.joints).all(-1)
        return present & self.mesh_valid.bool(), joints & joints[..., :1]
