"""Following hands from frame to frame: where to look next, which hand is which, and when one is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.geometry import APART, CameraIntrinsics, CropCamera, box_around, upright_roll
from lgnet_ros.hand_model.topology import WRIST_AND_KNUCKLE
from lgnet_ros.jit import exactly
from lgnet_ros.pipeline.filters import HandFilter
from lgnet_ros.pipeline.observation import Observation

Box = tuple[np.ndarray, float]
"""Center (2,) and side of a square, px of the image."""

_STRIDE = 4  # every fourth vertex outlines a hand to a few millimetres


@dataclass(frozen=True)
class TrackingSettings:
    """When a hand counts as lost, and which crops look for it.

    Attributes:
        stay: presence below which a followed hand is not seen; to be found takes `AcquisitionSettings.enter`.
        back: presence that it must reach to be seen again.
        coast_s: how long a crop goes on looking where an unseen hand should be.
        sure_s: how long a hand must have been followed for the other one in its place to be a confusion.
        memory_s: how long a hand that comes back gets its old identity.
        gate: how far a hand may be from where it should be, in sizes of the hand.
        gate_growth: how much further for each second unseen.
        resized: how many times larger or smaller than before it may look.
        smallest_px: least extent of its joints in the image; to be found takes
            `AcquisitionSettings.smallest_px`.
        join: both hands begin to share a crop when its side is at most that many times the larger one's own.
        part: they stop sharing it when it is more than that.
        reach_m: how far apart one person's hands can be.
        lookahead_s: the longest time over which a motion is extrapolated.
    """

    stay: float = 0.4
    back: float = 0.55
    coast_s: float = 0.3
    sure_s: float = 0.15
    memory_s: float = 1.0
    gate: float = 0.6
    gate_growth: float = 2.0
    resized: float = 2.0
    smallest_px: float = 16.0
    join: float = APART
    part: float = 1.1 * APART
    reach_m: float = 1.5
    lookahead_s: float = 0.15


@dataclass(eq=False)
class Track:
    """One hand that is followed, or was until a moment ago. vertices (778, 3), joints (21, 3): m; size_px,
    the side of `Observation.box`: as it was seen last. asked_s, doubts: when a second opinion about it was
    last asked for, and how many in a row were that it is no hand.
    """

    track_id: int
    side: int
    filter: HandFilter
    vertices: np.ndarray
    joints: np.ndarray
    size_px: float
    stamp_s: float
    found_s: float
    asked_s: float
    doubts: int = 0
    seen: bool = True
    box: Box | None = None  # where it should be in this frame

    def predict(self, stamp_s: float, intrinsics: CameraIntrinsics, lookahead_s: float) -> np.ndarray:
        """(2 + N, 2) px where the hand should be seen now: wrist and middle finger's knuckle, then its
        surface; `box` around that, None outside the image.
        """
        ahead = min(stamp_s - self.stamp_s, lookahead_s)
        points = np.concatenate([self.joints[WRIST_AND_KNUCKLE], self.vertices[::_STRIDE]])
        pixels = intrinsics.project(points + self.filter.velocity[:3] * ahead)
        self.box = visible_box(pixels, intrinsics)
        return pixels


@dataclass(eq=False)
class Person:
    """Up to two hands that belong together. tracks: side → track. joint: whether one crop serves both."""

    person_id: int
    tracks: dict[int, Track] = field(default_factory=dict)
    joint: bool = False

    def distance(self, wrist: np.ndarray) -> float:
        """m from a wrist to the nearer of this person's hands."""
        return min(
            float(np.linalg.norm(track.vertices.mean(axis=0) - wrist)) for track in self.tracks.values()
        )


@dataclass(frozen=True)
class Look:
    """One crop of a frame, and the tracks that are to be read from it (none: a search)."""

    crop: CropCamera
    tracks: tuple[Track, ...] = ()


def look_at(
    intrinsics: CameraIntrinsics,
    box: Box,
    size_px: int,
    roll_rad: float = 0.0,
    tracks: tuple[Track, ...] = (),
) -> Look | None:
    """A crop of that box, `size_px` wide; None where the lens shows nothing: no ray leads to its center."""
    try:
        return Look(CropCamera.from_box(intrinsics, *box, size_px, roll_rad), tracks)
    except UserError:
        return None


class Tracker:
    """Knows which hands of which people are being followed."""

    def __init__(self, settings: TrackingSettings, max_people: int) -> None:
        self.settings = settings
        self.max_people = max_people
        self.people: list[Person] = []
        self._next_track = self._next_person = 0

    def reset(self) -> None:
        """Forget everybody; identities are not used again."""
        self.people = []

    @property
    def tracks(self) -> list[Track]:
        """Everybody's hands."""
        return [track for person in self.people for track in person.tracks.values()]

    @property
    def missing(self) -> int:
        """How many hands could still be found."""
        return 2 * self.max_people - sum(track.seen for track in self.tracks)

    @property
    def settled(self) -> bool:
        """Whether hands are followed and all that are known are seen."""
        return bool(self.tracks) and all(track.seen for track in self.tracks)

    def looks(self, stamp_s: float, intrinsics: CameraIntrinsics, size_px: int) -> list[Look]:
        """The crops in which the followed hands should be seen at `stamp_s`; forgets those unseen for too
        long.
        """
        looks = []
        for person in self.people:
            pixels = {}
            for side, track in list(person.tracks.items()):
                if stamp_s - track.stamp_s > self.settings.memory_s:
                    del person.tracks[side]
                    continue
                track_pixels = track.predict(stamp_s, intrinsics, self.settings.lookahead_s)
                if track.box is not None and stamp_s - track.stamp_s <= self.settings.coast_s:
                    pixels[track] = track_pixels
            looks += self._looks_at(person, pixels, intrinsics, size_px)
        self.people = [person for person in self.people if person.tracks]
        return looks

    def _looks_at(
        self, person: Person, pixels: dict[Track, np.ndarray], intrinsics: CameraIntrinsics, size_px: int
    ) -> list[Look]:
        """One crop for both hands where that leaves them large enough, else one each.

        pixels: of the hands to look at, which all have a `box`.
        """
        if len(pixels) == 2:
            together = visible_box(np.concatenate(list(pixels.values())), intrinsics)
            limit = self.settings.part if person.joint else self.settings.join
            larger = max(track.box[1] for track in pixels if track.box is not None)
            person.joint = together is not None and together[1] <= limit * larger
            if together is not None and person.joint:
                return _upright_look(pixels, together[1], intrinsics, size_px)
        looks: list[Look] = []
        for track, seen in pixels.items():
            if track.box is not None:
                looks += _upright_look({track: seen}, track.box[1], intrinsics, size_px)
        return looks

    def accepts(self, track: Track, observation: Observation, stamp_s: float) -> bool:
        """Whether an observation may be this track's hand: near enough to where it should be, and about as
        large as it was.
        """
        resized = observation.box[1] / track.size_px
        if track.box is None or not 1 / self.settings.resized <= resized <= self.settings.resized:
            return False
        if observation.box[1] < self.settings.smallest_px:
            return False
        unseen_s = stamp_s - track.stamp_s
        center, side = track.box
        limit = (self.settings.gate + self.settings.gate_growth * unseen_s) * max(side, observation.box[1])
        return bool(np.linalg.norm(observation.box[0] - center) <= limit)

    def claim(
        self, observation: Observation, wrist: np.ndarray, stamp_s: float
    ) -> tuple[Person, Track | None] | None:
        """Whose hand a newly found one is: that of somebody who lost it (with its track), of somebody who
        lacks it, of somebody new, or nobody's (None): everybody has two hands and there are people enough, or
        it is where the other hand was an instant ago, so that the network has more likely confused the sides.
        """
        side = observation.side
        lost = [
            (person, track)
            for person in self.people
            if (track := person.tracks.get(side)) is not None
            and not track.seen
            and self.accepts(track, observation, stamp_s)
        ]
        if lost:
            return min(lost, key=lambda one: np.linalg.norm(one[1].box[0] - observation.box[0]))
        if self._confused(observation, stamp_s):
            return None
        lacking = self._lacking(side, wrist)
        if lacking:
            return min(lacking, key=lambda p: p.distance(wrist)), None
        if len(self.people) >= self.max_people:
            return None
        self._next_person += 1
        self.people.append(Person(self._next_person - 1))
        return self.people[-1], None

    def take(
        self,
        person: Person,
        lost: Track | None,
        side: int,
        hand_filter: HandFilter,
        vertices: np.ndarray,
        joints: np.ndarray,
        size_px: float,
        stamp_s: float,
    ) -> Track:
        """Follow a hand of a person from here on: as the one that was lost, or under a new identity."""
        if lost is not None:
            lost.filter, lost.seen = hand_filter, True
            return lost
        track = Track(self._next_track, side, hand_filter, vertices, joints, size_px, *[stamp_s] * 3)
        self._next_track += 1
        person.tracks[side] = track
        return track

    def give_up(self, track: Track) -> None:
        """Follow it no longer."""
        for person in self.people:
            person.tracks = {side: other for side, other in person.tracks.items() if other is not track}

    def distance(self, side: int, wrist: np.ndarray) -> float:
        """m from a wrist to the nearest hand of somebody who lacks this side; infinite if nobody does."""
        return min((person.distance(wrist) for person in self._lacking(side, wrist)), default=np.inf)

    def _lacking(self, side: int, wrist: np.ndarray) -> list[Person]:
        """People whose hand of that side is not seen and who could have it where this wrist is."""
        lacking = [p for p in self.people if side not in p.tracks or not p.tracks[side].seen]
        return [p for p in lacking if self.max_people == 1 or p.distance(wrist) <= self.settings.reach_m]

    def _confused(self, observation: Observation, stamp_s: float) -> bool:
        """Whether a hand of the other side was here just now and is not seen any more."""
        center, size = observation.box
        return any(
            track.side != observation.side
            and not track.seen
            and track.box is not None
            and stamp_s - track.stamp_s <= self.settings.coast_s
            and track.stamp_s - track.found_s >= self.settings.sure_s
            and np.linalg.norm(track.box[0] - center) < 0.5 * size
            for track in self.tracks
        )


def _upright_look(
    pixels: dict[Track, np.ndarray], extent_px: float, intrinsics: CameraIntrinsics, size_px: int
) -> list[Look]:
    """A crop for these hands, turned so that their fingers point up: as the network is trained on them, and
    as MediaPipe's was, with whose weights the training of nano begins.

    pixels: as `Track.predict` gives them; without any in the image there is no crop.
    """
    roll = upright_roll(np.stack([seen[:2] for seen in pixels.values()]), extent_px)
    box = visible_box(np.concatenate(list(pixels.values())), intrinsics, roll)
    look = None if box is None else look_at(intrinsics, box, size_px, roll, tuple(pixels))
    return [] if look is None else [look]


def visible_box(pixels: np.ndarray, intrinsics: CameraIntrinsics, roll_rad: float = 0.0) -> Box | None:
    """The box, turned by `roll_rad`, around what lies in the image of (N, 2) pixels; None when that is next
    to nothing.
    """
    held = np.empty_like(pixels)
    if _hold(pixels, intrinsics.width - 1.0, intrinsics.height - 1.0, held) < 0.1 * len(pixels):
        return None
    return box_around(held, roll_rad=roll_rad)


@exactly
def _hold(pixels, last_x, last_y, held):
    """Brings pixels (N, 2) to the image's border where they lie beyond, in `held`; how many lie within."""
    within = 0
    for n in range(len(pixels)):
        x, y = pixels[n, 0], pixels[n, 1]
        within += 0 <= x <= last_x and 0 <= y <= last_y  # NaN is not
        held[n, 0] = min(max(x, 0.0), last_x) if math.isfinite(x) else x
        held[n, 1] = min(max(y, 0.0), last_y) if math.isfinite(y) else y
    return within
