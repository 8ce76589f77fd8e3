"""A z-buffer for triangles: which face, how far, and where in the face, for every sample of an image.

Homogeneous rasterization (Olano and Greer 1997): for a triangle (v0, v1, v2) in the camera frame and a ray
r = (u, v, 1), the numbers w_i = r · (v_j × v_k) / D with D = v0 · (v1 × v2) are linear in the image, all
non-negative exactly where the ray hits, and sum to 1/z; w_i z are the perspective-correct barycentric
coordinates. Nothing is divided by a vertex's depth, so triangles that reach behind the camera need no
clipping.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lgnet_ros.jit import compiled, counting_nothing, inlined

NEAR_M = 0.03
_index = np.uint32


class View(NamedTuple):
    """A pinhole camera without distortion; pixel centres are at integer coordinates.

    `rotation` (3, 3) takes scene vectors to the view's axes, `origin` (3,) is the view's centre in the scene.
    """

    rotation: np.ndarray
    origin: np.ndarray
    focal_x: float
    focal_y: float
    center_x: float
    center_y: float
    width: int
    height: int

    def to_view(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) float32 points in the view's axes, of (N, 3) float32 points in the scene's."""
        turned = np.empty((len(points), 3), np.float32)
        _turn(points, np.ascontiguousarray(self.rotation), self.origin, turned)
        return turned


class Visibility(NamedTuple):
    """What each sample sees.

    Attributes:
        face: (h·s, w·s) int32, the nearest face, or -1.
        inverse_depth: (h·s, w·s) float32, 1/z there, or 0.
        planes: (M, 9) float32, per face the coefficients (per column, per row, constant) of w_0, w_1 and w_2
            over sample indices; rows of faces that were never drawn are not set.
        drawn: (M,) bool, which faces were: those that face the view and lie in the picture, hidden or not.
    """

    face: np.ndarray
    inverse_depth: np.ndarray
    planes: np.ndarray
    drawn: np.ndarray


def rasterize(vertices_view: np.ndarray, faces: np.ndarray, view: View, supersampling: int) -> Visibility:
    """Finds the nearest front-facing triangle for `supersampling`² samples of every pixel.

    Args:
        vertices_view: (N, 3) float32, in the view's axes, metres.
        faces: (M, 3) int32, counter-clockwise seen from outside; faces seen from behind are not drawn.
        view: the camera (its rotation and origin are not applied again).
        supersampling: samples per pixel along each axis, on a regular grid.
    """
    shape = (view.height * supersampling, view.width * supersampling)
    result = Visibility(
        np.full(shape, -1, dtype=np.int32),
        np.zeros(shape, dtype=np.float32),
        np.empty((len(faces), 9), dtype=np.float32),
        np.zeros(len(faces), dtype=np.bool_),
    )
    # Sample index i lies at pixel (i + 0.5)/s - 0.5, and that at u = (pixel - center)/focal.
    step_u, step_v = 1.0 / (supersampling * view.focal_x), 1.0 / (supersampling * view.focal_y)
    first_u = (0.5 / supersampling - 0.5 - view.center_x) / view.focal_x
    first_v = (0.5 / supersampling - 0.5 - view.center_y) / view.focal_y
    column, row = np.empty(len(vertices_view)), np.empty(len(vertices_view))
    _to_samples(vertices_view, first_u, step_u, first_v, step_v, column, row)
    plane = np.empty((3, 3))
    _draw(vertices_view, faces, column, row, first_u, step_u, first_v, step_v, plane, *result)
    return result


@compiled
def _turn(points, rotation, origin, turned):
    for i in range(points.shape[0]):
        x, y, z = points[i, 0] - origin[0], points[i, 1] - origin[1], points[i, 2] - origin[2]
        for c in range(3):
            turned[i, c] = rotation[c, 0] * x + rotation[c, 1] * y + rotation[c, 2] * z


@compiled
def _to_samples(vertices, first_u, step_u, first_v, step_v, column, row):
    """Where each vertex lies, in samples; not used behind the camera."""
    for v in range(vertices.shape[0]):
        z = max(np.float64(vertices[v, 2]), NEAR_M)
        column[v] = (vertices[v, 0] / z - first_u) / step_u
        row[v] = (vertices[v, 1] / z - first_v) / step_v


@counting_nothing
def _draw(
    vertices, faces, column, row, first_u, step_u, first_v, step_v, plane,
    face_buffer, inverse_buffer, planes, drawn,
):  # fmt: skip
    """Face by face; column and row (N,) of the vertices, in samples; plane (3, 3) is room to work in."""
    rows, columns = face_buffer.shape
    for f in range(faces.shape[0]):
        a, b, c = _index(faces[f, 0]), _index(faces[f, 1]), _index(faces[f, 2])
        nearest = min(vertices[a, 2], vertices[b, 2], vertices[c, 2])
        left, right, top, bottom = 0, columns - 1, 0, rows - 1
        if nearest >= NEAR_M:
            # Wholly in front: turn-away faces and faces between samples are told from their outline alone.
            area = (column[b] - column[a]) * (row[c] - row[a]) - (row[b] - row[a]) * (column[c] - column[a])
            if area > -1e-12:
                continue
            low, high = min(column[a], column[b], column[c]), max(column[a], column[b], column[c])
            if high < 0 or low > right:
                continue
            left, right = max(0, int(np.ceil(low - 1e-6))), min(right, int(np.floor(high + 1e-6)))
            low, high = min(row[a], row[b], row[c]), max(row[a], row[b], row[c])
            if left > right or high < 0 or low > bottom:
                continue
            top, bottom = max(0, int(np.ceil(low - 1e-6))), min(bottom, int(np.floor(high + 1e-6)))
            if top > bottom:
                continue
        elif max(vertices[a, 2], vertices[b, 2], vertices[c, 2]) < NEAR_M:
            continue
        if not _plane_coefficients(vertices, a, b, c, plane):
            continue
        drawn[f] = True
        for i in range(3):
            constant = plane[i, 2] + plane[i, 0] * first_u + plane[i, 1] * first_v
            plane[i, 0] *= step_u
            plane[i, 1] *= step_v
            plane[i, 2] = constant
            planes[f, 3 * i] = plane[i, 0]
            planes[f, 3 * i + 1] = plane[i, 1]
            planes[f, 3 * i + 2] = plane[i, 2]
        _fill(plane, left, right, top, bottom, f, face_buffer, inverse_buffer)


@inlined
def _plane_coefficients(vertices, a, b, c, plane):
    """w_i = plane[i] · (u, v, 1). False for a face seen from behind or from its edge."""
    ax, ay, az = np.float64(vertices[a, 0]), np.float64(vertices[a, 1]), np.float64(vertices[a, 2])
    bx, by, bz = np.float64(vertices[b, 0]), np.float64(vertices[b, 1]), np.float64(vertices[b, 2])
    cx, cy, cz = np.float64(vertices[c, 0]), np.float64(vertices[c, 1]), np.float64(vertices[c, 2])
    ux, uy, uz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    determinant = ax * ux + ay * uy + az * uz
    if determinant > -1e-14:
        return False
    scale = 1.0 / determinant
    plane[0, 0], plane[0, 1], plane[0, 2] = ux * scale, uy * scale, uz * scale
    plane[1, 0], plane[1, 1] = (cy * az - cz * ay) * scale, (cz * ax - cx * az) * scale
    plane[1, 2] = (cx * ay - cy * ax) * scale
    plane[2, 0], plane[2, 1] = (ay * bz - az * by) * scale, (az * bx - ax * bz) * scale
    plane[2, 2] = (ax * by - ay * bx) * scale
    return True


@inlined
def _fill(plane, left, right, top, bottom, f, face_buffer, inverse_buffer):
    """Row by row the span in which all three w are non-negative, and in it whatever is nearer than before."""
    limit, slack = np.float32(1.0 / NEAR_M), 1e-9  # slack: a shared edge belongs to both faces, no cracks
    right0, right1, right2 = plane[0, 0] > 0, plane[1, 0] > 0, plane[2, 0] > 0  # where w rises along the row
    per0, per1, per2 = _reciprocal(plane[0, 0]), _reciprocal(plane[1, 0]), _reciprocal(plane[2, 0])
    slope = plane[0, 0] + plane[1, 0] + plane[2, 0]
    least, most = np.float64(left), np.float64(right)
    for row in range(top, bottom + 1):
        r0 = plane[0, 1] * row + plane[0, 2]
        r1 = plane[1, 1] * row + plane[1, 2]
        r2 = plane[2, 1] * row + plane[2, 2]
        c0, c1, c2 = -(r0 + slack) * per0, -(r1 + slack) * per1, -(r2 + slack) * per2
        low = max(least, c0 if right0 else least, c1 if right1 else least, c2 if right2 else least)
        high = min(most, most if right0 else c0, most if right1 else c1, most if right2 else c2)
        if low > high:
            continue
        base, y = r0 + r1 + r2, np.uint64(row)
        for column in range(int(np.ceil(low)), int(high) + 1):
            inverse, x = np.float32(base + slope * column), np.uint64(column)
            if inverse > inverse_buffer[y, x] and inverse < limit:
                inverse_buffer[y, x] = inverse
                face_buffer[y, x] = f


@inlined
def _reciprocal(slope):
    """1 / slope; a level one falls, but reaches zero beyond any picture."""
    return 1.0 / slope if abs(slope) > 1e-30 else -1e30
