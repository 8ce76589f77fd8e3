"""`HandModel`: both hands of one parametric model, posed by our own linear blend skinning."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lgnet_ros.errors import UserError
from lgnet_ros.geometry.rotations import rotvec_to_matrix
from lgnet_ros.hand_model import skinning
from lgnet_ros.hand_model.arrays import HandArrays
from lgnet_ros.hand_model.mesh import boundary_loop, undirected_edges
from lgnet_ros.hand_model.storage import arrays_from_members, load_arrays
from lgnet_ros.hand_model.topology import (
    JOINT_COUNT,
    MANO_TO_OURS,
    ROTATION_COUNT,
    SHAPE_COUNT,
    SIDES,
    VERTEX_COUNT,
)
from lgnet_ros.paths import weights_directory

OPEN_HAND_FILE = "open_hand.npz"
MANO_FILES = ("MANO_RIGHT.npz", "MANO_LEFT.npz")


class PosedHand(NamedTuple):
    """Hands in the frame of the root rotation, m; with `HandModel.both`, a hand axis (right, left) stands
    before the named axes."""

    vertices: Tensor  # (…, 778, 3)
    joints: Tensor  # (…, 21, 3), our order: the 21-joint regressor applied to the vertices
    chain: Tensor  # (…, 16, 3), MANO's order: centers of rotation of the kinematic tree
    rotations: Tensor  # (…, 16, 3, 3), MANO's order: orientation of each joint against the template


class HandModel(nn.Module):
    """Right and left hand of one model, as a differentiable module without parameters.

    Its arrays are buffers that move with `.to()` and never enter a state dict: weights trained with MANO must
    not carry MANO.

    The frame is MANO's template frame. Right hand: fingers along −x, back of the hand +y, thumb towards +z;
    left hand: its mirror image in x. Pose 0 is the template; the mean pose is part of a pose, never added.
    """

    # Buffers, the side first; see _stacked_buffers.
    _template: Tensor
    _directions: Tensor
    _weights: Tensor
    _joint_template: Tensor
    _joint_directions: Tensor
    _joint_regressor: Tensor
    _mean_pose: Tensor

    def __init__(self, right: HandArrays, left: HandArrays, name: str) -> None:
        super().__init__()
        self.name = name
        self.sha256 = hashlib.sha256(right.digest() + left.digest()).hexdigest()
        self._arrays = (right, left)
        for key, values in _stacked_buffers(right, left).items():
            self.register_buffer(key, torch.from_numpy(np.ascontiguousarray(values)), persistent=False)

    @classmethod
    def load(cls, path: Path | str | None = None) -> HandModel:
        """A model from disk: a right-hand .npz (the left is its mirror image), or a folder that
        `lgnet hand import-mano` wrote. Default: the open hand that ships with the package.

        Raises:
            UserError: nothing there, or not a hand model.
        """
        path = weights_directory() / OPEN_HAND_FILE if path is None else Path(path)
        if path.is_dir():
            return cls.from_mano(path)
        right = load_arrays(path)
        return cls(right, right.mirrored(), path.stem)

    @classmethod
    def from_mano(cls, directory: Path | str) -> HandModel:
        """MANO, from a folder written by `lgnet hand import-mano`.

        Raises:
            UserError: the folder lacks a side, or a file is not a hand model.
        """
        right, left = (load_arrays(Path(directory) / name) for name in MANO_FILES)
        return cls(right, left, "mano")

    @classmethod
    def from_smplx(cls, right_layer: Any, left_layer: Any) -> HandModel:
        """MANO, from two `smplx.MANO` or `smplx.MANOLayer` (their licence: non-commercial research).

        Raises:
            UserError: a layer is not a MANO hand.
        """
        right, left = (
            _smplx_arrays(layer, side) for layer, side in zip((right_layer, left_layer), SIDES, strict=True)
        )
        return cls(right, with_left_shape_signs(left, right), "mano")

    def faces(self, side: str) -> np.ndarray:
        """(1538, 3) int64, wound so that normals point outward for this side."""
        return self._arrays[SIDES.index(side)].f

    def joint_regressor(self, side: str) -> Tensor:
        """(21, 778): vertices → our 21 joints; the tips are the fingertip vertices."""
        return self._joint_regressor[SIDES.index(side)]

    @property
    def fingertip_vertices(self) -> np.ndarray:
        """(5,) vertex indices, thumb to little."""
        return self._arrays[0].fingertip_vertices

    @property
    def nail_vertices(self) -> np.ndarray:
        """(N,) vertex indices of the nails' plates; none in MANO."""
        return self._arrays[0].nail_vertices

    @property
    def edges(self) -> np.ndarray:
        """(E, 2) undirected mesh edges, each once, the same for both sides."""
        return undirected_edges(self._arrays[0].f)

    @property
    def wrist_boundary(self) -> np.ndarray:
        """(16,) vertices of the open loop at the wrist, in order along the right hand's faces."""
        return boundary_loop(self._arrays[0].f)

    @property
    def mean_pose(self) -> Tensor:
        """(2, 45) axis-angle of the model's relaxed pose (MANO's hands_mean), right and left."""
        return self._mean_pose

    def arrays(self, side: str) -> HandArrays:
        """The side's arrays in MANO's layout (NumPy)."""
        return self._arrays[SIDES.index(side)]

    def rest_joints(self, shape: Tensor, side: str) -> Tensor:
        """(…, 10) → (…, 16, 3): the kinematic joints of the unposed hand, MANO's order, m."""
        return self._rest_joints(shape, SIDES.index(side))

    def forward(self, rotations: Tensor, shape: Tensor, side: str) -> PosedHand:
        """Pose one side.

        Args:
            rotations: (…, 16, 3, 3) local rotation matrices or (…, 16, 3) axis-angle, MANO's order, mean pose
                included; the first is the hand's orientation.
            shape: (…, 10).
            side: "right" or "left".
        """
        return self._posed(_as_matrices(rotations), shape, SIDES.index(side))

    def both(self, rotations: Tensor, shape: Tensor) -> PosedHand:
        """Pose right and left at once: rotations (…, 2, 16, 3, 3) or (…, 2, 16, 3), shape (…, 2, 10)."""
        rotations = _as_matrices(rotations)
        right, left = (
            self._posed(rotations[..., side, :, :, :], shape[..., side, :], side) for side in (0, 1)
        )
        return PosedHand(
            torch.stack([right.vertices, left.vertices], dim=-3),
            torch.stack([right.joints, left.joints], dim=-3),
            torch.stack([right.chain, left.chain], dim=-3),
            torch.stack([right.rotations, left.rotations], dim=-4),
        )

    def _rest_joints(self, shape: Tensor, side: int) -> Tensor:
        return (shape @ self._joint_directions[side]).unflatten(
            -1, (ROTATION_COUNT, 3)
        ) + self._joint_template[side]

    def _posed(self, rotations: Tensor, shape: Tensor, side: int) -> PosedHand:
        coefficients = skinning.blend_coefficients(rotations, shape)
        blended = coefficients @ self._directions[side] + self._template[side]  # (…, 3 · 778)
        rest_joints = self._rest_joints(shape, side)
        turned, chain = skinning.kinematic_chain(rotations, rest_joints)
        rest_vertices = blended.unflatten(-1, (3, VERTEX_COUNT))
        vertices = skinning.skin(rest_vertices, self._weights[side], turned, chain, rest_joints)
        vertices = vertices.transpose(-1, -2).contiguous()
        return PosedHand(vertices, self._joint_regressor[side] @ vertices, chain, turned)


def _as_matrices(rotations: Tensor) -> Tensor:
    """(…, 16, 3, 3) as they are; (…, 16, 3) axis-angle converted."""
    return rotations if rotations.shape[-2:] == (3, 3) else rotvec_to_matrix(rotations)


def with_left_shape_signs(left: HandArrays, right: HandArrays) -> HandArrays:
    """Undo the known defect of MANO_LEFT, whose shape directions were stored with the right hand's x.

    Where the two sides' directions agree in x (sum of absolute differences below 1) they should be opposite.
    Idempotent; the test is the one that InterHand2.6M's authors publish.
    """
    if np.abs(left.shapedirs[:, 0] - right.shapedirs[:, 0]).sum() >= 1:
        return left
    mirror = np.array([-1.0, 1.0, 1.0], np.float32)
    return HandArrays(**{**vars(left), "shapedirs": left.shapedirs * mirror[:, None]})


def _smplx_arrays(layer: Any, side: str) -> HandArrays:
    try:
        members = {
            "v_template": layer.v_template,
            "shapedirs": layer.shapedirs,
            "posedirs": layer.posedirs.T.reshape(VERTEX_COUNT, 3, -1),  # smplx keeps (135, 2334)
            "J_regressor": layer.J_regressor,
            "weights": layer.lbs_weights,
            "f": layer.faces_tensor,
            "kintree_table": torch.stack([layer.parents, torch.arange(len(layer.parents))]),
            "hands_mean": layer.hand_mean,
        }
    except (AttributeError, RuntimeError) as error:
        raise UserError(f"the {side} layer is not smplx's MANO ({error})") from None
    plain = {key: value.detach().cpu().numpy() for key, value in members.items()}
    if not layer.flat_hand_mean:
        return arrays_from_members(plain, f"smplx's {side} layer")
    raise UserError(
        f"smplx's {side} layer was made with flat_hand_mean=True, which drops the mean pose; leave it False"
    )


def _stacked_buffers(right: HandArrays, left: HandArrays) -> dict[str, np.ndarray]:
    """Both sides' arrays as the matrices that posing multiplies with, float32, right first.

    Vertices are stored coordinate by coordinate (3, 778), as `skinning.skin` takes them.
    """
    sides = (right, left)
    shape_rows = [side.shapedirs.transpose(2, 1, 0).reshape(SHAPE_COUNT, -1) for side in sides]  # (10, 2334)
    pose_rows = [
        side.posedirs.transpose(2, 1, 0).reshape(-1, 3 * VERTEX_COUNT) for side in sides
    ]  # (135, 2334)
    regressors = [side.J_regressor.astype(np.float64) for side in sides]
    joint_shape = [
        np.einsum("jv,vcs->sjc", regressor, side.shapedirs).reshape(SHAPE_COUNT, -1)
        for regressor, side in zip(regressors, sides, strict=True)
    ]
    buffers = {
        "_template": np.stack([side.v_template.T.reshape(-1) for side in sides]),
        "_directions": np.stack([np.concatenate(rows) for rows in zip(shape_rows, pose_rows, strict=True)]),
        "_weights": np.stack([side.weights.T for side in sides]),
        "_joint_template": np.stack([r @ side.v_template for r, side in zip(regressors, sides, strict=True)]),
        "_joint_directions": np.stack(joint_shape),
        "_joint_regressor": np.stack([_ours(side) for side in sides]),
        "_mean_pose": np.stack([side.hands_mean for side in sides]),
    }
    return {key: value.astype(np.float32) for key, value in buffers.items()}


def _ours(arrays: HandArrays) -> np.ndarray:
    """MANO's 16-joint regressor and the five fingertips as one (21, 778) matrix in our order."""
    tips = np.zeros((5, VERTEX_COUNT), np.float32)
    tips[np.arange(5), arrays.fingertip_vertices] = 1.0
    rows = np.concatenate([arrays.J_regressor, tips])[list(MANO_TO_OURS)]
    assert len(rows) == JOINT_COUNT
    return rows
