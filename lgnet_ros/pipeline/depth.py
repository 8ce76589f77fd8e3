"""Reading an aligned depth image on the hands: how far their visible surface is, held objects and noise left
out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.information import positive_inverse
from lgnet_ros.inference.accuracy import NetworkErrors
from lgnet_ros.pipeline.fusion import DepthEvidence
from lgnet_ros.pipeline.placement import HandEvidence, UnitHand

_CELL_M = 0.008  # vertices hide each other in cells of about their spacing
_SURFACE_M = 0.004  # how far behind its cell's nearest vertex one still counts as visible
_MAX_SAMPLES = 120
_MIN_INLIERS = 10
_MIN_INLIER_SHARE = 0.4
_SPREAD_FLOOR_M = 0.008  # the network's own shape error: closer than this to the median is no outlier


@dataclass(frozen=True)
class DepthSettings:
    """How far a depth image may be off.

    Attributes:
        std_m: of one pixel, the network's error in the hand's shape included.
        common_std_m: of the whole hand: calibration, flying pixels.
        max_size_deviations: sizes further from the prior than this many standard deviations are not believed:
            an object held in front of the hand, a depth image that is not aligned.
    """

    std_m: float = 0.008
    common_std_m: float = 0.006
    max_size_deviations: float = 4.0


def measure_depths(
    depth: np.ndarray,
    intrinsics: CameraIntrinsics,
    hands: list[HandEvidence],
    units: list[UnitHand],
    settings: DepthSettings,
    errors: NetworkErrors,
) -> list[DepthEvidence | None]:
    """Per hand, the surface points whose depth could be read; None where the depth image does not help.

    depth: (H, W) float32 m along z, aligned with the image; NaN, infinite and 0 are invalid. errors: of the
    network that the hands come from.
    """
    points = [unit.position + hand.vertices for hand, unit in zip(hands, units, strict=True)]
    pixels = intrinsics.project(np.concatenate(points))
    visible = _visible(np.concatenate(points), pixels, intrinsics)
    owner = np.repeat(np.arange(len(hands)), [len(p) for p in points])
    return [
        _evidence(depth, pixels[chosen], hand.vertices[chosen[owner == k]][:, 2], unit, settings, errors)
        for k, (hand, unit) in enumerate(zip(hands, units, strict=True))
        for chosen in [visible & (owner == k)]
    ]


def _visible(points: np.ndarray, pixels: np.ndarray, intrinsics: CameraIntrinsics) -> np.ndarray:
    """(N,) which points lie in the image with nothing of any hand before them: a z-buffer of coarse cells."""
    size = np.array([intrinsics.width, intrinsics.height])
    inside = (
        np.isfinite(pixels).all(axis=1)
        & (points[:, 2] > 0)
        & ((pixels > -0.5) & (pixels < size - 0.5)).all(axis=1)
    )
    if not inside.any():
        return inside
    cell_px = max(_CELL_M * intrinsics.matrix[0, 0] / np.median(points[inside, 2]), 1.0)
    columns, rows = (np.nan_to_num(pixels) / cell_px).astype(np.int64).T
    cell = np.where(inside, rows * int(size[0] / cell_px + 1) + columns, -1)
    order = np.lexsort((points[:, 2], cell))
    first = np.concatenate([[True], np.diff(cell[order]) != 0])
    nearest = np.empty(len(points))
    nearest[order] = points[order, 2][np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    return inside & (points[:, 2] <= nearest + _SURFACE_M)


def _evidence(
    depth: np.ndarray,
    pixels: np.ndarray,
    offsets_z: np.ndarray,
    unit: UnitHand,
    settings: DepthSettings,
    errors: NetworkErrors,
) -> DepthEvidence | None:
    step = max(1, len(pixels) // _MAX_SAMPLES)
    measured, offsets_z = _read(depth, pixels[::step]), offsets_z[::step]
    valid = np.isfinite(measured) & (measured > 0)
    if valid.sum() < _MIN_INLIERS:
        return None
    measured, offsets_z = measured[valid], offsets_z[valid]
    ratio = measured / (unit.position[2] + offsets_z)
    size = np.median(ratio)
    away = np.abs(ratio - size)
    inlier = away <= max(3 * 1.4826 * np.median(away), _SPREAD_FLOOR_M / unit.position[2])
    trusted = abs(np.log(size) - unit.log_scale) <= settings.max_size_deviations * _size_doubt(unit)
    if not trusted or inlier.sum() < max(_MIN_INLIERS, _MIN_INLIER_SHARE * len(ratio)):
        return None
    common_std_m = math.hypot(
        settings.common_std_m, errors.surface_std_m, errors.surface_share_m * unit.doubt
    )
    return DepthEvidence(offsets_z[inlier], measured[inlier], settings.std_m, common_std_m)


def _read(depth: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(N,) m, the median of the valid depths in the 3×3 around each of (N, 2) pixels; NaN for none."""
    height, width = depth.shape
    columns, rows = np.rint(pixels).astype(np.int64).T
    around = np.arange(-1, 2)
    patch_rows = np.clip(rows[:, None, None] + around[:, None], 0, height - 1)
    patch_columns = np.clip(columns[:, None, None] + around, 0, width - 1)
    patch = np.sort(
        np.where((p := depth[patch_rows, patch_columns]) > 0, p, np.nan).reshape(len(pixels), 9), axis=1
    )
    count = np.isfinite(patch).sum(axis=1)  # NaN sorts to the end
    middle = np.take_along_axis(patch, np.maximum(count - 1, 0)[:, None] // 2, axis=1)[:, 0]
    return np.where(count > 0, middle, np.nan)


def _size_doubt(unit: UnitHand) -> float:
    """The relative doubt about size times distance before depth is read: the size's and the position's."""
    along_ray = (
        unit.position
        @ positive_inverse(unit.information)
        @ unit.position
        / (unit.position @ unit.position) ** 2
    )
    return float(np.hypot(unit.log_scale_std, np.sqrt(along_ray)))
