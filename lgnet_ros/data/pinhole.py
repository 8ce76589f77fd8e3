"""Where points fall in pictures of cameras without lens distortion: compiled loops, since cutting a crop and
its labels asks this of thousands of points for every training sample."""

from __future__ import annotations

from lgnet_ros.jit import compiled


@compiled
def widen_box(points, step, matrix, width, height, box):
    """Widens box (4,) float64 [left, top, right, bottom] by the pixels, held in the image, of each `step`-th
    of the points (N, 3).

    matrix (3, 3): the camera's K. Points nearer than a centimetre are left out.
    """
    for i in range(0, points.shape[0], step):
        z = points[i, 2]
        if z > 0.01:
            u = points[i, 0] / z * matrix[0, 0] + matrix[0, 2]
            v = points[i, 1] / z * matrix[1, 1] + matrix[1, 2]
            u, v = min(max(u, 0.0), width - 1.0), min(max(v, 0.0), height - 1.0)
            box[0], box[1] = min(box[0], u), min(box[1], v)
            box[2], box[3] = max(box[2], u), max(box[3], v)


@compiled
def mark_inside(points, rotation, matrix, width, height, inside):
    """Clears inside (N,) bool where a point (N, 3), turned by `rotation` (3, 3), falls beyond the picture."""
    for i in range(points.shape[0]):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        z = rotation[2, 0] * px + rotation[2, 1] * py + rotation[2, 2] * pz
        if z <= 1e-3:
            inside[i] = False
            continue
        x = rotation[0, 0] * px + rotation[0, 1] * py + rotation[0, 2] * pz
        y = rotation[1, 0] * px + rotation[1, 1] * py + rotation[1, 2] * pz
        u, v = x / z * matrix[0, 0] + matrix[0, 2], y / z * matrix[1, 1] + matrix[1, 2]
        inside[i] &= u >= -0.5 and u < width - 0.5 and v >= -0.5 and v < height - 0.5


@compiled
def turn(points, rotation, turned):
    """turned (N, 3) float32 = points (N, 3) float32 times rotation (3, 3)ᵀ."""
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for c in range(3):
            turned[i, c] = rotation[c, 0] * x + rotation[c, 1] * y + rotation[c, 2] * z
