"""One side of a hand model as the fit sees it: 21 joints as functions of 27 angles, the shape and the root.

The joints are exactly the model's own, regressor times posed vertices. A vertex is moved by bones and a joint
is a weighted sum of vertices, so a joint is a sum over the few bones j that move its vertices:

    joint_i = Σ_j R_j o_ij + w_ij c_j,    o_ij linear in the shape and in the pose correctives,

with R_j and c_j the bone's orientation and center. Some fifty such pairs replace 778 vertices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.anatomy import JOINT_LIMITS, anatomical_axes
from lgnet_ros.hand_model.topology import LEFT, OURS_ROTATION, SIDES

FREEDOMS = np.argwhere(JOINT_LIMITS[..., 1] > JOINT_LIMITS[..., 0])
"""(27, 2): row of the angles (15, 3) and axis of every angle that can move."""

FREEDOM_COUNT = len(FREEDOMS)
ANGLE_LIMITS = JOINT_LIMITS[FREEDOMS[:, 0], FREEDOMS[:, 1]]
"""(27, 2) rad, least and greatest."""

_LEAST_WEIGHT = 1e-6


class Articulation(NamedTuple):
    """Arrays for the compiled loops; float64 and int64, template frame, m. P pairs of joint and bone.

    pair_joint, pair_bone, pair_weight: (P,) i, j and w_ij. pair_offset (P, 3), pair_shape (P, 3, 10),
    pair_pose (P, 3, 135): o_ij at the mean shape, per unit of shape and of the 15 rotations minus identity.
    rest (16, 3), rest_shape (16, 3, 10): centers of the unposed bones. axes (27, 3): of each angle, unit.
    freedom_bone (27,): the bone, 1 to 15, that it turns.
    """

    pair_joint: np.ndarray
    pair_bone: np.ndarray
    pair_weight: np.ndarray
    pair_offset: np.ndarray
    pair_shape: np.ndarray
    pair_pose: np.ndarray
    rest: np.ndarray
    rest_shape: np.ndarray
    axes: np.ndarray
    freedom_bone: np.ndarray


def articulation(model: HandModel, side: str, offsets: np.ndarray | None = None) -> Articulation:
    """The side's joints, factored over its bones.

    offsets: (21, 3) m, added to the joints in the axes of their bones at rest: landmarks that are not quite
    the joints. Of the right hand; mirrored for the left.
    """
    arrays = model.arrays(side)
    regressor = model.joint_regressor(side).double().cpu().numpy()  # (21, 778)
    skinning = arrays.weights.astype(np.float64)
    rest = arrays.J_regressor.astype(np.float64) @ arrays.v_template
    rest_shape = np.einsum("jv,vck->jck", arrays.J_regressor.astype(np.float64), arrays.shapedirs)
    weight = regressor @ skinning  # (21, 16)
    joint, bone = np.nonzero(np.abs(weight) > _LEAST_WEIGHT)
    shares = regressor[joint] * skinning[:, bone].T  # (P, 778)
    pair_weight = weight[joint, bone]
    axes = anatomical_axes(model, side)
    stacked = np.stack([axes.flexion_axes, axes.abduction_axes, axes.twist_axes], axis=1)  # (15, 3, 3)
    hand = Articulation(
        pair_joint=joint.astype(np.int64),
        pair_bone=bone.astype(np.int64),
        pair_weight=pair_weight,
        pair_offset=shares @ arrays.v_template - pair_weight[:, None] * rest[bone],
        pair_shape=_weighted(shares, arrays.shapedirs) - pair_weight[:, None, None] * rest_shape[bone],
        pair_pose=_weighted(shares, arrays.posedirs),
        rest=rest,
        rest_shape=rest_shape,
        axes=np.ascontiguousarray(stacked[FREEDOMS[:, 0], FREEDOMS[:, 1]], dtype=np.float64),
        freedom_bone=FREEDOMS[:, 0] + 1,
    )
    if offsets is None:
        return hand
    return _displaced(hand, offsets * ((-1.0, 1.0, 1.0) if SIDES.index(side) == LEFT else 1.0))


def full_angles(angles: np.ndarray) -> np.ndarray:
    """(…, 27) angles that can move → (…, 15, 3) [flexion, abduction, twist], the others 0."""
    full = np.zeros((*angles.shape[:-1], *JOINT_LIMITS.shape[:2]))
    full[..., FREEDOMS[:, 0], FREEDOMS[:, 1]] = angles
    return full


def free_angles(angles: np.ndarray) -> np.ndarray:
    """(…, 15, 3) → (…, 27)."""
    return angles[..., FREEDOMS[:, 0], FREEDOMS[:, 1]]


def _weighted(shares: np.ndarray, directions: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.einsum("pv,vck->pck", shares, directions.astype(np.float64)))


def _displaced(hand: Articulation, offsets: np.ndarray) -> Articulation:
    """One more pair per joint, which moves with its bone and carries none of the joint's weight."""
    count = len(offsets)
    return hand._replace(
        pair_joint=np.concatenate([hand.pair_joint, np.arange(count)]),
        pair_bone=np.concatenate([hand.pair_bone, np.array(OURS_ROTATION, dtype=np.int64)]),
        pair_weight=np.concatenate([hand.pair_weight, np.zeros(count)]),
        pair_offset=np.concatenate([hand.pair_offset, offsets]),
        pair_shape=np.concatenate([hand.pair_shape, np.zeros((count, 3, 10))]),
        pair_pose=np.concatenate([hand.pair_pose, np.zeros((count, 3, 135))]),
    )
