"""Parts of a hand: where they lie on the mesh, and what a crop's cells show of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lgnet_ros.data.augment import CropSample, flipped
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_crop_sample
from lgnet_ros.hand_model import HandModel
from lgnet_ros.training.batches import collate
from lgnet_ros.training.parts import BACKGROUND, PARTS, UNKNOWN, PartsHead, vertex_parts


@pytest.fixture(scope="module")
def parts(hand_model: HandModel) -> np.ndarray:
    return vertex_parts(hand_model)


def test_every_finger_and_the_palm_have_two_faces(parts: np.ndarray) -> None:
    assert np.bincount(parts, minlength=PARTS)[0] == 0
    assert np.bincount(parts, minlength=PARTS)[1:].min() > 30


def test_nails_are_dorsal_and_each_on_its_finger(parts: np.ndarray, hand_model: HandModel) -> None:
    on_nails = parts[hand_model.nail_vertices]
    assert set(on_nails.tolist()) == {1 + 2 * finger + 1 for finger in range(1, 6)}
    tips = parts[hand_model.fingertip_vertices]
    assert ((tips - 1) // 2).tolist() == [1, 2, 3, 4, 5]  # thumb to little


def parts_of(sample: CropSample, parts: np.ndarray) -> np.ndarray:
    return collate([sample], parts)["parts"][0]


def rendered(index: int) -> CropSample:
    return render_crop_sample(4, index, SyntheticSettings(split="train", scenes="one_hand"), 128)


@pytest.mark.parametrize("index", range(6))
def test_cells_agree_with_the_mask(index: int, parts: np.ndarray) -> None:
    sample = rendered(index)
    seen = parts_of(sample, parts)
    cells = sample.mask.reshape(16, 8, 16, 8)
    hand = ((cells == 1) | (cells == 2)).mean(axis=(1, 3))
    assert (seen[hand < 0.1] == BACKGROUND).all()
    assert (seen[hand >= 0.1] != BACKGROUND).all()
    assert (seen[hand < 0.4] <= BACKGROUND).all()


def test_where_a_joint_is_seen_its_finger_is_mostly(parts: np.ndarray) -> None:
    finger = np.repeat(np.arange(1, 6), 4)  # of joints 1 to 20
    agree = []
    for index in range(12):
        sample = rendered(index)
        side = int(np.flatnonzero(sample.presence)[0])
        seen_joints = sample.visibility[side][1:] & (np.arange(20) % 4 > 0)  # knuckles are the palm's as well
        joints = sample.joints[side][1:]
        pixels = (joints / joints[:, 2:] @ sample.crop.matrix.T)[:, :2]
        rows = (pixels[:, ::-1] + 0.5) // 8
        for (row, column), of in zip(rows[seen_joints].astype(int), finger[seen_joints], strict=True):
            there = parts_of(sample, parts)[min(max(row, 0), 15), min(max(column, 0), 15)]
            agree += [(there - 1) % 12 // 2 == of] if there > BACKGROUND else []
    assert len(agree) > 60
    assert np.mean(agree) > 0.65  # of two fingers in a cell, the nearer one counts


def test_a_mirrored_crop_shows_the_same_parts_mirrored(parts: np.ndarray) -> None:
    sample = rendered(2)
    seen, mirrored = parts_of(sample, parts), parts_of(flipped(sample), parts)
    both = (seen != UNKNOWN) & (mirrored[:, ::-1] != UNKNOWN)
    assert both.mean() > 0.8
    mirrored = mirrored[:, ::-1]
    assert (seen > 12).any() != (mirrored > 12).any()  # the other hand
    part, its = (np.where(cells > BACKGROUND, (cells - 1) % 12 + 1, cells) for cells in (seen, mirrored))
    assert (part == its)[both].mean() > 0.98  # a vertex on a cell's border may change its cell


def test_without_a_mask_only_cells_with_vertices_are_known(parts: np.ndarray) -> None:
    sample = rendered(1)
    with_mask, without = parts_of(sample, parts), parts_of(replace(sample, mask=None), parts)
    assert not (without == BACKGROUND).any()
    shown = with_mask > BACKGROUND
    assert (with_mask == without)[shown].all()


def test_the_loss_counts_known_cells_alone() -> None:
    head = PartsHead(4)  # begins at chance
    known = torch.full((2, 16, 16), UNKNOWN)
    assert head.loss(torch.randn(2, 4, 8, 8), known).item() == 0
    known[0, 3, 5] = 7 + 12
    chance = math.log(PARTS) + math.log(2)
    assert head.loss(torch.randn(2, 4, 8, 8), known).item() == pytest.approx(chance)
    with torch.no_grad():
        head.classify.bias[4 * 7 + 3] = 100.0  # part 7 in odd rows and columns
        head.classify.bias[4 * (PARTS + 1) + 3] = 100.0  # of a left hand
    assert head.loss(torch.randn(2, 4, 8, 8), known).item() == pytest.approx(0, abs=1e-6)
