"""Finding hands that are not followed yet: where to look, and what of the answers to believe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.pipeline.observation import Observation

Box = tuple[np.ndarray, float]
"""Center (2,) and side of a square, px of the image."""


@dataclass(frozen=True)
class AcquisitionSettings:
    """Where hands are searched, and how sure a found one must be.

    Attributes:
        tile_share: a tile's side over the image's shorter side.
        crops_searching: boxes searched in a frame while no hand is followed.
        crops_following: the same while some hand is followed and another one is missing.
        enter: presence that a hand must reach, in the search and again in a crop of its own.
        smallest: least extent of a found hand's joints, share of the crop it was found in.
    """

    tile_share: float = 2 / 3
    crops_searching: int = 4
    crops_following: int = 1
    enter: float = 0.6
    smallest: float = 0.06


@runtime_checkable
class Detector(Protocol):
    """Says where hands might be, for crops of their own to tell."""

    def boxes(self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int) -> list[Box]:
        """Up to about `count` square boxes to look at in this frame; may be none."""


class TileDetector:
    """LGNet finds hands by itself: the whole frame and overlapping tiles, a few a frame, taken in turn."""

    def __init__(self, tile_share: float) -> None:
        self._tile_share = tile_share
        self._turn = 0

    def boxes(self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int) -> list[Box]:
        """The whole frame at least every other time, and the next tiles."""
        whole, tiles = self._layout(intrinsics.width, intrinsics.height)
        with_whole = count > 1 or self._turn % 2 == 0
        wanted = min(count - with_whole, len(tiles))
        first = self._turn // 2 if count == 1 else self._turn * wanted
        self._turn += 1
        return [whole] * with_whole + [tiles[(first + k) % len(tiles)] for k in range(wanted)]

    def _layout(self, width: int, height: int) -> tuple[Box, list[Box]]:
        """The square around the frame, and tiles that overlap by at least half of their side."""
        whole = (np.array([(width - 1) / 2, (height - 1) / 2]), float(max(width, height)))
        side = self._tile_share * min(width, height)
        columns, rows = (int(np.ceil(2 * length / side)) - 1 for length in (width, height))
        centers = [
            np.array([x, y])
            for y in np.linspace(side / 2, height - side / 2, max(rows, 1))
            for x in np.linspace(side / 2, width - side / 2, max(columns, 1))
        ]
        return whole, [(center - 0.5, side) for center in centers]


class NoDetector:
    """Looks for nothing by itself: boxes come with each frame, from outside."""

    def boxes(self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int) -> list[Box]:
        """None."""
        return []


def boxes_from_detections(detections: np.ndarray, margin: float = 0.8) -> list[Box]:
    """Square boxes around detections (N, 4): center x, center y, width, height, px of the image."""
    return [(row[:2], float(row[2:].max() / margin)) for row in np.asarray(detections, dtype=np.float64)]


def candidates(
    observations: list[Observation], taken: list[Observation], settings: AcquisitionSettings
) -> list[Observation]:
    """Hands worth a crop of their own: sure enough, large enough, each one once, none that is `taken`."""
    likely = [o for o in observations if o.score >= settings.enter and _plausible(o, settings)]
    chosen: list[Observation] = []
    for observation in sorted(likely, key=lambda o: o.score, reverse=True):
        if not any(same_hand(observation, other) for other in (*taken, *chosen)):
            chosen.append(observation)
    return chosen


def same_hand(first: Observation, second: Observation) -> bool:
    """Whether two observations are of one physical hand: the same side at the same place, or both sides of
    the network claiming one hand, so that wrist lies on wrist and fingertip on fingertip.
    """
    size = max(first.box[1], second.box[1])
    if first.side == second.side:
        return bool(np.linalg.norm(first.box[0] - second.box[0]) < 0.5 * size)
    apart = np.linalg.norm(first.joints_image - second.joints_image, axis=1)
    depth = abs(first.relative[2]) if first.shares_crop(second) else 0.0
    return bool(np.nanmean(apart) < 0.15 * size and depth < 0.03)


def _plausible(observation: Observation, settings: AcquisitionSettings) -> bool:
    pixels = observation.evidence.pixels
    extent = (pixels.max(axis=0) - pixels.min(axis=0)).max() / observation.evidence.crop.size_px
    return bool(extent > settings.smallest)
