"""The one record that every data source yields: an image, its camera, and the two hands in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry.cameras import CameraIntrinsics

MASK_BACKGROUND, MASK_RIGHT, MASK_LEFT, MASK_OTHER = 0, 1, 2, 3


@dataclass(frozen=True)
class HandSample:
    """One image and its truth, in the camera's optical frame (x right, y down, z forward), metres and
    radians.

    Axis 0 of every per-hand array is right, left. An absent hand has `presence` False and zeros elsewhere
    (identity rotations), so that every array has one shape.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        intrinsics: the camera; pixel centres are at integer coordinates.
        presence: (2,) bool, whether the hand is in the image.
        vertices: (2, 778, 3) float32, the mesh.
        joints: (2, 21, 3) float32, the joint regressor times the vertices; order of `JOINT_NAMES`.
        rotations: (2, 16, 3, 3) float32, parent-relative, in MANO's order; the root is relative to the
            camera.
        shape: (2, 10) float32, coefficients of the hand model.
        joints_valid: (2, 21) bool, whether a joint's position is known (not whether it is seen).
        mesh_valid: (2,) bool, whether vertices, rotations and shape are known.
        visibility: (2, 21) bool, whether a joint is in the image and not hidden by something nearer.
        mask: (H, W) uint8 or None: 0 background, 1 right, 2 left hand, 3 anything else in front (arms,
            objects).
        depth: (H, W) float32 metres along z or None, 0 where nothing is known.
        key: names the sample within its source.
    """

    image: np.ndarray
    intrinsics: CameraIntrinsics
    presence: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray
    rotations: np.ndarray
    shape: np.ndarray
    joints_valid: np.ndarray
    mesh_valid: np.ndarray
    visibility: np.ndarray
    mask: np.ndarray | None
    depth: np.ndarray | None
    key: str
