"""The loop of `lgnet_ros.pipeline.placement.locate`, compiled: a hundred tiny arrays a hand cost NumPy half a
millisecond.
"""

from __future__ import annotations

import math

import numpy as np

from lgnet_ros.jit import exactly

MIN_DEPTH_M, MAX_DEPTH_M = 0.05, 20.0  # nearer no hand is in focus; further it is a pixel or two
_OUTLIER = 3.0  # standard deviations beyond which a joint counts less, the less the further (redescending)
_STEPS = 5  # the closed form, then Gauss–Newton steps with the weights that depths and residuals imply
# The position; a shift in x and one in y of the whole hand in the crop; a zoom about its wrist, as of a hand
# that is nearer: perspective within the hand must not tell the two apart, joints are not that well known.
_UNKNOWNS = 6


def fit_position(
    measured: np.ndarray, std: np.ndarray, joints: np.ndarray, prior: np.ndarray, joint_std_m: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Where the joints have to be put so that the rays meet them; everything in the crop camera's axes.

    Args:
        measured: (N, 2) tangents of the rays. std: (N, 2) their standard deviations.
        joints: (N, 3) m, relative to the position that is looked for. joint_std_m: of them, per axis.
        prior: (6, 6) information on the unknowns.

    Returns:
        The position (3,) m and the normal matrix (6, 6) of the unknowns; None when no position in front of
        the camera fits.
    """
    normal, solution = np.empty((_UNKNOWNS, _UNKNOWNS)), np.zeros(_UNKNOWNS)
    arrays = (np.ascontiguousarray(array, dtype=np.float64) for array in (measured, std, joints, prior))
    found = _fit(*arrays, joint_std_m**2, normal, solution)
    return (solution[:3], normal) if found else None


@exactly
def _fit(
    measured: np.ndarray,
    std: np.ndarray,
    joints: np.ndarray,
    prior: np.ndarray,
    joint_variance: float,
    normal: np.ndarray,
    solution: np.ndarray,
) -> bool:
    """Fills `normal` and `solution`."""
    count = len(measured)
    expected, depths, doubt = measured.copy(), np.ones(count), np.ones((count, 2))
    variance, rays = np.empty((count, 2)), np.empty((count, 2))
    rows = np.empty((count, 2, _UNKNOWNS + 1))  # whitened equations, their right side last
    for step in range(_STEPS):
        for j in range(count):
            for k in range(2):
                of_joint = joint_variance * (1 + expected[j, k] ** 2)
                variance[j, k] = (depths[j] * std[j, k]) ** 2 + of_joint
                mixed = of_joint / variance[j, k] * (measured[j, k] - expected[j, k])
                rays[j, k] = expected[j, k] + mixed
        wrist = (rays[0, 0], rays[0, 1])
        for j in range(count):
            for k in range(2):
                weight, row, ray = 1 / math.sqrt(variance[j, k] * doubt[j, k]), rows[j, k], rays[j, k]
                row[:] = 0.0
                row[k], row[2] = weight, -ray * weight  # how far off the ray
                row[3 + k], row[5] = depths[j] * weight, (ray - wrist[k]) * depths[0] * weight
                if step == 0:
                    target = ray * joints[j, 2] - joints[j, k]
                else:
                    target = solution[k] - ray * solution[2] - depths[j] * (expected[j, k] - measured[j, k])
                row[_UNKNOWNS] = target * weight
        _solve(rows, prior, normal, solution)
        if not (np.isfinite(solution).all() and MIN_DEPTH_M < solution[2] < MAX_DEPTH_M):
            return False
        for j in range(count):
            depths[j] = max(solution[2] + joints[j, 2], MIN_DEPTH_M)
            for k in range(2):
                residual = -rows[j, k, _UNKNOWNS]
                for unknown in range(_UNKNOWNS):
                    residual += rows[j, k, unknown] * solution[unknown]
                doubt[j, k] = max(residual**2 * doubt[j, k] / _OUTLIER**2, 1.0)
                expected[j, k] = (solution[k] + joints[j, k]) / depths[j]
    return True


@exactly
def _solve(rows: np.ndarray, prior: np.ndarray, normal: np.ndarray, solution: np.ndarray) -> None:
    """The least-squares solution (6,) of rows (N, 2, 7) under a prior, by Cholesky; NaN if there is none."""
    normal[:] = prior
    solution[:] = 0.0
    for j in range(len(rows)):
        for k in range(2):
            row = rows[j, k]
            for i in range(_UNKNOWNS):
                solution[i] += row[i] * row[_UNKNOWNS]
                for other in range(_UNKNOWNS):
                    normal[i, other] += row[i] * row[other]
    factor = np.zeros((_UNKNOWNS, _UNKNOWNS))
    for i in range(_UNKNOWNS):
        for other in range(i + 1):
            rest = normal[i, other]
            for k in range(other):
                rest -= factor[i, k] * factor[other, k]
            factor[i, other] = math.sqrt(rest) if i == other else rest / factor[other, other]
    for i in range(_UNKNOWNS):
        for k in range(i):
            solution[i] -= factor[i, k] * solution[k]
        solution[i] /= factor[i, i]
    for i in range(_UNKNOWNS - 1, -1, -1):
        for k in range(i + 1, _UNKNOWNS):
            solution[i] -= factor[k, i] * solution[k]
        solution[i] /= factor[i, i]
