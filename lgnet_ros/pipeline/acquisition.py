"""Finding hands that are not followed yet: where to look, and what of the answers to believe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, box_around, upright_roll
from lgnet_ros.hand_model.topology import WRIST_AND_KNUCKLE
from lgnet_ros.pipeline.changes import Changes
from lgnet_ros.pipeline.observation import Observation

_T = TypeVar("_T")
# Share of a found hand's own crop that its joints take: the flesh around them, and a margin.
OWN_CROP_MARGIN = 0.7
# How search crops are turned. The network knows hands with their fingers up best, and nothing has told yet
# where they point; people's hardly ever point down.
_ROLLS_RAD = (0.0, pi / 2, -pi / 2)


class Region(NamedTuple):
    """Where to look: a square of the image, center (2,) and side in px, and the roll of its crop camera (see
    `CropCamera.from_box`).
    """

    center: np.ndarray
    side: float
    roll_rad: float = 0.0

    @classmethod
    def upright(cls, joints_px: np.ndarray) -> Region:
        """A found hand's own, its fingers up. joints_px: (21, 2), some of them finite."""
        _, extent_px = box_around(joints_px, margin=1.0)
        roll_rad = upright_roll(joints_px[None, WRIST_AND_KNUCKLE], extent_px)
        return cls(*box_around(joints_px, OWN_CROP_MARGIN, roll_rad), roll_rad)


@dataclass(frozen=True)
class AcquisitionSettings:
    """Where hands are searched, and how sure a found one must be.

    Attributes:
        tile_share: a tile's side over the image's shorter side.
        crops_searching: boxes searched in a frame while no hand is followed.
        crops_following: the same while some hand is followed and another one is missing.
        crops_closer: crops of their own in a frame for what the search has found.
        suspect: presence from which a hand seen in the search gets a crop of its own.
        enter: presence that a new hand must reach in a crop of its own.
        smallest_px: least extent of a new hand's joints in the image; below it nobody can say what is a hand.
        resized: how many times larger or smaller than in the search a hand may look in a crop of its own.
            What is no hand has no size: closer looks find it ever smaller.
    """

    tile_share: float = 2 / 3
    crops_searching: int = 4
    crops_following: int = 1
    crops_closer: int = 2
    suspect: float = 0.4
    enter: float = 0.7
    smallest_px: float = 24.0
    resized: float = 2.0


@runtime_checkable
class Detector(Protocol):
    """Says where hands might be, for crops of their own to tell."""

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """Up to about `count` regions to look at in this frame; may be none. followed: outlines (4, 2), px of
        the image, of the crops in which followed hands are looked for already.
        """


class TileDetector:
    """LGNet finds hands by itself: the whole frame and overlapping tiles, each in three rolls, a few a frame,
    taken in turn; and ahead of its turn the tile in which most has changed, for a hand that comes moves.
    """

    def __init__(self, tile_share: float) -> None:
        self._tile_share = tile_share
        self._changes = Changes()
        self._turns: Counter[str] = Counter()

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """Of several, one is the whole frame, half are the changed tile, the rest the next tiles. A single
        one is every other time the changed tile, else the whole frame or the next tile.
        """
        whole, tiles = self._layout(intrinsics.width, intrinsics.height)
        if count >= len(whole) + len(tiles):
            return whole + tiles
        places = len(tiles) // len(_ROLLS_RAD)
        most = self._changes.most(image, tiles[:places], followed)
        changed = [] if most is None else tiles[most::places]
        if count > 1:
            chosen = self._next("whole", whole) + self._next("changed", changed, count // 2)
            return chosen + self._next("tile", tiles, count - len(chosen))
        (frame,) = self._next("frame", range(4))
        if changed and frame % 2 == 0:
            return self._next("changed", changed)
        return self._next("whole", whole) if frame == 1 else self._next("tile", tiles)

    def _next(self, kind: str, things: Sequence[_T], count: int = 1) -> list[_T]:
        """The next so many of a kind, round and round; of none, none."""
        start = self._turns[kind]
        self._turns[kind] += count
        return [things[(start + k) % len(things)] for k in range(count if things else 0)]

    def _layout(self, width: int, height: int) -> tuple[list[Region], list[Region]]:
        """The square around the frame, and tiles that overlap by at least half of their side: all once, then
        all in their next roll; neighbors differ in theirs.
        """
        middle, longer = np.array([(width - 1) / 2, (height - 1) / 2]), float(max(width, height))
        side = self._tile_share * min(width, height)
        columns, rows = (int(np.ceil(2 * length / side)) - 1 for length in (width, height))
        centers = [
            np.array([x, y]) - 0.5
            for y in np.linspace(side / 2, height - side / 2, max(rows, 1))
            for x in np.linspace(side / 2, width - side / 2, max(columns, 1))
        ]
        rolls = len(_ROLLS_RAD)
        return [Region(middle, longer, roll) for roll in _ROLLS_RAD], [
            Region(center, side, _ROLLS_RAD[(k + turn) % rolls])
            for turn in range(rolls)
            for k, center in enumerate(centers)
        ]


class NoDetector:
    """Looks for nothing by itself: boxes come with each frame, from outside."""

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """None."""
        return []


def regions_of_detections(detections: np.ndarray, turn: int, margin: float = 0.8) -> list[Region]:
    """Around detections (N, 4): center x, center y, width, height, px of the image. What they point at is not
    known, so the crops are turned otherwise each `turn`.
    """
    roll = _ROLLS_RAD[turn % len(_ROLLS_RAD)]
    return [
        Region(row[:2], float(row[2:].max() / margin), roll)
        for row in np.asarray(detections, dtype=np.float64)
    ]


def candidates(
    observations: list[Observation], taken: list[Observation], settings: AcquisitionSettings
) -> list[Observation]:
    """Hands worth a crop of their own: likely enough, large enough, each one once, none that is `taken`."""
    likely = [o for o in observations if o.score >= settings.suspect and o.box[1] >= settings.smallest_px]
    return distinct(likely, taken)


def distinct(observations: list[Observation], taken: list[Observation]) -> list[Observation]:
    """Each hand once, as the surest observation shows it, and none that is `taken`."""
    chosen: list[Observation] = []
    for observation in sorted(observations, key=lambda o: o.score, reverse=True):
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


def confirms(closer: Observation, candidate: Observation, settings: AcquisitionSettings) -> bool:
    """Whether a crop of its own shows a hand for sure where a candidate was seen, and of about its size.

    Which hand it is, the closer look may see differently.
    """
    (center, size), (was_center, was_size) = closer.box, candidate.box
    return bool(
        closer.score >= settings.enter
        and size >= settings.smallest_px
        and 1 / settings.resized <= size / was_size <= settings.resized
        and np.linalg.norm(center - was_center) < 0.5 * max(size, was_size)
    )
