"""How well the whole pipeline follows hands through rendered films: found, kept, told apart, and placed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.clips import CLIP_NAMES, Clip
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.pipeline import Estimator, Frame, HandsPipeline, PipelineSettings

_RATE_HZ = 30.0
_LEAST_VISIBLE_JOINTS = 8  # fewer than that, and losing the hand is no fault
_CHI2_95_3DOF = 7.815


@dataclass
class FollowingScore:
    """Counts over films; both hands together.

    Attributes:
        visible: hand-frames in which a hand could have been followed: visible, and so in the frames before it
            that acquisition may take.
        lost: those of them without the hand.
        delays: per appearance of a hand, the frames until it was found.
        identity_changes: how often a hand that stayed visible went on under another track id.
        swapped: hand-frames in which a hand lies nearer to the other true hand than to its own.
        false_hands: hand-frames with a hand that is not there.
        wrist_mm: errors of the wrist as placed in each frame, before the filter.
        within_95: per wrist, whether the truth lies in the stated 95 % ellipsoid.
    """

    visible: int = 0
    lost: int = 0
    delays: list[int] = field(default_factory=list)
    identity_changes: int = 0
    swapped: int = 0
    false_hands: int = 0
    wrist_mm: list[float] = field(default_factory=list)
    within_95: list[bool] = field(default_factory=list)

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON; None where nothing was seen to measure."""
        return {
            "hand_frames": self.visible,
            "lost_rate": self.lost / self.visible if self.visible else None,
            "acquisition_frames_max": max(self.delays, default=None),
            "identity_changes": self.identity_changes,
            "swapped": self.swapped,
            "false_hands": self.false_hands,
            "wrist_median_mm": float(np.median(self.wrist_mm)) if self.wrist_mm else None,
            "wrist_p90_mm": float(np.quantile(self.wrist_mm, 0.9)) if self.wrist_mm else None,
            "ellipsoid_95_coverage": float(np.mean(self.within_95)) if self.within_95 else None,
        }


class _Follower:
    """Keeps count of one hand through one film. Acquisition may take `grace` frames from each appearance."""

    def __init__(self, score: FollowingScore, grace: int) -> None:
        self._score, self._grace = score, grace
        self._seen_for, self._found, self._track_id = 0, False, -1

    def add(self, frame: Frame, sample: HandSample, side: int) -> None:
        hand, score = frame.hand(SIDES[side]), self._score
        visible = sample.presence[side] and sample.visibility[side].sum() >= _LEAST_VISIBLE_JOINTS
        if not visible:
            score.false_hands += hand is not None and not sample.presence[side]
            self._seen_for, self._found = 0, False
            return
        self._seen_for += 1
        if self._seen_for > self._grace:
            score.visible += 1
            score.lost += hand is None
        if hand is None:
            return
        if not self._found:
            score.delays.append(self._seen_for)
        elif hand.track_id != self._track_id:
            score.identity_changes += 1
        self._found, self._track_id = True, hand.track_id
        self._place(hand.raw.joints[0], hand.position_covariance, sample, side)

    def _place(self, wrist: np.ndarray, covariance: np.ndarray, sample: HandSample, side: int) -> None:
        error = wrist - sample.joints[side, 0]
        self._score.wrist_mm.append(1e3 * float(np.linalg.norm(error)))
        self._score.within_95.append(bool(error @ np.linalg.solve(covariance, error) < _CHI2_95_3DOF))
        if sample.presence.all():
            other = np.linalg.norm(wrist - sample.joints[1 - side, 0])
            self._score.swapped += bool(other < np.linalg.norm(error))


def follow_film(
    pipeline: HandsPipeline,
    frame_at: Callable[[float], HandSample],
    camera: CameraIntrinsics,
    stamps_s: Iterable[float],
    score: FollowingScore,
    grace: int = 3,
    with_depth: bool = False,
) -> None:
    """Show the pipeline a film and add to the score. grace: frames that acquisition may take."""
    pipeline.reset()
    followers = [_Follower(score, grace) for _ in SIDES]
    for stamp in stamps_s:
        sample = frame_at(stamp)
        frame = pipeline.step(sample.image, camera, stamp, sample.depth if with_depth else None)
        for side, follower in enumerate(followers):
            follower.add(frame, sample, side)


def following(
    estimator: Estimator,
    seed: int,
    settings: PipelineSettings | None = None,
    names: tuple[str, ...] = CLIP_NAMES,
    with_depth: bool = False,
    width: int = 640,
    height: int = 480,
) -> dict[str, float | int | None]:
    """All films of the test split, whole, at 30 Hz; see `FollowingScore.as_dict`."""
    score = FollowingScore()
    for name in names:
        clip = Clip(seed, name, SyntheticSettings(split="test", width=width, height=height))
        stamps = np.arange(0.0, clip.duration_s, 1 / _RATE_HZ).tolist()
        pipeline = HandsPipeline(estimator, settings)
        follow_film(pipeline, clip.frame, clip.intrinsics, stamps, score, with_depth=with_depth)
    return score.as_dict()
