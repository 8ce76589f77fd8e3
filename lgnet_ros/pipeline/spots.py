"""Where hands seem to be in a whole image: what the network's centers and palms show, px of that image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from lgnet_ros.geometry import upright_roll
from lgnet_ros.network.hand_centers import IMAGE_HEIGHT, IMAGE_WIDTH, STRIDE_PX, USUAL_EXTENT_PX
from lgnet_ros.network.palms import SIZE_PX
from lgnet_ros.pipeline.acquisition import OWN_CROP_MARGIN, Region

_LEAST_CENTER, _LEAST_PALM = 0.36, 0.5  # from here on a center, and a palm, is worth a look
_ONE_HAND = 0.3  # spots nearer than that share of the larger hand are of one


class SeesCenters(Protocol):
    """What finds them: an `Engine` of a network that has centers. has_palms: whether it has palms too."""

    has_palms: bool

    def centers(self, image: np.ndarray) -> np.ndarray:
        """(288, 384, 3) uint8 RGB to the maps (6, 18, 24) of `HandCenters`."""

    def palms(self, image: np.ndarray) -> np.ndarray:
        """(192, 192, 3) uint8 RGB to the guesses (2016, 6) of `Palms`."""


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
    for row, column in zip(*np.nonzero((scores == highest) & (scores >= _LEAST_CENTER)), strict=True):
        x, y, size, *pointing = maps[1:, row, column].astype(np.float64)
        center = (np.array([column + x, row + y]) + 0.5) * STRIDE_PX - 0.5
        extent = USUAL_EXTENT_PX * math.exp(min(max(size, -3.0), 3.0))
        found.append(Spot(float(scores[row, column]), center, extent, extent * np.array(pointing)))
    return _distinct(found)


def spots_of_palms(guesses: np.ndarray) -> list[Spot]:
    """What the guesses (2016, 6) of `Palms` say, px of its image, the likeliest first: each hand once."""
    scores = 1 / (1 + np.exp(-guesses[:, 0].astype(np.float64)))
    likely = np.flatnonzero(scores >= _LEAST_PALM)
    places = guesses[:, 1:].astype(np.float64)
    return _distinct([Spot(float(scores[k]), places[k, :2], places[k, 2], places[k, 3:]) for k in likely])


def centers_in(network: SeesCenters, image: np.ndarray) -> list[Spot]:
    """What the network's centers show in an image (H, W, 3) uint8 RGB, px of it."""
    shown = Letterbox.of(image, IMAGE_WIDTH, IMAGE_HEIGHT)
    return shown.back(spots_of(network.centers(shown.image)))


def palms_in(network: SeesCenters, image: np.ndarray) -> list[Spot]:
    """What the network's palms show in an image (H, W, 3) uint8 RGB, px of it."""
    shown = Letterbox.of(image, SIZE_PX, SIZE_PX, in_the_middle=True)  # as it was trained
    return shown.back(spots_of_palms(network.palms(shown.image)))


@dataclass(frozen=True)
class Letterbox:
    """An image, made as large as it fits into another one, which is black beside it.

    image: that other one. size (2,): width and height before. scale: how many times as large it is now.
    corner (2,): where its first pixel lies.
    """

    image: np.ndarray
    size: np.ndarray
    scale: float
    corner: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, width: int, height: int, in_the_middle: bool = False) -> Letterbox:
        """From (H, W, 3) to (height, width, 3), uint8: at the top left, or in the middle."""
        before, room = np.array(image.shape[1::-1]), np.array([width, height])
        scale = float((room / before).min())
        columns, rows = np.maximum(np.round(before * scale).astype(int), 1).tolist()
        corner = (room - (columns, rows)) // 2 if in_the_middle else np.zeros(2, int)
        whole = np.zeros((height, width, 3), np.uint8)
        whole[corner[1] : corner[1] + rows, corner[0] : corner[0] + columns] = cv2.resize(
            image, (columns, rows), interpolation=cv2.INTER_AREA
        )
        return cls(whole, before, scale, corner)

    def back(self, spots: list[Spot]) -> list[Spot]:
        """Spots in its image as spots in the one before, those that lie in that, or nearly so."""
        inside = []
        for spot in spots:
            center = (spot.center - self.corner + 0.5) / self.scale - 0.5
            held = np.clip(center, 0.0, self.size - 1.0)
            if np.abs(center - held).max() * self.scale < STRIDE_PX:
                extent, pointing = spot.extent / self.scale, spot.pointing / self.scale
                inside.append(Spot(spot.score, held, extent, pointing))
        return inside


def _distinct(spots: list[Spot]) -> list[Spot]:
    """Each hand once, the likeliest first."""
    kept: list[Spot] = []
    for spot in sorted(spots, key=lambda spot: -spot.score):
        if not is_among(spot, kept):
            kept.append(spot)
    return kept


def is_among(spot: Spot, others: list[Spot]) -> bool:
    """Whether one of the others is of the same hand."""
    return any(is_at(spot, other.center, other.extent) for other in others)


def is_at(spot: Spot, center: np.ndarray, extent: float) -> bool:
    """Whether it is of the hand there."""
    return float(np.linalg.norm(spot.center - center)) < _ONE_HAND * max(spot.extent, extent)
