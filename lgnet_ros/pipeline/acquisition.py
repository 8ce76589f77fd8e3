"""Finding hands that are not followed yet: where to look."""

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

_T = TypeVar("_T")
# Share of a found hand's own crop that its joints take: the flesh around them, and a margin.
OWN_CROP_MARGIN = 0.7
# How search crops are turned. The network knows hands with their fingers up best, and nothing has told yet
# where they point; people's hardly ever point down.
_ROLLS_RAD = (0.0, pi / 2, -pi / 2)
# What search crops look at, in turn. The whole frame is for hands that fill it; a hand that comes moves; one
# that was there before may lie still.
_TURNS = ("whole", "changed", "tile", "changed", "tile")


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
        crops_at_once: crops of one look while nobody is followed or a hand is unseen, those of followed hands
            included; a step looks twice. More than there are cores take longer than they find.
        crops_following: crops in which a step searches beside followed hands that are seen.
        suspect: presence from which a hand seen in the search gets a crop of its own.
        enter: how sure a new hand must be; looks at it in consecutive frames add up, see `Suspect`. Seen
            alike again and again, with a presence of 0.88, it gets there.
        smallest_px: least extent of a new hand's joints in the image; below it nobody can say what is a hand.
        resized: how many times larger or smaller than in the search a hand may look in a crop of its own.
            What is no hand has no size: closer looks find it ever smaller.
    """

    tile_share: float = 2 / 3
    crops_at_once: int = 2
    crops_following: int = 1
    suspect: float = 0.6
    enter: float = 0.98
    smallest_px: float = 24.0
    resized: float = 2.0


@runtime_checkable
class Detector(Protocol):
    """Says where hands might be, for crops of their own to tell."""

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """Up to about `count` regions to look at in this frame; may be none.

        followed: outlines (4, 2), px of the image, of the crops in which followed hands are looked for
        already.
        """


@runtime_checkable
class SecondOpinion(Protocol):
    """A detector that can also say of a place whether a hand is there."""

    def evidence(self, image: np.ndarray, intrinsics: CameraIntrinsics, joints_px: np.ndarray) -> float:
        """Log odds of a hand at joints (21, 2), px of the image; 0 says nothing."""


class TileDetector:
    """LGNet finds hands by itself, through a few crops a frame: of overlapping tiles, of the tile in which
    most has changed and of the whole frame, each time round in the next of three rolls.
    """

    def __init__(self, tile_share: float) -> None:
        self._tile_share = tile_share
        self._changes = Changes()
        self._turns: Counter[str] = Counter()

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """See `Detector.regions`."""
        whole, tiles = self._layout(intrinsics.width, intrinsics.height)
        if count >= len(whole) + len(tiles):
            return whole + tiles
        places = len(tiles) // len(_ROLLS_RAD)
        most = self._changes.most(image, tiles[:places], followed)
        kinds = {"whole": whole, "tile": tiles}
        if most is not None:
            kinds["changed"] = tiles[most::places]
        turns = [turn if turn in kinds else "tile" for turn in self._next("turn", _TURNS, count)]
        return [region for turn in turns for region in self._next(turn, kinds[turn])]

    def _next(self, kind: str, things: Sequence[_T], count: int = 1) -> list[_T]:
        """The next so many of a kind, round and round."""
        start = self._turns[kind]
        self._turns[kind] += count
        return [things[(start + k) % len(things)] for k in range(count)]

    def _layout(self, width: int, height: int) -> tuple[list[Region], list[Region]]:
        """The square around the frame, and tiles that overlap by at least half of their side: all once, then
        all in their next roll; neighbors differ in theirs.
        """
        middle, longer = np.array([(width - 1) / 2, (height - 1) / 2]), float(max(width, height))
        side = self._tile_share * min(width, height)
        # Not one more for a rounding error: of 400 px, 2/3 is a third of twice as many, and a bit less.
        columns, rows = (int(np.ceil(2 * length / side - 1e-6)) - 1 for length in (width, height))
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
