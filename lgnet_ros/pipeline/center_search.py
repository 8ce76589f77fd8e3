"""A search that sees the whole image at once: where the network sees a hand, LGNet looks through a crop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.network.hand_centers import IMAGE_HEIGHT, IMAGE_WIDTH
from lgnet_ros.pipeline.acquisition import OWN_CROP_MARGIN, Region
from lgnet_ros.pipeline.spots import SeesCenters, Spot, centers_in, is_among, is_at, palms_in

_ROUND = 8  # searches until a spot that has been looked at is as good as new
# Small hands are looked for in a quarter of the image at a time. Quarters overlap, by a fifth of the image
# so that a small hand is whole in one of them; what is larger there the whole image shows well enough.
_QUARTER = 0.6
_SMALL_PX = 60.0

_Eye = Callable[[SeesCenters, np.ndarray], list[Spot]]


class CenterDetector:
    """A `Detector`: where centers of hands are that no followed hand's crop is around. Those that have waited
    longest for a look come first: what is no hand must not keep a hand from being found.

    Where the network has palms, centers and palms take turns: one sees the whole image, the other a quarter,
    and in the next search it is the other way round. So a search takes no longer.
    """

    def __init__(self, network: SeesCenters) -> None:
        self._network = network
        self._eyes = (centers_in, palms_in) if network.has_palms else (centers_in,)
        self._searches = 0
        self._quarters = 0  # that have been looked at
        self._looked_at: list[tuple[Spot, int]] = []  # and in which search

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """See `Detector.regions`; of those that have waited equally long the likeliest first."""
        rounds, turn = divmod(self._searches, len(self._eyes))
        see, see_small = self._eyes[turn], self._eyes[turn - 1]
        new = _not_followed(see(self._network, image), followed)
        # Beside followed hands every other time: what is missing there mostly belongs to somebody as near.
        if len(new) < count and not (followed and rounds % 2):
            small = _not_followed(self._small_spots(image, see_small), followed)
            new += [spot for spot in small if not is_among(spot, new)]
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
            if is_at(spot, other.center, other.extent)
        ]
        return min(since, default=_ROUND)

    def _small_spots(self, image: np.ndarray, see: _Eye) -> list[Spot]:
        """Those of the next quarter of the image that are small there, px of the image."""
        height, width = image.shape[:2]
        rows, columns = math.ceil(_QUARTER * height), math.ceil(_QUARTER * width)
        below, right = divmod(self._quarters // len(self._eyes) % 4, 2)  # each by each eye
        self._quarters += 1
        corner = np.array([right * (width - columns), below * (height - rows)])
        quarter = image[corner[1] : corner[1] + rows, corner[0] : corner[0] + columns]
        small = _SMALL_PX * max(columns / IMAGE_WIDTH, rows / IMAGE_HEIGHT)
        return [
            replace(spot, center=spot.center + corner)
            for spot in see(self._network, quarter)
            if spot.extent < small
        ]


def _not_followed(spots: list[Spot], followed: list[np.ndarray]) -> list[Spot]:
    return [spot for spot in spots if not any(_is_looked_at(spot, crop) for crop in followed)]


def _is_looked_at(spot: Spot, outline: np.ndarray) -> bool:
    """Whether a crop, corners (4, 2) px, is around this hand and about as close as its own would be."""
    extent = OWN_CROP_MARGIN * float(np.linalg.norm(outline[1] - outline[0]))
    alike = 0.4 < spot.extent / extent < 2.5
    return alike and is_at(spot, outline.mean(axis=0), extent)
