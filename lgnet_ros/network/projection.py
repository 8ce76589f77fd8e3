"""Full-perspective projection into a crop camera, in PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor

# Nearer than this nothing is projected: points at or behind the camera have no pixel.
NEAREST_DEPTH = 0.05


def project_to_crop(
    points: Tensor, focal_px: Tensor, input_size: int, nearest_m: float = NEAREST_DEPTH
) -> Tensor:
    """Crop pixels of points in the crop camera's frame.

    Args:
        points: (B,…,3) m; depths below `nearest_m` are taken as that, so that all is finite.
        focal_px: (B,) focal length in crop pixels.
        input_size: S; the principal point is (S − 1)/2.

    Returns:
        (B,…,2) px.
    """
    depth = points[..., 2:].clamp(min=nearest_m)
    focal = focal_px.reshape(-1, *[1] * (points.ndim - 1))
    return focal * points[..., :2] / depth + (input_size - 1) / 2


def is_in_front(points: Tensor) -> Tensor:
    """(…) whether each (…,3) point is far enough in front of the camera to have a pixel."""
    return torch.isfinite(points).all(-1) & (points[..., 2] > NEAREST_DEPTH)
