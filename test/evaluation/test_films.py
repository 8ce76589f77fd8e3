"""Films with the truth in the network's place: nothing is lost, and placement is exact."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.evaluation.films import TRUTH, FilmSettings, watch_films
from lgnet_ros.evaluation.following import FollowingScore
from lgnet_ros.evaluation.report import films_table
from lgnet_ros.hand_model import HandModel


@pytest.mark.slow
def test_with_the_truth_in_the_networks_place_nothing_is_lost_or_out_of_place() -> None:
    settings = FilmSettings(seed=3, names=("cross",), width=160, height=120)
    found = watch_films({}, HandModel.load(), settings)[TRUTH]
    for following in (found["following"], found["following_depth"]):
        assert following["hand_frames"] > 100
        assert following["lost_rate"] == 0.0
        assert following["acquired_in_3_frames"] == 1.0
        assert (following["identity_changes"], following["swapped"], following["false_hands"]) == (0, 0, 0)
    assert found["following"]["wrist_p90_mm"] < 0.1
    assert found["following_depth"]["wrist_median_mm"] < 15
    assert found["still_mm"]["wrist"]["filtered"] < 0.01
    assert "lost while visible" in films_table({TRUTH: found})


def test_scores_of_films_add_up() -> None:
    one = FollowingScore(visible=10, lost=1, delays=[1], wrist_mm=[10.0], lagging_m=[(0.01, 0.5)])
    two = FollowingScore(visible=30, lost=1, delays=[5], never_found=2, lagging_m=[(0.02, 0.5)])
    total = FollowingScore.total([one, two]).as_dict()
    assert total["lost_rate"] == pytest.approx(2 / 40)
    assert total["acquired_in_3_frames"] == pytest.approx(1 / 4)
    assert total["lag_ms"] == pytest.approx(30.0)  # 15 mm at 0.5 m/s
    assert FollowingScore().as_dict()["lag_ms"] is None
    assert FollowingScore().jitter_mm == {"raw": None, "filtered": None}
    assert np.isclose(FollowingScore(jitters=[(1.0, 0.5, 10), (4.0, 2.0, 20)]).jitter_mm["raw"], 3.0)
