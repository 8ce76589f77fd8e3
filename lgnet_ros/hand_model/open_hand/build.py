"""Puts the open hand together."""

from __future__ import annotations

import numpy as np
import torch

from lgnet_ros.hand_model import skinning
from lgnet_ros.hand_model.anatomy import JOINT_LIMITS, HandAxes, axes_from_joints, rotations_from_angles
from lgnet_ros.hand_model.arrays import HandArrays
from lgnet_ros.hand_model.open_hand.correctives import pose_correctives
from lgnet_ros.hand_model.open_hand.regressor import joint_regressor
from lgnet_ros.hand_model.open_hand.shape_space import sample_hands, shape_components
from lgnet_ros.hand_model.open_hand.template import build_template
from lgnet_ros.hand_model.open_hand.tubes import nail_vertices
from lgnet_ros.hand_model.open_hand.weights import skinning_weights

# From (distal, dorsal, radial) in mm to MANO's axes: fingers along −x, back +y, thumb's side +z.
_TO_TEMPLATE = np.array([-1.0, 1.0, 1.0])
_MILLIMETRE = 1e-3
_REGRESSION_SHAPES, _REGRESSION_POSES = 24, 36
_SEED = 778

# Flexion of a hand at ease, degrees: MCP, PIP, DIP; thumb: CMC, MCP, IP.
_RELAXED = {
    "index": (18, 22, 10),
    "middle": (22, 26, 12),
    "ring": (25, 28, 13),
    "little": (27, 28, 13),
    "thumb": (5, 8, 12),
}


def build_open_hand() -> HandArrays:
    """Generate the right open hand; the same arrays each time, bit for bit with the same library versions."""
    template = build_template()
    hands, hand_joints = (samples * _TO_TEMPLATE for samples in sample_hands(template))
    mean = template.vertices * _TO_TEMPLATE
    joints = template.surface.skeleton.joints() * _TO_TEMPLATE
    axes = HandAxes(*axes_from_joints(joints, template.surface.skeleton.tips() * _TO_TEMPLATE))
    faces = template.faces[:, [0, 2, 1]]  # the change of axes is a reflection
    weights = skinning_weights(template)
    posedirs = pose_correctives(mean, faces, joints, weights, axes, JOINT_LIMITS)
    posed, posed_joints = _posed_samples(mean, joints, weights, posedirs, axes)
    regressor = joint_regressor(
        np.concatenate([joints[None], hand_joints[:_REGRESSION_SHAPES], posed_joints]),
        np.concatenate([mean[None], hands[:_REGRESSION_SHAPES], posed]),
    )
    return HandArrays(
        v_template=mean * _MILLIMETRE,
        shapedirs=shape_components(mean, hands) * _MILLIMETRE,
        posedirs=posedirs * _MILLIMETRE,
        J_regressor=regressor,
        weights=weights,
        f=faces,
        hands_mean=_relaxed_pose(axes),
        hands_components=np.eye(45),
        fingertip_vertices=np.array([rows.stop - 1 for rows in template.tubes.values()]),
        nail_vertices=np.concatenate(
            [rows.start + nail_vertices(name) for name, rows in template.tubes.items()]
        ),
    )


def _posed_samples(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, posedirs: np.ndarray, axes: HandAxes
) -> tuple[np.ndarray, np.ndarray]:
    """(P, 778, 3) and (P, 16, 3): the mean hand in random poses within the joints' ranges."""
    rng = np.random.default_rng(_SEED)
    angles = rng.uniform(JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1], (_REGRESSION_POSES, 15, 3))
    local = rotations_from_angles(torch.from_numpy(angles), axes)
    local = torch.cat([torch.eye(3, dtype=local.dtype).expand(len(local), 1, 3, 3), local], dim=1)
    feature = skinning.blend_coefficients(local, local.new_zeros(len(local), 0)).numpy()
    rest = torch.from_numpy(vertices.T + np.einsum("vcp,np->ncv", posedirs, feature))
    rest_joints = torch.from_numpy(joints).expand(len(local), -1, -1)
    turned, chain = skinning.kinematic_chain(local, rest_joints)
    posed = skinning.skin(rest, torch.from_numpy(weights.T), turned, chain, rest_joints)
    return posed.transpose(1, 2).numpy(), chain.numpy()


def _relaxed_pose(axes: HandAxes) -> np.ndarray:
    """(45,) axis-angle of the relaxed hand, what MANO calls hands_mean."""
    flexion = np.concatenate([_RELAXED[name] for name in ("index", "middle", "little", "ring", "thumb")])
    return (np.radians(flexion)[:, None] * axes.flexion_axes).ravel()
