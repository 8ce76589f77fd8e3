"""A search that sees the whole image at once: where the network sees a hand, LGNet looks through a crop."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.network.hand_centers import IMAGE_HEIGHT, IMAGE_WIDTH
from lgnet_ros.pipeline.acquisition import OWN_CROP_MARGIN, Region
from lgnet_ros.pipeline.second_opinion import palm_evidence
from lgnet_ros.pipeline.spots import SeesCenters, Spot, centers_in, is_among, is_at, palms_in

_ROUND = 8  # searches until a spot that has been looked at is as good as new
# Small hands are looked for in a quarter of the image at a time. Quarters overlap, by a fifth of the image
# so that a small hand is whole in one of them; what is larger there the whole image shows well enough.
_QUARTER = 0.6
_SMALL_PX = 60.0


class CenterDetector:
    """A `Detector`: where centers of hands are that no followed hand's crop is around. Those that have waited
    longest for a look come first: what is no hand must not keep a hand from being found.

    Centers always see the whole image. Where the network has palms, these see it every other time, and both
    take turns at quarters in between: a search takes about as long as without them.
    """

    def __init__(self, network: SeesCenters) -> None:
        self._network = network
        self._eyes = (palms_in, centers_in) if network.has_palms else (centers_in,)
        self._searches = 0
        self._quarters = 0  # that have been looked at
        self._looked_at: list[tuple[Spot, int]] = []  # and in which search

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """See `Detector.regions`; of those that have waited equally long palms first, then the likeliest."""
        every_other = self._searches % 2 == 1
        eyes = self._eyes if every_other else (centers_in,)
        new = _not_followed(_joined(see(self._network, image) for see in eyes), followed)
        # Beside followed hands less often: what is missing there mostly belongs to somebody as near.
        if len(new) < count and not (every_other and (followed or self._network.has_palms)):
            new = _joined([new, _not_followed(self._small_spots(image), followed)])
        self._searches += 1
        chosen = sorted(new, key=self._waited, reverse=True)[:count]
        self._looked_at = [look for look in self._looked_at if self._searches - look[1] < _ROUND]
        self._looked_at += [(spot, self._searches) for spot in chosen]
        return [spot.region for spot in chosen]

    def evidence(self, image: np.ndarray, intrinsics: CameraIntrinsics, joints_px: np.ndarray) -> float:
        """See `SecondOpinion.evidence`; without palms there is none."""
        if not self._network.has_palms:
            return 0.0
        return palm_evidence(self._network, image, intrinsics, joints_px)

    def _waited(self, spot: Spot) -> int:
        """Searches since it has been looked at, `_ROUND` at most."""
        since = [
            self._searches - search
            for other, search in self._looked_at
            if is_at(spot, other.center, other.extent)
        ]
        return min(since, default=_ROUND)

    def _small_spots(self, image: np.ndarray) -> list[Spot]:
        """Those of a quarter of the image that are small there, px of the image; once each eye has seen it,
        of the next.
        """
        height, width = image.shape[:2]
        rows, columns = math.ceil(_QUARTER * height), math.ceil(_QUARTER * width)
        quarters, turn = divmod(self._quarters, len(self._eyes))
        below, right = divmod(quarters % 4, 2)
        self._quarters += 1
        corner = np.array([right * (width - columns), below * (height - rows)])
        quarter = image[corner[1] : corner[1] + rows, corner[0] : corner[0] + columns]
        small = _SMALL_PX * max(columns / IMAGE_WIDTH, rows / IMAGE_HEIGHT)
        return [
            replace(spot, center=spot.center + corner)
            for spot in self._eyes[turn](self._network, quarter)
            if spot.extent < small
        ]


def _joined(seen: Iterable[list[Spot]]) -> list[Spot]:
    """All that is seen; what is of one hand, as it was seen first."""
    joined: list[Spot] = []
    for spots in seen:
        joined += [spot for spot in spots if not is_among(spot, joined)]
    return joined


def _not_followed(spots: list[Spot], followed: list[np.ndarray]) -> list[Spot]:
    return [spot for spot in spots if not any(_is_looked_at(spot, crop) for crop in followed)]


def _is_looked_at(spot: Spot, outline: np.ndarray) -> bool:
    """Whether a crop, corners (4, 2) px, is around this hand and about as close as its own would be."""
    extent = OWN_CROP_MARGIN * float(np.linalg.norm(outline[1] - outline[0]))
    alike = 0.4 < spot.extent / extent < 2.5
    return alike and is_at(spot, outline.mean(axis=0), extent)
