"""Where points of hands fall in a picture: for placing hands in it, and for labels."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.raster import View
from lgnet_ros.jit import compiled, exactly


def project(points: np.ndarray, view: View) -> np.ndarray:
    """(N, 2) float64 pixels of (N, 3) float32 points of the scene; far outside for those behind the view."""
    pixels = np.empty((len(points), 2))
    lens = (view.focal_x, view.focal_y, view.center_x, view.center_y)
    _project(points, np.ascontiguousarray(view.rotation), view.origin, *lens, pixels)
    return pixels


@compiled
def _project(points, rotation, origin, focal_x, focal_y, center_x, center_y, pixels):
    for i in range(points.shape[0]):
        px, py, pz = points[i, 0] - origin[0], points[i, 1] - origin[1], points[i, 2] - origin[2]
        z = rotation[2, 0] * px + rotation[2, 1] * py + rotation[2, 2] * pz
        if z <= 1e-3:
            pixels[i, 0] = pixels[i, 1] = -1e6
            continue
        x = rotation[0, 0] * px + rotation[0, 1] * py + rotation[0, 2] * pz
        y = rotation[1, 0] * px + rotation[1, 1] * py + rotation[1, 2] * pz
        pixels[i, 0], pixels[i, 1] = x / z * focal_x + center_x, y / z * focal_y + center_y


@compiled
def first_suiting(joints, start, depth, pixels, matrix, size, truncated, few, some):
    """The first of the pixels (P, 2) at which hands, shifted there from `start` (3,), lie as they should.

    joints (N, 21, 3), depth: where `start` goes; `truncated`: fewer than `few` joints of one hand inside the
    image, two pixels from its edge at least, and `some` or more of one; else all of them. -1: at none.
    """
    for p in range(pixels.shape[0]):
        x = (pixels[p, 0] - matrix[0, 2]) / matrix[0, 0] * depth - start[0]
        y = (pixels[p, 1] - matrix[1, 2]) / matrix[0, 0] * depth - start[1]
        least, most = 21, 0
        for h in range(joints.shape[0]):
            inside = 0
            for j in range(21):
                z = joints[h, j, 2] + depth - start[2]
                if z > 0.05:
                    u = (joints[h, j, 0] + x) / z * matrix[0, 0] + matrix[0, 2]
                    v = (joints[h, j, 1] + y) / z * matrix[1, 1] + matrix[1, 2]
                    inside += u > 2 and v > 2 and u < size[0] - 3 and v < size[1] - 3
            least, most = min(least, inside), max(most, inside)
        if (least < few and most >= some) if truncated else least == 21:
            return p
    return -1


def bounds(hands: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest coordinates (3,) float64 of any point of hands (N, 3)."""
    low, high = np.full(3, 1e9), np.full(3, -1e9)
    for points in hands:
        _widen(points, low, high)
    return low, high


@exactly
def reach(points, center):
    """The largest distance of points (N, 3) from a center (3,) float64."""
    largest = 0.0
    for i in range(points.shape[0]):
        x, y, z = points[i, 0] - center[0], points[i, 1] - center[1], points[i, 2] - center[2]
        largest = max(largest, x * x + y * y + z * z)
    return np.sqrt(largest)


@compiled
def _widen(points, low, high):
    for i in range(points.shape[0]):
        for c in range(3):
            low[c], high[c] = min(low[c], points[i, c]), max(high[c], points[i, c])
