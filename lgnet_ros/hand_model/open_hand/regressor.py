"""The joint regressor: each joint center as a convex combination of few vertices."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

_NEAREST = 60  # candidate vertices of a joint
_SUM_WEIGHT = 100.0  # keeps the combination affine
_SPREAD_WEIGHT = 4.0  # mm: prefers many small weights to few large ones, which would jitter


def joint_regressor(joints: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Fit rows over several hands at once, of many shapes and poses, so that they hold when fingers bend.

    Args:
        joints: (N, J, 3) joint centers of N hands, mm.
        vertices: (N, V, 3) the same hands' meshes; the first is the mean hand at rest.

    Returns:
        (J, V) sparse, non-negative, rows sum to 1.
    """
    regressor = np.zeros((joints.shape[1], vertices.shape[1]))
    for joint in range(joints.shape[1]):
        distances = np.linalg.norm(vertices[0] - joints[0, joint], axis=1)
        chosen = np.argsort(distances, kind="stable")[:_NEAREST]
        regressor[joint, chosen] = _convex_weights(joints[:, joint], vertices[:, chosen])
    return regressor


def _convex_weights(targets: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(N, 3) targets as one convex combination of (N, C, 3) candidates, by non-negative least squares."""
    count = candidates.shape[1]
    equations = candidates.transpose(0, 2, 1).reshape(-1, count) / np.sqrt(len(targets))
    system = np.concatenate([equations, np.full((1, count), _SUM_WEIGHT), _SPREAD_WEIGHT * np.eye(count)])
    wanted = np.concatenate([targets.reshape(-1) / np.sqrt(len(targets)), [_SUM_WEIGHT], np.zeros(count)])
    weights, _ = nnls(system, wanted)
    weights[weights < 0.002] = 0.0
    return weights / weights.sum()
