"""What only moving hands show: estimators, and the truth in their place, on rendered films of the test split.

Each picture is rendered once and shown to everybody: each estimator in a pipeline without depth and in one
with it, and, for comparison, alone, on a crop around the truth, as if there were no film.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import numpy as np

from lgnet_ros.data.augment import CropSample, tracked_crops
from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.clips import CLIP_NAMES, Clip
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import in_processes
from lgnet_ros.evaluation.estimates import answer_about, placed_wrists
from lgnet_ros.evaluation.evaluation import FAR_M, NEAR_M
from lgnet_ros.evaluation.following import FollowingScore, Watcher
from lgnet_ros.evaluation.metrics import wrist_position_errors
from lgnet_ros.evaluation.records import PRESENCE_THRESHOLD, HandsTruth
from lgnet_ros.evaluation.stage_speed import TruthfulEstimator
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.pipeline import Estimator, HandsPipeline
from lgnet_ros.pipeline.placement import PlacementSettings

TRUTH = "truth"
"""The row of the pipeline alone: every crop is answered with the truth."""
_RATE_HZ = 30.0
_ALONE_EVERY = 3  # of the frames are also shown alone
_STILL_FILMS = {"hand_over": 0.4, "count": 0.5, "clasp": 0.5}  # and where in them, as a share
_STILL_FRAMES, _SETTLING_FRAMES = 45, 15


@dataclass(frozen=True)
class FilmSettings:
    """Which films, and how: seed of the test split, choreographies, processes that render (0: this one), and
    the pictures' size.
    """

    seed: int = 0
    names: tuple[str, ...] = CLIP_NAMES
    workers: int = 0
    width: int = 640
    height: int = 480


@dataclass(frozen=True)
class Cast:
    """One estimator three times, each with what it remembers of films to itself: without depth, with depth,
    and alone, which need not be able to follow.
    """

    plain: Estimator
    depth: Estimator
    alone: Estimator | None


@dataclass
class _Found:
    """What has been measured of one estimator."""

    films: dict[str, FollowingScore] = field(default_factory=dict)
    films_depth: dict[str, FollowingScore] = field(default_factory=dict)
    alone_mm: list[float] = field(default_factory=list)
    still: list[np.ndarray] = field(default_factory=list)


def watch_films(
    casts: dict[str, Cast], hand_model: HandModel, settings: FilmSettings, progress: Callable = iter
) -> dict[str, dict[str, Any]]:
    """By estimator, and for `TRUTH`: `jitter_mm`, `still_mm`, `following`, `following_depth`, see
    `docs/evaluation.md`.

    progress: wraps the iteration over frames, to show how far it is.
    """
    truth = TruthfulEstimator(hand_model)
    casts = {**casts, TRUTH: Cast(truth, truth, None)}
    found = {name: _Found() for name in casts}
    for name in settings.names:
        _watch(name, casts, found, truth, settings, progress)
    for name, share in _STILL_FILMS.items():
        _watch_still(name, share, casts, found, truth, settings)
    return {name: _report(one) for name, one in found.items()}


def _watch(
    name: str,
    casts: dict[str, Cast],
    found: dict[str, _Found],
    truth: TruthfulEstimator,
    settings: FilmSettings,
    progress: Callable,
) -> None:
    """One whole film, at 30 Hz."""
    clip = _clip(settings, name)
    stamps = np.arange(0.0, clip.duration_s, 1 / _RATE_HZ).tolist()
    plain = {who: Watcher(HandsPipeline(cast.plain)) for who, cast in casts.items()}
    depth = {who: Watcher(HandsPipeline(cast.depth), with_depth=True) for who, cast in casts.items()}
    rng = np.random.default_rng(settings.seed)
    for k, sample in enumerate(progress(_frames(settings, name, stamps))):
        truth.sample = sample
        for watcher in (*plain.values(), *depth.values()):
            watcher.show(sample, clip.intrinsics, stamps[k])
        for who, cast in casts.items():
            if cast.alone is not None and k % _ALONE_EVERY == 0:
                found[who].alone_mm += _alone_errors(cast.alone, sample, rng)
    for who, one in found.items():
        one.films[name], one.films_depth[name] = plain[who].end(), depth[who].end()


def _watch_still(
    name: str,
    share: float,
    casts: dict[str, Cast],
    found: dict[str, _Found],
    truth: TruthfulEstimator,
    settings: FilmSettings,
) -> None:
    """The same moment again and again: films repeat after their duration, the sensor's noise does not."""
    clip = _clip(settings, name)
    times = [clip.duration_s * (share + k) for k in range(_STILL_FRAMES)]
    pipelines = {who: HandsPipeline(cast.plain) for who, cast in casts.items()}
    seen: dict[tuple[str, str], list[np.ndarray]] = {}
    for pipeline in pipelines.values():
        pipeline.reset()
    for k, sample in enumerate(_frames(settings, name, times)):
        truth.sample = sample
        for who, pipeline in pipelines.items():
            frame = pipeline.step(sample.image, clip.intrinsics, k / _RATE_HZ)
            for hand in frame.hands if k >= _SETTLING_FRAMES else ():
                seen.setdefault((who, hand.side), []).append(np.stack([hand.raw.joints, hand.joints]))
    for (who, _), joints in seen.items():
        if len(joints) > (_STILL_FRAMES - _SETTLING_FRAMES) // 2:
            found[who].still.append(_about_mean_mm(np.stack(joints)))


def _about_mean_mm(joints: np.ndarray) -> np.ndarray:
    """(2, 2) RMS distance from the temporal mean: raw and filtered, of the wrist and of all joints.

    joints: (T, 2, 21, 3) m, raw and filtered.
    """
    square = ((joints - joints.mean(axis=0)) ** 2).sum(axis=-1).mean(axis=0)  # (2, 21)
    return 1e3 * np.sqrt(np.stack([square[:, 0], square.mean(axis=1)], axis=1))


def _alone_errors(estimator: Estimator, sample: HandSample, rng: np.random.Generator) -> list[float]:
    """mm, of wrists at 0.3–1 m that are found in crops as a tracker would make them around the truth."""
    crops = tracked_crops(sample, rng, estimator.size_px)
    return [error for crop in crops for error in _errors_in(estimator, crop)]


def _errors_in(estimator: Estimator, crop: CropSample) -> list[float]:
    truth = HandsTruth.of_crop(crop)
    prediction = answer_about(estimator, crop)
    settings = PlacementSettings(errors=estimator.errors)
    wrists, _ = placed_wrists(prediction, 0, truth.camera, [settings] * len(SIDES))
    distance = np.linalg.norm(truth.joints[:, 0], axis=-1)
    counted = (prediction.presence[0] >= PRESENCE_THRESHOLD) & (distance >= NEAR_M) & (distance <= FAR_M)
    errors = wrist_position_errors(wrists, truth)[counted]
    return errors[np.isfinite(errors)].tolist()


def _report(found: _Found) -> dict[str, Any]:
    total = FollowingScore.total(found.films.values())
    following, alone = total.as_dict(), None
    if found.alone_mm and following["wrist_median_mm"] is not None:
        alone = float(np.median(found.alone_mm))
    still = np.median(found.still, axis=0) if found.still else np.full((2, 2), np.nan)
    wrist, joints = ({"raw": raw, "filtered": filtered} for raw, filtered in still.T.tolist())
    return {
        "jitter_mm": total.jitter_mm,
        "still_mm": {"hands": len(found.still), "wrist": wrist, "joints": joints},
        "following": {
            **following,
            "frame_by_frame_median_mm": alone,
            "against_frame_by_frame": following["wrist_median_mm"] / alone if alone else None,
            "films": {name: _brief(score) for name, score in found.films.items()},
        },
        "following_depth": FollowingScore.total(found.films_depth.values()).as_dict(),
    }


def _brief(score: FollowingScore) -> dict[str, Any]:
    keys = ("hand_frames", "lost_rate", "acquisition_frames_max", "identity_changes", "swapped")
    return {key: value for key, value in score.as_dict().items() if key in keys}


def _frames(settings: FilmSettings, name: str, times: list[float]) -> Iterator[HandSample]:
    return in_processes(partial(_frame, settings, name, times), range(len(times)), settings.workers)


def _frame(settings: FilmSettings, name: str, times: list[float], index: int) -> HandSample:
    return _clip(settings, name).frame(times[index])


@lru_cache(maxsize=1)
def _clip(settings: FilmSettings, name: str) -> Clip:
    of_test = SyntheticSettings(split="test", width=settings.width, height=settings.height)
    return Clip(settings.seed, name, of_test)
