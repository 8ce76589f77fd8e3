from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.proportions import markdown_table, proportions


def test_every_measure_is_within_five_percent_of_the_published_mean(open_hand: HandModel) -> None:
    rows = proportions(open_hand.arrays("right"))
    assert len(rows) == 28
    assert {row.name: row.deviation for row in rows if abs(row.deviation) > 0.05} == {}


def test_measuring_a_hand_twice_as_large_gives_twice_the_measures(open_hand: HandModel) -> None:
    arrays = open_hand.arrays("right")
    larger = type(arrays)(**{**vars(arrays), "v_template": 2 * arrays.v_template})
    for small, large in zip(proportions(arrays), proportions(larger), strict=True):
        if (
            "thickness at the middle" not in small.name and "wrist circ" not in small.name
        ):  # taken at fixed places
            assert large.measured == pytest.approx(2 * small.measured, rel=1e-4)


def test_the_table_has_a_row_for_each_measure(open_hand: HandModel) -> None:
    rows = proportions(open_hand.arrays("right"))
    lines = markdown_table(rows).splitlines()
    assert len(lines) == len(rows) + 2
    assert "| index: PIP to DIP |" in "\n".join(lines) and np.isfinite([row.deviation for row in rows]).all()
