"""Rotation vectors, quaternions, matrices and chains of them for the hot path, compiled: for 16 rotations
scipy's `Rotation` takes thirty times as long, most of it to check that a matrix is a rotation.
"""

from __future__ import annotations

import math

import numpy as np

from lgnet_ros.hand_model.topology import MANO_PARENTS
from lgnet_ros.jit import exactly

_PARENTS = np.array(MANO_PARENTS)  # each before its children


def quaternions(matrices: np.ndarray) -> np.ndarray:
    """(N, 4) unit quaternions x, y, z, w ≥ 0 of rotations (N, 3, 3).

    The largest component is computed first (Shepperd, 1978).
    """
    result = np.empty((len(matrices), 4))
    _fill_quaternions(_contiguous(matrices), result)
    return result


def rotation_vectors(matrices: np.ndarray) -> np.ndarray:
    """(N, 3) rotation vectors, rad, of rotations (N, 3, 3); stable at no turn and at half a turn."""
    result = np.empty((len(matrices), 3))
    _fill_vectors(quaternions(matrices), result)
    return result


def rotation_matrices(vectors: np.ndarray) -> np.ndarray:
    """(N, 3, 3) rotations of rotation vectors (N, 3), rad (Rodrigues' formula)."""
    result = np.empty((len(vectors), 3, 3))
    _fill_matrices(_contiguous(vectors), result)
    return result


def global_rotations(local: np.ndarray) -> np.ndarray:
    """(16, 3, 3) orientations in the root's frame of reference, from parent-relative rotations in MANO's
    order.
    """
    turned = np.array(local, dtype=np.float64, order="C")
    _turn_with_parents(turned, _PARENTS)
    return turned


def _contiguous(array: np.ndarray) -> np.ndarray:
    """As the compiled loops take it: for another type or layout they would be compiled anew, in mid-run."""
    return np.ascontiguousarray(array, dtype=np.float64)


@exactly
def _fill_quaternions(matrices: np.ndarray, result: np.ndarray) -> None:
    for n in range(len(matrices)):
        m, quaternion = matrices[n], result[n]
        trace = m[0, 0] + m[1, 1] + m[2, 2]
        if trace >= max(m[0, 0], m[1, 1], m[2, 2]):
            quaternion[0] = m[2, 1] - m[1, 2]
            quaternion[1] = m[0, 2] - m[2, 0]
            quaternion[2] = m[1, 0] - m[0, 1]
            quaternion[3] = 1 + trace
        else:
            i = 0 if m[0, 0] >= max(m[1, 1], m[2, 2]) else (1 if m[1, 1] >= m[2, 2] else 2)
            j, k = (i + 1) % 3, (i + 2) % 3
            quaternion[i] = 1 - trace + 2 * m[i, i]
            quaternion[j] = m[j, i] + m[i, j]
            quaternion[k] = m[k, i] + m[i, k]
            quaternion[3] = m[k, j] - m[j, k]
        length = math.sqrt(quaternion[0] ** 2 + quaternion[1] ** 2 + quaternion[2] ** 2 + quaternion[3] ** 2)
        if quaternion[3] < 0:
            length = -length
        for component in range(4):
            quaternion[component] /= length


@exactly
def _fill_vectors(turns: np.ndarray, result: np.ndarray) -> None:
    for n in range(len(turns)):
        x, y, z, cosine = turns[n]
        sine = math.sqrt(x * x + y * y + z * z)  # of half the angle
        factor = 2 * math.atan2(sine, cosine) / sine if sine > 1e-10 else 2.0
        result[n, 0], result[n, 1], result[n, 2] = x * factor, y * factor, z * factor


@exactly
def _fill_matrices(vectors: np.ndarray, result: np.ndarray) -> None:
    for n in range(len(vectors)):
        x, y, z = vectors[n]
        square = x * x + y * y + z * z
        angle = math.sqrt(square)
        sine, cosine = 1 - square / 6, 0.5 - square / 24
        if angle >= 1e-4:
            sine, cosine = math.sin(angle) / angle, (1 - math.cos(angle)) / square
        matrix = result[n]
        matrix[0, 0], matrix[1, 1], matrix[2, 2] = (
            1 - cosine * (y * y + z * z), 1 - cosine * (x * x + z * z), 1 - cosine * (x * x + y * y),
        )  # fmt: skip
        matrix[0, 1], matrix[1, 0] = cosine * x * y - sine * z, cosine * x * y + sine * z
        matrix[0, 2], matrix[2, 0] = cosine * x * z + sine * y, cosine * x * z - sine * y
        matrix[1, 2], matrix[2, 1] = cosine * y * z - sine * x, cosine * y * z + sine * x


@exactly
def _turn_with_parents(rotations: np.ndarray, parents: np.ndarray) -> None:
    for joint in range(1, len(parents)):
        own, parent = rotations[joint], rotations[parents[joint]]
        for column in range(3):
            x, y, z = own[0, column], own[1, column], own[2, column]
            for row in range(3):
                own[row, column] = parent[row, 0] * x + parent[row, 1] * y + parent[row, 2] * z
