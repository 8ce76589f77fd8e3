"""Rotation vectors and matrices in NumPy, for the hot path: scipy's `Rotation` takes five times as long on 16
of them, most of it to check that a matrix is a rotation.
"""

from __future__ import annotations

import numpy as np


def rotation_vectors(matrices: np.ndarray) -> np.ndarray:
    """(N, 3) rotation vectors, rad, of rotations (N, 3, 3); stable at no turn and at half a turn.

    By way of the quaternion whose largest component is computed first (Shepperd, 1978).
    """
    m = matrices
    trace = np.trace(m, axis1=1, axis2=2)
    diagonal = np.stack([m[:, 0, 0], m[:, 1, 1], m[:, 2, 2], trace], axis=1)
    quaternions = np.empty((len(m), 4))
    for largest in range(4):
        rows = np.flatnonzero(diagonal.argmax(axis=1) == largest)
        if len(rows):
            quaternions[rows] = _quaternions(m[rows], trace[rows], largest)
    quaternions *= np.where(quaternions[:, 3:] < 0, -1.0, 1.0)
    sine = np.sqrt((quaternions[:, :3] ** 2).sum(axis=1))  # of half the angle, times the length
    angle = 2 * np.arctan2(sine, quaternions[:, 3])
    factor = np.where(sine > 1e-10, angle / np.maximum(sine, 1e-10), 2 / np.maximum(quaternions[:, 3], 1e-10))
    return quaternions[:, :3] * factor[:, None]


def rotation_matrices(vectors: np.ndarray) -> np.ndarray:
    """(N, 3, 3) rotations of rotation vectors (N, 3), rad (Rodrigues' formula)."""
    angle = np.sqrt((vectors**2).sum(axis=1))
    small = angle < 1e-4
    safe = np.where(small, 1.0, angle)
    sine = np.where(small, 1 - angle**2 / 6, np.sin(safe) / safe)
    cosine = np.where(small, 0.5 - angle**2 / 24, (1 - np.cos(safe)) / safe**2)
    skew = np.zeros((len(vectors), 3, 3))
    skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0] = vectors.T
    skew[:, 1, 2], skew[:, 2, 0], skew[:, 0, 1] = -vectors.T
    return np.eye(3) + sine[:, None, None] * skew + cosine[:, None, None] * (skew @ skew)


def _quaternions(m: np.ndarray, trace: np.ndarray, largest: int) -> np.ndarray:
    """(N, 4) xyzw, not normalized, of matrices whose component number `largest` is the largest."""
    quaternions = np.empty((len(m), 4))
    if largest == 3:
        quaternions[:, 0] = m[:, 2, 1] - m[:, 1, 2]
        quaternions[:, 1] = m[:, 0, 2] - m[:, 2, 0]
        quaternions[:, 2] = m[:, 1, 0] - m[:, 0, 1]
        quaternions[:, 3] = 1 + trace
        return quaternions
    i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
    quaternions[:, i] = 1 - trace + 2 * m[:, i, i]
    quaternions[:, j] = m[:, j, i] + m[:, i, j]
    quaternions[:, k] = m[:, k, i] + m[:, i, k]
    quaternions[:, 3] = m[:, k, j] - m[:, j, k]
    return quaternions
