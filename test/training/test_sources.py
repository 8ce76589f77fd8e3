"""What a run is made of is checked before it starts, and the yardstick is the same for every run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lgnet_ros.data.reading import UnreadableSample
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.training.recipe import DataRecipe, Recipe
from lgnet_ros.training.sources import evenly_spread, make_sources


class _Numbers:
    name = "numbers"

    def __len__(self) -> int:
        return 100

    def load(self, index: int) -> int:
        if index == 0:
            raise UnreadableSample("0: gone")
        return index


def test_an_even_spread_covers_a_dataset_and_leaves_out_what_cannot_be_read() -> None:
    assert evenly_spread(_Numbers(), 4) == [33, 66, 99]
    assert len(evenly_spread(_Numbers(), 1000)) == 99


def test_interhand_is_refused_on_another_hand_than_mano(tmp_path: Path, hand_model: HandModel) -> None:
    data = DataRecipe(source="interhand26m", root=tmp_path)
    with pytest.raises(UserError, match="annotations are MANO's"):
        make_sources(Recipe(variant="full", data=data, epochs=1), hand_model)


@pytest.mark.slow
def test_runs_of_other_seeds_train_on_other_images_but_are_measured_on_the_same(
    recipe: Recipe, hand_model: HandModel
) -> None:
    first, second = (make_sources(replace(recipe, seed=seed), hand_model) for seed in (1, 2))
    for one, other in zip(first.validation, second.validation, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(first.mean_pose.shape, second.mean_pose.shape)
    images = [sources.training.batch(0, 0, 1)[0].image for sources in (first, second)]
    assert not np.array_equal(*images)
