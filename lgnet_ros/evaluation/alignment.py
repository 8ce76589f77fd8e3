"""How well a mesh lies on the image: mean vertex distance in pixels, and overlap of silhouettes."""

from __future__ import annotations

import numpy as np

from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.jit import counting_nothing

_ON_EDGE = -1e-9  # px²: what rounding makes of a point on an edge


def vertex_pixel_error(predicted: np.ndarray, true: np.ndarray, camera: CameraIntrinsics) -> float:
    """Mean distance, px, between the projections of vertices (N, 3) of one hand, both placed in the camera's
    frame.

    Points that the camera cannot see (behind it) count as the image's diagonal.
    """
    distances = np.linalg.norm(camera.project(predicted) - camera.project(true), axis=-1)
    return float(np.nan_to_num(distances, nan=float(np.hypot(camera.width, camera.height))).mean())


def silhouette(vertices: np.ndarray, faces: np.ndarray, camera: CameraIntrinsics) -> np.ndarray:
    """(H, W) bool: the image pixels whose center a mesh (V, 3) with faces (F, 3) covers, whatever else is in
    front of it.
    """
    triangles = camera.project(vertices)[faces]
    triangles = triangles[np.isfinite(triangles).all(axis=(1, 2))]
    covered = np.zeros((camera.height, camera.width), np.bool_)
    _cover(triangles, covered)
    return covered


def mask_iou(predicted: np.ndarray, true: np.ndarray) -> float:
    """Intersection over union of two bool masks; 1 when both are empty (nothing to see, nothing claimed)."""
    union = np.logical_or(predicted, true).sum()
    return float(np.logical_and(predicted, true).sum() / union) if union else 1.0


@counting_nothing
def _cover(triangles: np.ndarray, covered: np.ndarray) -> None:
    """Marks the pixels whose centers lie in one of the triangles (F, 3, 2), edges included."""
    height, width = covered.shape
    for face in range(triangles.shape[0]):
        ax, ay = triangles[face, 0, 0], triangles[face, 0, 1]
        bx, by = triangles[face, 1, 0], triangles[face, 1, 1]
        cx, cy = triangles[face, 2, 0], triangles[face, 2, 1]
        if (bx - ax) * (cy - ay) < (by - ay) * (cx - ax):
            bx, by, cx, cy = cx, cy, bx, by
        left, right = max(min(ax, bx, cx), 0.0), min(max(ax, bx, cx), width - 1.0)
        top, bottom = max(min(ay, by, cy), 0.0), min(max(ay, by, cy), height - 1.0)
        for y in range(int(np.ceil(top)), int(np.floor(bottom)) + 1):
            for x in range(int(np.ceil(left)), int(np.floor(right)) + 1):
                covered[y, x] |= (
                    (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= _ON_EDGE
                    and (cx - bx) * (y - by) - (cy - by) * (x - bx) >= _ON_EDGE
                    and (ax - cx) * (y - cy) - (ay - cy) * (x - cx) >= _ON_EDGE
                )
