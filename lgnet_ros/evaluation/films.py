"""Jitter: the pipeline, tracker and filter included, on rendered films."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.clips import Clip
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.evaluation.protocols import clip_jitter
from lgnet_ros.pipeline import Estimator, HandsPipeline

_CLIPS = ("hand_over", "count")
_FRAMES = 60
_RATE_HZ = 30.0


def film_jitter(estimator: Estimator, seed: int) -> dict[str, float | None]:
    """Mean over two films of the test split, two seconds each; see `clip_jitter`."""
    found: dict[str, list[float]] = {"raw": [], "filtered": []}
    for name in _CLIPS:
        clip = Clip(seed, name, SyntheticSettings(split="test"))
        jitter = clip_jitter(HandsPipeline(estimator), clip.frame, clip.intrinsics, _FRAMES, _RATE_HZ)
        for kind, value in jitter.items():
            if value is not None:
                found[kind].append(value)
    return {kind: float(np.mean(values)) if values else None for kind, values in found.items()}
