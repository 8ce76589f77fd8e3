"""Following the synthetic clips of the test split, with an oracle that tells their truth with noise."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torchmetrics", reason="torchmetrics is not installed")

from lgnet_ros.data.synthetic import Clip, SyntheticSettings
from lgnet_ros.evaluation.following import follow_film
from lgnet_ros.pipeline import HandsPipeline

RATE = 20.0
CELLS_STD = 0.1  # of image positions: 1.6 px of 128


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hand_over", "cross", "clasp", "leave_and_return"])
def test_hands_in_clips_are_found_at_once_kept_and_told_apart(oracle_of_clip, name: str) -> None:
    clip = Clip(11, name, SyntheticSettings(split="test", width=160, height=120))
    oracle, frame_at = oracle_of_clip(clip, CELLS_STD)
    stamps = np.arange(0, clip.duration_s, 1 / RATE)
    result = follow_film(HandsPipeline(oracle), frame_at, clip.intrinsics, stamps.tolist()).as_dict()
    assert result["hand_frames"] > 100
    assert result["lost_rate"] <= 0.01
    assert result["acquisition_frames_max"] <= 3
    assert (result["identity_changes"], result["swapped"], result["false_hands"]) == (0, 0, 0)
    assert result["wrist_p90_mm"] < 50
    assert result["ellipsoid_95_coverage"] > 0.95  # the oracle knows the size, which the covariance doubts
