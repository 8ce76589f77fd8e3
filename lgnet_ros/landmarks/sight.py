"""Landmarks as a camera that looks at the hand sees them: the frame in which a hand is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, CropCamera

_VIEW_PX = 256
_LEAST_SEEN = 6


@dataclass(frozen=True, eq=False)
class Landmarks:
    """One hand's 21 landmarks, in the order of `JOINT_NAMES`.

    side: 0 right, 1 left. pixels: (21, 2) of the image. world: (21, 3) m, in the axes of a camera that looks
    at the hand, about any origin. NaN: not seen.
    """

    side: int
    pixels: np.ndarray
    world: np.ndarray


@dataclass(frozen=True, eq=False)
class Sight:
    """view: the camera that looks at the hand. tangents: (21, 2) of the landmarks there, NaN where not seen.
    magnification: pixels of the image per unit tangent at the hand.
    """

    view: CropCamera
    tangents: np.ndarray
    magnification: float


def look_at(pixels: np.ndarray, camera: CameraIntrinsics) -> Sight | None:
    """Pixels (21, 2) through a camera that looks at their median; None with fewer than six in its reach."""
    seen = pixels[np.isfinite(pixels).all(axis=1)]
    if len(seen) < _LEAST_SEEN:
        return None
    center = np.median(seen, axis=0)
    if not np.isfinite(camera.rays(center)).all():
        return None
    side = 6 * float(np.median(np.linalg.norm(seen - center, axis=1))) + 1.0
    view = CropCamera.from_box(camera, center, side, _VIEW_PX)
    tangents = (view.crop_pixels(pixels, camera) - (_VIEW_PX - 1) / 2) / view.focal_px
    if np.isfinite(tangents).all(axis=1).sum() < _LEAST_SEEN:
        return None
    return Sight(view, tangents, view.focal_px * side / _VIEW_PX)
