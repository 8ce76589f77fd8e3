"""A search that sees the whole image at once: where the network's centers are, LGNet looks through crops."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, upright_roll
from lgnet_ros.network.hand_centers import IMAGE_HEIGHT, IMAGE_WIDTH, STRIDE_PX, USUAL_EXTENT_PX
from lgnet_ros.pipeline.acquisition import OWN_CROP_MARGIN, Region

_LEAST_SCORE = 0.36  # from here on a center is worth a look
_ONE_HAND = 0.3  # centers nearer than that share of the larger hand are of one
_ROUND = 8  # searches until a center that has been looked at is as good as new
# Small hands are looked for in a quarter of the image at a time. Quarters overlap, by a fifth of the image
# so that a small hand is whole in one of them; what is larger there the whole image shows well enough.
_QUARTER = 0.6
_SMALL_PX = 60.0


class SeesCenters(Protocol):
    """What finds them: an `Engine` of a network that has centers."""

    def centers(self, image: np.ndarray) -> np.ndarray:
        """(288, 384, 3) uint8 RGB to the maps (6, 18, 24) of `HandCenters`."""


@dataclass(frozen=True)
class Spot:
    """Where a hand seems to be, px of the image. score: 0 to 1. center (2,). extent: longer side of the box
    around its joints. pointing (2,): wrist to middle knuckle.
    """

    score: float
    center: np.ndarray
    extent: float
    pointing: np.ndarray

    @property
    def region(self) -> Region:
        """A crop of its own, fingers up."""
        pair = np.stack([np.zeros(2), self.pointing])[None]
        return Region(self.center, self.extent / OWN_CROP_MARGIN, upright_roll(pair, self.extent))


def spots_of(maps: np.ndarray) -> list[Spot]:
    """What the maps (6, 18, 24) of `HandCenters` say, px of its image, the likeliest first: cells that no
    neighbor outdoes, each hand once.
    """
    scores = 1 / (1 + np.exp(-maps[0].astype(np.float64)))
    highest = cv2.dilate(scores, np.ones((3, 3), np.uint8))
    found = []
    for row, column in zip(*np.nonzero((scores == highest) & (scores >= _LEAST_SCORE)), strict=True):
        x, y, size, *pointing = maps[1:, row, column].astype(np.float64)
        center = (np.array([column + x, row + y]) + 0.5) * STRIDE_PX - 0.5
        extent = USUAL_EXTENT_PX * math.exp(min(max(size, -3.0), 3.0))
        found.append(Spot(float(scores[row, column]), center, extent, extent * np.array(pointing)))
    kept: list[Spot] = []
    for spot in sorted(found, key=lambda spot: -spot.score):
        if not _is_among(spot, kept):
            kept.append(spot)
    return kept


def letterboxed(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The image (H, W, 3) as large as it fits into (288, 384, 3), from the top left, black beside it; and how
    much smaller it has become.
    """
    height, width = image.shape[:2]
    scale = min(IMAGE_WIDTH / width, IMAGE_HEIGHT / height)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    whole = np.zeros((IMAGE_HEIGHT, IMAGE_WIDTH, 3), np.uint8)
    whole[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return whole, scale


class CenterDetector:
    """A `Detector`: where centers of hands are that no followed hand's crop is around. Those that have waited
    longest for a look come first: what is no hand must not keep a hand from being found.
    """

    def __init__(self, network: SeesCenters) -> None:
        self._network = network
        self._searches = 0
        self._quarter = 0
        self._looked_at: list[tuple[Spot, int]] = []  # and in which search

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """See `Detector.regions`; of those that have waited equally long the likeliest first."""
        new = _not_followed(self._spots(image), followed)
        # Beside followed hands every other time: what is missing there mostly belongs to somebody as near.
        if len(new) < count and not (followed and self._searches % 2):
            small = _not_followed(self._small_spots(image), followed)
            new += [spot for spot in small if not _is_among(spot, new)]
        self._searches += 1
        chosen = sorted(new, key=self._waited, reverse=True)[:count]
        self._looked_at = [look for look in self._looked_at if self._searches - look[1] < _ROUND]
        self._looked_at += [(spot, self._searches) for spot in chosen]
        return [spot.region for spot in chosen]

    def _waited(self, spot: Spot) -> int:
        """Searches since it has been looked at, `_ROUND` at most."""
        since = [
            self._searches - search
            for other, search in self._looked_at
            if _is_at(spot, other.center, other.extent)
        ]
        return min(since, default=_ROUND)

    def _spots(self, image: np.ndarray) -> list[Spot]:
        """Those of the image itself, px of it: their centers are in it, or nearly so."""
        whole, scale = letterboxed(image)
        last = np.array(image.shape[1::-1]) - 1.0
        spots = []
        for spot in spots_of(self._network.centers(whole)):
            center = (spot.center + 0.5) / scale - 0.5
            held = np.clip(center, 0.0, last)
            if np.abs(center - held).max() * scale < STRIDE_PX:
                spots.append(Spot(spot.score, held, spot.extent / scale, spot.pointing / scale))
        return spots

    def _small_spots(self, image: np.ndarray) -> list[Spot]:
        """Those of the next quarter of the image that are small there, px of the image."""
        height, width = image.shape[:2]
        rows, columns = math.ceil(_QUARTER * height), math.ceil(_QUARTER * width)
        right, below = self._quarter % 2, self._quarter // 2
        self._quarter = (self._quarter + 1) % 4
        corner = np.array([right * (width - columns), below * (height - rows)])
        quarter = image[corner[1] : corner[1] + rows, corner[0] : corner[0] + columns]
        small = _SMALL_PX * max(columns / IMAGE_WIDTH, rows / IMAGE_HEIGHT)
        return [
            replace(spot, center=spot.center + corner) for spot in self._spots(quarter) if spot.extent < small
        ]


def _not_followed(spots: list[Spot], followed: list[np.ndarray]) -> list[Spot]:
    return [spot for spot in spots if not any(_is_looked_at(spot, crop) for crop in followed)]


def _is_among(spot: Spot, others: list[Spot]) -> bool:
    """Whether one of the others is of the same hand."""
    return any(_is_at(spot, other.center, other.extent) for other in others)


def _is_looked_at(spot: Spot, outline: np.ndarray) -> bool:
    """Whether a crop, corners (4, 2) px, is around this hand and about as close as its own would be."""
    extent = OWN_CROP_MARGIN * float(np.linalg.norm(outline[1] - outline[0]))
    alike = 0.4 < spot.extent / extent < 2.5
    return alike and _is_at(spot, outline.mean(axis=0), extent)


def _is_at(spot: Spot, center: np.ndarray, extent: float) -> bool:
    """Whether it is of the hand there."""
    return float(np.linalg.norm(spot.center - center)) < _ONE_HAND * max(spot.extent, extent)
