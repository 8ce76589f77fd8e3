"""Where the tracker looks for the hands that it follows, on hands that are balls of points."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.pipeline.tracking import Look, Person, Track, Tracker, TrackingSettings

CAMERA = CameraIntrinsics(640, 480, np.array([[500.0, 0, 319.5], [0, 500.0, 239.5], [0, 0, 1]]))
SETTINGS = TrackingSettings()
BALL = 0.08 * np.random.default_rng(0).uniform(-1, 1, (778, 3)) * [1, 1, 0]  # flat: its outline is exact
AWAY_M = 0.6


class Scene:
    """One person, whose hands are put anywhere and have been seen at 0 s."""

    def __init__(self) -> None:
        self.tracker = Tracker(SETTINGS, max_people=1)
        self.person = Person(0)
        self.tracker.people = [self.person]

    def put(
        self, side: int, x: float, velocity: tuple[float, ...] = (0.0, 0.0, 0.0), seen: bool = True
    ) -> Track:
        surface = BALL + [x, 0, AWAY_M]
        still = SimpleNamespace(velocity=np.array([*velocity, 0, 0, 0]))
        track = Track(side, side, still, surface, surface[:21], 130.0, 0.0, 0.0, 0.0, seen=seen)
        self.person.tracks[side] = track
        return track

    def looks(self, stamp_s: float = 0.0) -> list[Look]:
        return self.tracker.looks(stamp_s, CAMERA, 192)


def middle_px(look: Look) -> np.ndarray:
    middle = (look.crop.size_px - 1) / 2
    return look.crop.image_pixels(np.array([[middle, middle]]), CAMERA)[0]


@pytest.mark.parametrize(("stamp_s", "led_s"), [(0.0, 0.0), (0.1, 0.1), (0.15, 0.15), (0.29, 0.15)])
def test_a_crop_leads_a_hand_that_moves_but_not_for_long(stamp_s: float, led_s: float) -> None:
    scene = Scene()
    scene.put(0, -0.1, velocity=(1.0, 0.2, 0.0))
    (look,) = scene.looks(stamp_s)
    before = np.array([319.5 + 500 * -0.1 / AWAY_M, 239.5])
    np.testing.assert_allclose(
        middle_px(look), before + 500 / AWAY_M * led_s * np.array([1.0, 0.2]), atol=4.0
    )


def test_an_unseen_hand_is_looked_for_then_only_known_then_forgotten() -> None:
    scene = Scene()
    track = scene.put(0, 0.0, seen=False)
    assert len(scene.looks(SETTINGS.coast_s - 0.01)) == 1
    assert scene.looks(SETTINGS.coast_s + 0.01) == [] and scene.tracker.tracks == [track]
    assert scene.looks(SETTINGS.memory_s + 0.01) == [] and scene.tracker.tracks == []
    assert scene.tracker.people == []


def test_all_is_settled_only_while_every_hand_that_is_known_is_seen() -> None:
    scene = Scene()
    assert not scene.tracker.settled and scene.tracker.missing == 2
    scene.put(0, 0.0)
    assert scene.tracker.settled and scene.tracker.missing == 1
    left = scene.put(1, 0.1, seen=False)
    assert not scene.tracker.settled and scene.tracker.missing == 1
    left.seen = True
    assert scene.tracker.settled and scene.tracker.missing == 0


def test_hands_share_a_crop_when_near_and_part_a_little_further_than_they_joined() -> None:
    scene = Scene()
    scene.put(0, 0.0)

    def crops(apart_m: float) -> int:
        scene.put(1, apart_m)
        return len(scene.looks())

    there = np.arange(0.06, 0.0, -0.0005)
    joined = next(apart for apart in there if crops(apart) == 1)
    parted = next(apart for apart in there[::-1] if crops(apart) == 2)
    # Balls of 0.16 m: the square around both is (0.16 + apart) / 0.16 times as wide as one's own.
    width = np.ptp(BALL[::4, 0])
    assert 1 + joined / width == pytest.approx(SETTINGS.join, abs=0.02)
    assert 1 + parted / width == pytest.approx(SETTINGS.part, abs=0.02)


def test_each_crop_says_which_hands_are_to_be_read_from_it() -> None:
    scene = Scene()
    right, left = scene.put(0, -0.15), scene.put(1, 0.15)
    assert [look.tracks for look in scene.looks()] == [(right,), (left,)]
    right, left = scene.put(0, 0.0), scene.put(1, 0.0)
    assert [look.tracks for look in scene.looks()] == [(right, left)]


def test_a_hand_outside_the_image_is_not_looked_for() -> None:
    scene = Scene()
    scene.put(0, 2.0)
    assert scene.looks() == []


def accepted(scene: Scene, track: Track, shift_px: float, size_px: float, stamp_s: float) -> bool:
    """Whether what is seen `shift_px` beside where the hand should be, and so large, is taken for it."""
    scene.looks(stamp_s)
    box = (track.box[0] + [shift_px, 0.0], size_px)
    return scene.tracker.accepts(track, SimpleNamespace(side=0, box=box), stamp_s)


def test_what_is_seen_is_the_hand_only_where_it_should_be_and_as_large() -> None:
    scene = Scene()
    track = scene.put(0, 0.0)
    assert accepted(scene, track, 0.0, 130.0, 0.0)
    assert accepted(scene, track, 0.0, 2 * 129.0, 0.0) and not accepted(scene, track, 0.0, 2 * 131.0, 0.0)
    assert accepted(scene, track, 0.0, 131.0 / 2, 0.0) and not accepted(scene, track, 0.0, 129.0 / 2, 0.0)
    limit = SETTINGS.gate * track.box[1]
    assert accepted(scene, track, limit - 1, 130.0, 0.0) and not accepted(scene, track, limit + 1, 130.0, 0.0)
    later = (SETTINGS.gate + SETTINGS.gate_growth * 0.2) * track.box[1]
    assert accepted(scene, track, later - 1, 130.0, 0.2) and not accepted(scene, track, later + 1, 130.0, 0.2)


def test_a_speck_is_no_hand_that_was_followed() -> None:
    scene = Scene()
    track = scene.put(0, 0.0)
    track.size_px = 20.0
    assert accepted(scene, track, 0.0, SETTINGS.smallest_px + 1, 0.0)
    assert not accepted(scene, track, 0.0, SETTINGS.smallest_px - 1, 0.0)
