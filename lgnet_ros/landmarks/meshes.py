"""Fitted hands as meshes in the camera that took the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.landmarks.articulation import articulation
from lgnet_ros.landmarks.fit import FittedHand
from lgnet_ros.landmarks.kinematics import local_rotations

_BELIEVED = 0.2  # weight from which a landmark's own pixel counts; below it, the model's projection
_UNSEEN = 0.02  # the weight that stands for the doubt about such a projection


@dataclass(frozen=True, eq=False)
class HandMesh:
    """One hand, m, camera's axes.

    vertices (778, 3), joints (21, 3): absolute. rotations: (16, 3, 3) local, the root in the camera. shape:
    (10,). pixels: (21, 2) where the joints are seen in the image. tangent_std: (21,) of that, as a tangent.
    depth_std: (21,) m, of a joint's depth relative to the wrist.
    """

    side: int
    vertices: np.ndarray
    joints: np.ndarray
    rotations: np.ndarray
    shape: np.ndarray
    pixels: np.ndarray
    tangent_std: np.ndarray
    depth_std: np.ndarray


class MeshMaker:
    """Poses a hand model as hands were fitted."""

    def __init__(self, model: HandModel) -> None:
        self._model = model
        self._hands = tuple(articulation(model, side) for side in SIDES)

    def meshes(
        self, hands: Sequence[FittedHand], pixels: Sequence[np.ndarray], camera: CameraIntrinsics
    ) -> list[HandMesh]:
        """One mesh per hand. pixels: of each, its landmarks (21, 2) as they were seen; NaN: not seen."""
        return [self._mesh(hand, seen, camera) for hand, seen in zip(hands, pixels, strict=True)]

    def _mesh(self, hand: FittedHand, seen: np.ndarray, camera: CameraIntrinsics) -> HandMesh:
        rotations = np.empty((16, 3, 3))
        rotations[0] = hand.root
        local_rotations(self._hands[hand.side], hand.angles, rotations, np.empty((len(hand.angles), 3)))
        with torch.no_grad():
            local, shape = torch.from_numpy(rotations).float(), torch.from_numpy(hand.shape).float()
            posed = self._model(local, shape, SIDES[hand.side])
        offset = hand.position - posed.chain[0].double().numpy()
        joints = posed.joints.double().numpy() + offset
        pixels, weight = _joint_pixels(hand, joints, seen, camera)
        rotations[0] = hand.view.rotation_crop_camera.T @ hand.root
        return HandMesh(
            side=hand.side,
            vertices=hand.view.to_camera(posed.vertices.double().numpy() + offset),
            joints=hand.view.to_camera(joints),
            rotations=rotations,
            shape=hand.shape,
            pixels=pixels,
            tangent_std=hand.tangent_std / np.sqrt(weight),
            depth_std=hand.joint_std[:, 2],
        )


def _joint_pixels(
    hand: FittedHand, joints: np.ndarray, seen: np.ndarray, camera: CameraIntrinsics
) -> tuple[np.ndarray, np.ndarray]:
    """Where the joints are seen (21, 2), and how far to believe it (21,).

    A landmark that was believed, moved by what the model has between landmark and joint; else where the model
    projects to.
    """
    expected = camera.project(hand.view.to_camera(joints))
    between = expected - camera.project(hand.view.to_camera(hand.landmarks))
    believed = (hand.weights[:, 0] >= _BELIEVED) & np.isfinite(seen).all(axis=1)
    pixels = np.where(believed[:, None], seen + between, expected)
    return pixels, np.where(believed, hand.weights[:, 0], _UNSEEN)
