"""How long the landmark estimator takes for two hands, from image to metric hands, without ROS."""

from __future__ import annotations

import time

import numpy as np
import torch

from lgnet_ros.data.synthetic.clips import CLIP_NAMES, Clip
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.landmarks.estimator import LandmarkEstimator
from lgnet_ros.pipeline import HandsPipeline

_RATE_HZ = 30.0
_SHARES = (0.3, 0.4, 0.5)  # of a film's length, where to look for a frame in which MediaPipe sees both hands
_WARM_UP = 5


def landmark_milliseconds(hand_model: HandModel, frames: int = 60) -> dict[str, float | int | str]:
    """Medians per stage, ms, and of the whole step also the 95th percentile and the processor time.

    640×480 frames of a film in which both hands are found, from the first one on in which they are. Stage
    "landmarks" is MediaPipe, "fit" the hand model fitted to both hands.

    Raises:
        UserError: no mediapipe, or no film in which it sees both hands.
    """
    torch.set_num_threads(1)
    estimator = LandmarkEstimator.load(hand_model)
    pipeline = HandsPipeline(estimator)
    pipeline.warm_up()
    name, start_s = _film_with_both_hands(pipeline)
    clip = _clip(name)
    stages: dict[str, list[float]] = {}
    processor: list[float] = []
    pipeline.reset()
    for number in range(_WARM_UP + frames):
        image = clip.frame(start_s + number / _RATE_HZ).image
        began = time.process_time()
        frame = pipeline.step(image, clip.intrinsics, number / _RATE_HZ)
        spent = time.process_time() - began
        if number >= _WARM_UP and len(frame.hands) == 2:
            processor.append(1e3 * spent)
            for stage, duration in frame.timings_ms.items():
                stages.setdefault(stage, []).append(duration)
    medians = {stage: round(float(np.median(durations)), 2) for stage, durations in stages.items()}
    total = medians.pop("total")
    return {
        **medians,
        "total": total,
        "total_p95": round(float(np.quantile(stages["total"], 0.95)), 2),
        "processor": round(float(np.median(processor)), 2),
        "frames": len(processor),
        "film": name,
    }


def _clip(name: str) -> Clip:
    return Clip(0, name, SyntheticSettings(split="test"))


def _film_with_both_hands(pipeline: HandsPipeline) -> tuple[str, float]:
    """A film of the test split, and a time from which MediaPipe goes on seeing two hands for a moment."""
    for share in _SHARES:
        for name in CLIP_NAMES:
            clip = _clip(name)
            start_s = share * clip.duration_s
            pipeline.reset()
            steps = [(start_s + k / _RATE_HZ, k / _RATE_HZ) for k in range(_WARM_UP)]
            seen = [
                len(pipeline.step(clip.frame(at).image, clip.intrinsics, stamp).hands) for at, stamp in steps
            ]
            if seen[-2:] == [2, 2]:
                return name, start_s
    raise UserError("landmarks: MediaPipe sees both hands in no film of the test split")
