"""Single 3-vectors in plain Python: a call of NumPy or SciPy costs ten times the arithmetic, and a scene
makes hundreds, a frame dozens."""

from __future__ import annotations

from math import cos, sin, sqrt

import numpy as np


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(3,) float64 a × b."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def length(a: np.ndarray) -> float:
    """Of a (3,) vector."""
    x, y, z = a.tolist()
    return sqrt(x * x + y * y + z * z)


def unit(a: np.ndarray) -> np.ndarray:
    """(3,) a / |a|."""
    return a / length(a)


def turn_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """(3, 3) the rotation by `angle` rad about a unit axis (Rodrigues)."""
    x, y, z = axis.tolist()
    c, s = cos(angle), sin(angle)
    k = 1.0 - c
    return np.array(
        [
            [c + x * x * k, x * y * k - z * s, x * z * k + y * s],
            [y * x * k + z * s, c + y * y * k, y * z * k - x * s],
            [z * x * k - y * s, z * y * k + x * s, c + z * z * k],
        ]
    )


def turn_by(rotvec: np.ndarray) -> np.ndarray:
    """(3, 3) the rotation of an axis-angle vector (3,)."""
    angle = length(rotvec)
    return np.eye(3) if angle < 1e-12 else turn_about(rotvec / angle, angle)
