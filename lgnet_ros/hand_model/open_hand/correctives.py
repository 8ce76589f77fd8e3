"""Pose correctives: blend shapes, linear in the joints' rotation matrices, that keep volume at bent joints.

Linear blend skinning moves a vertex between two bones along the chord; turning it by its share of the
rotation moves it along the arc, which is what flesh around a knuckle does, and what volume is still lost
comes back as swelling where the hand bends. For each joint the difference is sampled over the anatomical
range and fitted to the nine entries of R − I (SMPL's pose blend shapes, Loper et al. 2015).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from lgnet_ros.hand_model.anatomy import HandAxes
from lgnet_ros.hand_model.mesh import enclosed_volume, face_normals, vertex_normals
from lgnet_ros.hand_model.topology import MANO_PARENTS, ROTATION_COUNT

_FLEXION_SAMPLES, _OTHER_SAMPLES = 9, 3
# Index, middle, little and ring MCP. A web's vertex belongs to two of them: most often both fingers bend
# together, and then only the palm's part of it lags behind, so that each corrects its part of what both
# together need.
_KNUCKLES = (1, 4, 7, 10)
_MOST_SWELLING = 1.5  # mm
_RIDGE = 0.02  # against large entries where samples hardly differ


def pose_correctives(
    vertices: np.ndarray,
    faces: np.ndarray,
    joints: np.ndarray,
    weights: np.ndarray,
    axes: HandAxes,
    limits: np.ndarray,
) -> np.ndarray:
    """Fit the correctives of all joints.

    Args:
        vertices: (V, 3) template, mm. faces: (F, 3) outward. joints: (16, 3). weights: (V, 16) skinning.
        axes: of the 15 finger joints, template frame.
        limits: (15, 3, 2) rad.

    Returns:
        (V, 3, 135), mm.
    """
    joint_axes = np.stack([axes.flexion_axes, axes.abduction_axes, axes.twist_axes], axis=1)
    fingers = weights[:, [other for knuckle in _KNUCKLES for other in _subtree(knuckle)]].sum(1)
    correctives = np.zeros((len(vertices), 3, 9 * (ROTATION_COUNT - 1)))
    for joint in range(1, ROTATION_COUNT):
        own = weights[:, _subtree(joint)].sum(1)
        share = fingers if joint in _KNUCKLES else own
        moved = np.flatnonzero((own > 1e-3) & (share < 1 - 1e-4))
        rotations = _range_samples(joint_axes[joint - 1], limits[joint - 1])
        arms, part = vertices - joints[joint], (own[moved] / share[moved])[:, None]
        offsets = np.stack([part * _kept_offsets(arms, faces, share, r)[moved] for r in rotations])
        features = (rotations.as_matrix() - np.eye(3)).reshape(len(rotations), 9)
        normal = features.T @ features + _RIDGE * np.eye(9)
        fitted = np.linalg.solve(normal, features.T @ offsets.reshape(len(offsets), -1))
        entries = slice(9 * (joint - 1), 9 * joint)
        correctives[moved, :, entries] = fitted.reshape(9, len(moved), 3).transpose(1, 2, 0)
    return correctives


def _subtree(joint: int) -> list[int]:
    """The joint and everything that it carries: MANO's chains run up to three joints."""
    chain = [joint]
    for other in range(joint + 1, ROTATION_COUNT):
        if MANO_PARENTS[other] in chain:
            chain.append(other)
    return chain


def _range_samples(axes: np.ndarray, limits: np.ndarray) -> Rotation:
    """Rotations over a joint's range: all flexions with each extreme and middle of abduction and twist."""
    flexions = np.linspace(limits[0, 0], limits[0, 1], _FLEXION_SAMPLES)
    others = [np.unique(np.linspace(limit[0], limit[1], _OTHER_SAMPLES)) for limit in limits[1:]]
    angles = np.stack(np.meshgrid(flexions, *others, indexing="ij"), -1).reshape(-1, 3)
    flexion, abduction, twist = (Rotation.from_rotvec(angles[:, i : i + 1] * axes[i]) for i in range(3))
    return flexion * abduction * twist


def _kept_offsets(points: np.ndarray, faces: np.ndarray, share: np.ndarray, rotation: Rotation) -> np.ndarray:
    """Displacement in rest pose (V, 3) after which blending bends the flesh and keeps its volume.

    Args:
        points: (V, 3) relative to the joint, at rest. share: (V,) how far each turns with the joint.
    """
    on_arc = Rotation.from_rotvec(share[:, None] * rotation.as_rotvec()).apply(points)
    swollen = on_arc + _swelling(points, on_arc, faces, share)
    blend = (1 - share)[:, None, None] * np.eye(3) + share[:, None, None] * rotation.as_matrix()
    return np.linalg.solve(blend, swollen[..., None])[..., 0] - points


def _swelling(rest: np.ndarray, bent: np.ndarray, faces: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Outward displacement that gives the bent hand its volume back where it bends: the thenar's bulge.

    The wrist's open ring lies still at finger joints, so that its missing lid cancels in the difference.
    """
    lost = enclosed_volume(rest, faces) - enclosed_volume(bent, faces)
    bending = 4 * share * (1 - share)
    area = np.zeros(len(bent))
    face_areas = np.linalg.norm(face_normals(bent, faces), axis=1) / 2
    np.add.at(area, faces.ravel(), np.repeat(face_areas / 3, 3))
    height = np.clip(lost / (area @ bending), -_MOST_SWELLING, _MOST_SWELLING)
    return height * bending[:, None] * vertex_normals(bent, faces)
