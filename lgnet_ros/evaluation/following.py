"""How well the whole pipeline follows hands through films: found, kept, told apart, placed; how smoothly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from lgnet_ros.data.sample import HandSample
from lgnet_ros.evaluation import metrics
from lgnet_ros.evaluation.coverage import CHI2_95_3DOF, squared_distance
from lgnet_ros.evaluation.evaluation import FAR_M, NEAR_M
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.pipeline import Frame, Hand, HandsPipeline

_LEAST_VISIBLE_JOINTS = 8  # fewer than that, and losing the hand is no fault
_GRACE = 3  # frames that acquisition may take
_LAG_SPEEDS = 0.45, 0.6  # m/s: around the 0.5 m/s for which a lag is stated


@dataclass
class FollowingScore:
    """Counts over films; both hands together.

    Attributes:
        visible: hand-frames in which a hand could have been followed: visible, and so in the frames before it
            that acquisition may take.
        lost: those of them without the hand.
        delays: per appearance of a hand that was found, the frames until then.
        never_found: appearances, longer than acquisition may take, that ended without the hand being found.
        identity_changes: how often a hand that stayed visible went on under another track id.
        swapped: hand-frames in which a hand lies nearer to the other true hand than to its own.
        false_hands: hand-frames with a hand that is not there.
        wrist_mm: errors of the wrist as placed in each frame, before the filter, at 0.3–1 m.
        within_95: per wrist, whether the truth lies in the stated 95 % ellipsoid.
        lagging_m: (raw − filtered) along the velocity, and speed, of wrists that move at about 0.5 m/s.
        jitters: (second difference of raw, of filtered joints' errors, frames) of each run of frames.
    """

    visible: int = 0
    lost: int = 0
    delays: list[int] = field(default_factory=list)
    never_found: int = 0
    identity_changes: int = 0
    swapped: int = 0
    false_hands: int = 0
    wrist_mm: list[float] = field(default_factory=list)
    within_95: list[bool] = field(default_factory=list)
    lagging_m: list[tuple[float, float]] = field(default_factory=list)
    jitters: list[tuple[float, float, int]] = field(default_factory=list)

    @classmethod
    def total(cls, scores: Iterable[FollowingScore]) -> FollowingScore:
        """Over several films."""
        total = cls()
        for score in scores:
            for one in fields(cls):
                setattr(total, one.name, getattr(total, one.name) + getattr(score, one.name))
        return total

    @property
    def jitter_mm(self) -> dict[str, float | None]:
        """mm per frame², before and after the temporal filter."""
        if not self.jitters:
            return {"raw": None, "filtered": None}
        raw, filtered, frames = np.array(self.jitters).T
        return {
            "raw": float(np.average(raw, weights=frames)),
            "filtered": float(np.average(filtered, weights=frames)),
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON; None where nothing was seen to measure."""
        appearances = len(self.delays) + self.never_found
        behind, speed = np.array(self.lagging_m).reshape(-1, 2).T
        return {
            "hand_frames": self.visible,
            "lost_rate": self.lost / self.visible if self.visible else None,
            "appearances": appearances,
            "acquired_in_3_frames": float(np.sum(np.array(self.delays) <= _GRACE)) / appearances
            if appearances
            else None,
            "acquisition_frames_max": max(self.delays, default=None),
            "never_found": self.never_found,
            "identity_changes": self.identity_changes,
            "swapped": self.swapped,
            "false_hands": self.false_hands,
            "wrist_median_mm": float(np.median(self.wrist_mm)) if self.wrist_mm else None,
            "wrist_p90_mm": float(np.quantile(self.wrist_mm, 0.9)) if self.wrist_mm else None,
            "ellipsoid_95_coverage": float(np.mean(self.within_95)) if self.within_95 else None,
            "lag_ms": float(1e3 * (behind @ speed) / (speed @ speed)) if len(speed) else None,
        }


class _Follower:
    """Keeps count of one hand through one film."""

    def __init__(self, score: FollowingScore, side: int) -> None:
        self._score, self._side = score, side
        self._seen_for, self._found, self._track_id = 0, False, -1
        self._last: tuple[float, np.ndarray] | None = None
        self._run: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, frame: Frame, sample: HandSample) -> None:
        side, score = self._side, self._score
        hand = frame.hand(SIDES[side])
        if not sample.presence[side] or sample.visibility[side].sum() < _LEAST_VISIBLE_JOINTS:
            score.false_hands += hand is not None and not sample.presence[side]
            self.end()
            return
        self._seen_for += 1
        if self._seen_for > _GRACE:
            score.visible += 1
            score.lost += hand is None
        if hand is None:
            self._end_run()
        else:
            if not self._found:
                score.delays.append(self._seen_for)
            elif hand.track_id != self._track_id:
                score.identity_changes += 1
            self._found, self._track_id = True, hand.track_id
            self._place(hand, sample)
            self._smoothness(hand, frame.stamp_s, sample)
        self._last = (frame.stamp_s, sample.joints[side, 0])

    def end(self) -> None:
        """The hand has left, or the film is over."""
        self._score.never_found += self._seen_for > _GRACE and not self._found
        self._seen_for, self._found, self._last = 0, False, None
        self._end_run()

    def _place(self, hand: Hand, sample: HandSample) -> None:
        wrist, true = hand.raw.joints[0], sample.joints[self._side, 0].astype(np.float64)
        error, distance = wrist - true, float(np.linalg.norm(true))
        if NEAR_M <= distance <= FAR_M:
            self._score.wrist_mm.append(1e3 * float(np.linalg.norm(error)))
        inside = squared_distance(error, hand.position_covariance) < CHI2_95_3DOF
        self._score.within_95.append(bool(inside))
        if sample.presence.all():
            other = np.linalg.norm(wrist - sample.joints[1 - self._side, 0])
            self._score.swapped += bool(other < np.linalg.norm(error))

    def _smoothness(self, hand: Hand, stamp_s: float, sample: HandSample) -> None:
        true = sample.joints[self._side].astype(np.float64)
        self._run.append((hand.raw.joints, hand.joints, true))
        if self._last is None or len(self._run) < 2 or stamp_s <= self._last[0]:
            return
        velocity = (true[0] - self._last[1]) / (stamp_s - self._last[0])
        speed = float(np.linalg.norm(velocity))
        if _LAG_SPEEDS[0] <= speed <= _LAG_SPEEDS[1]:
            behind = (hand.raw.joints[0] - hand.joints[0]) @ velocity / speed
            self._score.lagging_m.append((float(behind), speed))

    def _end_run(self) -> None:
        if len(self._run) >= 3:
            raw, filtered, true = (np.stack(part) for part in zip(*self._run, strict=True))
            jitters = metrics.jitter(raw, true), metrics.jitter(filtered, true)
            self._score.jitters.append((*jitters, len(true)))
        self._run = []


class Watcher:
    """Shows one film to a pipeline, frame by frame, and keeps the score."""

    def __init__(self, pipeline: HandsPipeline, with_depth: bool = False) -> None:
        self.score = FollowingScore()
        self._pipeline, self._with_depth = pipeline, with_depth
        self._followers = [_Follower(self.score, side) for side in range(len(SIDES))]
        pipeline.reset()

    def show(self, sample: HandSample, camera: CameraIntrinsics, stamp_s: float) -> None:
        """The next frame."""
        depth = sample.depth if self._with_depth else None
        frame = self._pipeline.step(sample.image, camera, stamp_s, depth)
        for follower in self._followers:
            follower.add(frame, sample)

    def end(self) -> FollowingScore:
        """The film is over."""
        for follower in self._followers:
            follower.end()
        return self.score


def follow_film(
    pipeline: HandsPipeline,
    frame_at: Callable[[float], HandSample],
    camera: CameraIntrinsics,
    stamps_s: Iterable[float],
) -> FollowingScore:
    """Show the pipeline a film."""
    watcher = Watcher(pipeline)
    for stamp in stamps_s:
        watcher.show(frame_at(stamp), camera, stamp)
    return watcher.end()
