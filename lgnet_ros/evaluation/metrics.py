"""The evaluation protocol as pure functions over one image's records.

Definitions (`docs/evaluation.md` has them in words): for each hand, with J = regressor · V and
s = |Jg[9] − Jg[0]| / |Jp[9] − Jp[0]|, the error of a point is ‖(p − Jp[root])·s − (g − Jg[root])‖, for root 0
(the wrist) and root 9 (the middle finger's knuckle). Lengths in metres in, millimetres out.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth
from lgnet_ros.hand_model.topology import JOINT_NAMES, SIDES
from lgnet_ros.interaction.contact import SurfaceTopology, surface_contact
from lgnet_ros.interaction.palm import palm_pose

WRIST, MIDDLE_MCP = JOINT_NAMES.index("wrist"), JOINT_NAMES.index("middle_mcp")
ROOTS = {"wrist": WRIST, "middle_mcp": MIDDLE_MCP}
PCK_LIMIT_MM = 50.0
_MILLIMETRES = 1000.0
_MIRROR = np.diag([-1.0, 1.0, 1.0])


def hand_scale(predicted_joints: np.ndarray, true_joints: np.ndarray) -> float:
    """s: what the predicted palm's length is multiplied by to be the true one; joints (21, 3)."""
    predicted, true = (np.linalg.norm(j[MIDDLE_MCP] - j[WRIST]) for j in (predicted_joints, true_joints))
    return float(true / max(predicted, 1e-9))


def aligned_errors(
    predicted: np.ndarray, true: np.ndarray, predicted_joints: np.ndarray, true_joints: np.ndarray, root: int
) -> np.ndarray:
    """(N,) mm: distances of points (N, 3) of one hand after moving the roots together and scaling the palm's
    length.
    """
    scale = hand_scale(predicted_joints, true_joints)
    difference = (predicted - predicted_joints[root]) * scale - (true - true_joints[root])
    return np.linalg.norm(difference, axis=-1) * _MILLIMETRES


def mpjpe(estimate: HandsEstimate, truth: HandsTruth) -> np.ndarray:
    """(2,) mm: each present hand's mean joint error, wrist root; NaN where there is none."""
    errors = np.full(2, np.nan)
    for side in np.flatnonzero(truth.presence):
        joints = estimate.joints[side], truth.joints[side]
        errors[side] = aligned_errors(*joints, *joints, WRIST).mean()
    return errors


def area_under_pck(errors_mm: np.ndarray) -> float:
    """The PCK curve's mean over 0–50 mm, exactly: the mean of max(0, 1 − error / 50)."""
    return float(np.maximum(0.0, 1.0 - np.asarray(errors_mm) / PCK_LIMIT_MM).mean())


def pck_curve(errors_mm: np.ndarray, thresholds_mm: np.ndarray) -> np.ndarray:
    """The share of errors at most each threshold."""
    ordered = np.sort(np.asarray(errors_mm).ravel())
    return np.searchsorted(ordered, thresholds_mm, side="right") / len(ordered)


def relative_root_error(estimate: HandsEstimate, truth: HandsTruth) -> float | None:
    """MRRPE's summand, mm, unscaled: of the vector from the right wrist to the left; None unless both are
    there.
    """
    if not truth.presence.all():
        return None
    true = truth.joints[1, WRIST] - truth.joints[0, WRIST]
    return float(np.linalg.norm(estimate.relative_translation - true)) * _MILLIMETRES


def is_swapped(estimate: HandsEstimate, truth: HandsTruth) -> np.ndarray:
    """(2,) bool: which present hands were taken for the other side's.

    One hand in the image: the other side was found and its own was not. Two hands, both found: on the image
    plane the two predictions, exchanged, lie nearer to the truth (sum over all joints).
    """
    if truth.presence.sum() == 1:
        side = int(np.flatnonzero(truth.presence)[0])
        return truth.presence & bool(estimate.found[1 - side] and not estimate.found[side])
    if truth.presence.all() and estimate.found.all():
        true = truth.camera.project(truth.joints)
        predicted = truth.camera.project(estimate.placed(estimate.joints))
        straight = np.nansum(np.linalg.norm(predicted - true, axis=-1))
        crossed = np.nansum(np.linalg.norm(predicted[::-1] - true, axis=-1))
        return np.full(2, bool(crossed < straight))
    return np.zeros(2, bool)


def palm_orientation_error(predicted_joints: np.ndarray, true_joints: np.ndarray, side: str) -> float:
    """Degrees between the two palms' frames; joints (21, 3)."""
    predicted, true = palm_pose(predicted_joints, side).rotation, palm_pose(true_joints, side).rotation
    return float(np.degrees(Rotation.from_matrix(predicted.T @ true).magnitude()))


def wrist_position_errors(positions: np.ndarray, truth: HandsTruth) -> np.ndarray:
    """(2,) mm: distances between estimated wrists (2, 3) and true ones; NaN for absent hands."""
    errors = np.linalg.norm(positions - truth.joints[:, WRIST], axis=-1) * _MILLIMETRES
    return np.where(truth.presence, errors, np.nan)


def penetration(
    vertices: np.ndarray, relative_translation: np.ndarray, topologies: tuple[SurfaceTopology, ...]
) -> float:
    """How deep, in mm, one of two hands (2, 778, 3), each relative to its wrist, lies in the other at most.

    Depths beyond some 15 mm, half a palm, are underestimated: `surface_contact` looks no deeper.
    """
    right, left = vertices[0], vertices[1] + relative_translation
    return surface_contact(right, left, *topologies).penetration_m * _MILLIMETRES


def pose_asymmetry(truth: HandsTruth) -> float | None:
    """Mean angle, degrees, between the finger rotations of the right hand and the mirrored left; None unless
    both.

    The quantity over which Fig. 7 of the paper (after EANet) shows errors; 0 for a mirror-symmetric pair.
    """
    if not truth.presence.all():
        return None
    left = _MIRROR @ truth.rotations[1, 1:] @ _MIRROR
    between = Rotation.from_matrix(np.swapaxes(truth.rotations[0, 1:], -1, -2) @ left)
    return float(np.degrees(between.magnitude()).mean())


def jitter(predicted_joints: np.ndarray, true_joints: np.ndarray) -> float:
    """Root mean square of the error's second difference over a clip, mm per frame².

    Args:
        predicted_joints, true_joints: (T, 21, 3) m of one hand in consecutive frames, T >= 3. A constant or
        steadily
            drifting error does not jitter; true motion does not count.
    """
    error = (predicted_joints - true_joints) * _MILLIMETRES
    return float(np.sqrt((np.diff(error, n=2, axis=0) ** 2).sum(axis=-1).mean()))


def topologies_of(hand_model_faces: tuple[np.ndarray, np.ndarray]) -> tuple[SurfaceTopology, ...]:
    """What `penetration` needs of the two hands' faces (right, left)."""
    assert len(hand_model_faces) == len(SIDES)
    return tuple(SurfaceTopology(faces, int(faces.max()) + 1) for faces in hand_model_faces)
