"""Pictures to look at: contact sheets, and labels drawn on images."""

from __future__ import annotations

import cv2
import numpy as np

from lgnet_ros.data.augment import CropSample
from lgnet_ros.data.sample import HandSample
from lgnet_ros.hand_model.topology import BONES

_SIDE_COLORS = ((255, 96, 64), (64, 160, 255))  # right warm, left cool
_HIDDEN = 0.45


def contact_sheet(images: list[np.ndarray], columns: int = 8) -> np.ndarray:
    """Images (H, W, 3) of one size side by side, row by row; black where the last row is short."""
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for k, image in enumerate(images):
        y, x = k // columns * height, k % columns * width
        sheet[y : y + height, x : x + width] = image
    return sheet


def crop_overlay(sample: CropSample, zoom: int = 2) -> np.ndarray:
    """The crop, enlarged, with outlines of the masks and the skeletons; joints that are hidden are darker."""
    matrix = sample.crop.matrix
    points = sample.joints.astype(np.float64) @ matrix.T
    with np.errstate(invalid="ignore", divide="ignore"):
        pixels = points[..., :2] / points[..., 2:]
    return _drawn(sample.image, pixels, sample.presence, sample.visibility, sample.mask, zoom)


def frame_overlay(sample: HandSample, zoom: int = 1) -> np.ndarray:
    """The same for a full frame."""
    pixels = np.full((*sample.joints.shape[:2], 2), np.nan)
    for side in np.flatnonzero(sample.presence):
        pixels[side] = sample.intrinsics.project(sample.joints[side].astype(np.float64))
    return _drawn(sample.image, pixels, sample.presence, sample.visibility, sample.mask, zoom)


def _drawn(
    image: np.ndarray,
    pixels: np.ndarray,
    presence: np.ndarray,
    visibility: np.ndarray,
    mask: np.ndarray | None,
    zoom: int,
) -> np.ndarray:
    size = (image.shape[1] * zoom, image.shape[0] * zoom)
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    pixels = (pixels + 0.5) * zoom - 0.5
    for side in np.flatnonzero(presence):
        color = _SIDE_COLORS[side]
        if mask is not None:
            large = cv2.resize((mask == side + 1).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            outlines, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, outlines, -1, color, 1)
        for parent, child in BONES:
            seen = visibility[side, parent] and visibility[side, child]
            ends = (_point(pixels[side, joint]) for joint in (parent, child))
            cv2.line(canvas, *ends, _shade(color, bool(seen)), 1, cv2.LINE_AA)
        for joint in range(len(pixels[side])):
            shade = _shade((255, 255, 255), bool(visibility[side, joint]))
            cv2.circle(canvas, _point(pixels[side, joint]), zoom, shade, -1, cv2.LINE_AA)
    return canvas


def _shade(color: tuple[int, ...], seen: bool) -> tuple[int, ...]:
    return color if seen else tuple(int(_HIDDEN * value) for value in color)


def _point(pixel: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(np.nan_to_num(pixel, nan=-9999.0), -9999, 9999)
    return int(round(x)), int(round(y))
