"""How well a mesh lies on the image: mean vertex distance in pixels, and overlap of silhouettes."""

from __future__ import annotations

import cv2
import numpy as np

from lgnet_ros.geometry.cameras import CameraIntrinsics


def vertex_pixel_error(predicted: np.ndarray, true: np.ndarray, camera: CameraIntrinsics) -> float:
    """Mean distance, px, between the projections of vertices (N, 3) of one hand, both placed in the camera's
    frame.

    Points that the camera cannot see (behind it) count as the image's diagonal.
    """
    distances = np.linalg.norm(camera.project(predicted) - camera.project(true), axis=-1)
    return float(np.nan_to_num(distances, nan=float(np.hypot(camera.width, camera.height))).mean())


def silhouette(vertices: np.ndarray, faces: np.ndarray, camera: CameraIntrinsics) -> np.ndarray:
    """(H, W) bool: the image pixels that a mesh (V, 3) with faces (F, 3) covers, whatever else is in front of
    it.
    """
    pixels = camera.project(vertices)
    triangles = pixels[faces]
    triangles = triangles[np.isfinite(triangles).all(axis=(1, 2))]
    canvas = np.zeros((camera.height, camera.width), np.uint8)
    # Eight fractional bits keep edges exact to 1/256 px.
    limit = 4 * max(camera.width, camera.height)
    fixed = np.round(np.clip(triangles, -limit, limit) * 256).astype(np.int32)
    for triangle in fixed:
        cv2.fillConvexPoly(canvas, triangle, 1, lineType=cv2.LINE_8, shift=8)
    return canvas.astype(bool)


def mask_iou(predicted: np.ndarray, true: np.ndarray) -> float:
    """Intersection over union of two bool masks; 1 when both are empty (nothing to see, nothing claimed)."""
    union = np.logical_or(predicted, true).sum()
    return float(np.logical_and(predicted, true).sum() / union) if union else 1.0
