"""Centers of hands: what they should be, what a wrong one costs, and that they are learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lgnet_ros.data.whole_images import Labelled, box_in_image
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.engine import load_choice
from lgnet_ros.network.hand_centers import COLUMNS, IMAGE_HEIGHT, IMAGE_WIDTH, MAPS, ROWS
from lgnet_ros.pipeline.spots import spots_of
from lgnet_ros.training.centers import (
    CentersRecipe,
    CenterTargets,
    centers_loss,
    first_centers,
    learn_centers,
    targets_of,
)

BLANK = np.zeros((IMAGE_HEIGHT, IMAGE_WIDTH, 3), np.uint8)


def hand_at(rng: np.random.Generator, x: float, y: float, extent: float) -> np.ndarray:
    return np.array([x, y]) + extent * rng.uniform(-0.5, 0.5, (21, 2))


def ideal(targets: CenterTargets) -> np.ndarray:
    """The maps of a network that is right."""
    logits = np.where(targets.center == 1, 8.0, np.where(targets.center > 0.3, -2.0, -8.0))
    return np.concatenate([logits[None], targets.places]).astype(np.float32)


@pytest.mark.parametrize("seed", range(10))
def test_what_the_targets_say_is_read_back_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    extents = rng.uniform(20, 120, 2)
    joints = np.stack(
        [hand_at(rng, x, rng.uniform(90, 200), size) for x, size in zip((90, 290), extents, strict=True)]
    )
    spots = spots_of(ideal(targets_of(Labelled(BLANK, joints, np.array([21, 21])))))
    assert len(spots) == 2
    for spot, hand in zip(sorted(spots, key=lambda spot: spot.center[0]), joints, strict=True):
        center, extent = box_in_image(hand)
        np.testing.assert_allclose(spot.center, center, atol=1e-3)
        assert spot.extent == pytest.approx(extent, rel=1e-4)
        np.testing.assert_allclose(spot.pointing, hand[9] - hand[0], atol=1e-3)


def test_of_two_hands_in_one_place_each_cell_speaks_of_the_nearer() -> None:
    rng = np.random.default_rng(0)
    joints = np.stack([hand_at(rng, 180, 140, 80), hand_at(rng, 215, 140, 80)])
    targets = targets_of(Labelled(BLANK, joints, np.array([21, 21])))
    assert (targets.center == 1).sum() == 2
    for hand in joints:
        center, extent = box_in_image(hand)
        column, row = ((center + 0.5) // 16).astype(int)
        place = (np.array([column, row]) + 0.5 + targets.places[:2, row, column]) * 16 - 0.5
        np.testing.assert_allclose(place, center, atol=1e-3)


def test_a_hidden_hand_is_neither_a_center_nor_none() -> None:
    joints = np.stack([hand_at(np.random.default_rng(0), 180, 140, 60)] * 2)
    targets = targets_of(Labelled(BLANK, joints, np.array([2, 0])))
    assert (targets.center == 0).all()
    assert targets.counts[8, 11] == 0
    assert targets.counts.sum() > 0.8 * targets.counts.size


def test_being_right_costs_next_to_nothing_and_any_error_more() -> None:
    rng = np.random.default_rng(3)
    joints = np.stack([hand_at(rng, 100, 140, 70), hand_at(rng, 280, 100, 50)])
    targets = targets_of(Labelled(BLANK, joints, np.array([21, 21])))
    told = [torch.from_numpy(part)[None] for part in targets]

    def loss(maps: np.ndarray) -> float:
        return centers_loss(torch.from_numpy(maps)[None], *told).item()

    right = ideal(targets)
    assert loss(right) < 0.05
    center = np.argwhere(targets.center == 1)[0]
    for index in range(MAPS):
        wrong = right.copy()
        wrong[index, center[0], center[1]] -= 4.0 if index else 16.0
        assert loss(wrong) > loss(right) + 0.2
    invented = right.copy()
    invented[0, 0, 0] = 8.0
    assert loss(invented) > loss(right) + 0.2


@pytest.mark.slow
def test_they_are_learned_from_few_images(hand_model: HandModel) -> None:
    torch.manual_seed(0)
    losses: list[float] = []
    recipe = CentersRecipe(images=8, steps=60, batch=4)
    backbone = load_choice("nano", hand_model)[0].backbone
    noted = lambda step, loss: losses.append(loss)  # noqa: E731
    network = learn_centers(first_centers(backbone), recipe, workers=0, progress=noted)
    assert np.mean(losses[-5:]) < 0.5 * losses[0]
    first = losses.copy()
    learn_centers(network, replace(recipe, steps=2), workers=0, progress=noted)  # goes on from there
    assert losses[len(first)] < 0.5 * first[0]
    assert not network.training
    for name, value in backbone.stages[0].state_dict().items():  # the first stages stay
        torch.testing.assert_close(network.stages[0].state_dict()[name], value)
    with torch.no_grad():
        assert network(torch.zeros(1, 3, IMAGE_HEIGHT, IMAGE_WIDTH)).shape == (1, MAPS, ROWS, COLUMNS)
