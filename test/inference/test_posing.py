"""Posing and looking up by compiled loops against the hand model and the network's own functions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lgnet_ros.geometry.rotations import sixd_to_matrix
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.posing import HandPoser, projected, sample_into
from lgnet_ros.network.heatmap import sample_bilinear
from lgnet_ros.network.projection import project_to_crop

SIZE_PX = 64


@pytest.fixture(scope="module", params=["mirrored", "different"])
def hand_model(request: pytest.FixtureRequest) -> HandModel:
    """Ours, whose left hand is the right one's mirror image; or one whose hands differ, as MANO's do."""
    ours = HandModel.load()
    right, left = (ours.arrays(side) for side in ("right", "left"))
    if request.param == "mirrored":
        return ours
    other = np.random.default_rng(5)
    changed = replace(
        left,
        v_template=left.v_template * 1.1,
        shapedirs=left.shapedirs[..., ::-1],
        posedirs=left.posedirs * 0.5,
        J_regressor=other.dirichlet(np.full(778, 0.05), 16),
        fingertip_vertices=left.fingertip_vertices[::-1],
    )
    return HandModel(right, changed, "different")


def pixels(seed: int = 0) -> np.ndarray:
    """Inside, at the borders of, and beyond a crop."""
    return np.random.default_rng(seed).uniform(-20, SIZE_PX + 20, (2, 200, 2)).astype(np.float32)


def test_a_posed_hand_is_the_hand_models_relative_to_its_wrist(hand_model: HandModel) -> None:
    rng = np.random.default_rng(0)
    sixd = rng.normal(size=(2, 16, 6)).astype(np.float32)
    shape = rng.normal(size=(2, 10)).astype(np.float32)
    rotations, vertices = HandPoser(hand_model).pose(sixd, shape)
    expected = sixd_to_matrix(torch.from_numpy(sixd))
    posed = hand_model.both(expected, torch.from_numpy(shape))
    np.testing.assert_allclose(rotations, expected, atol=1e-5)
    np.testing.assert_allclose(vertices, posed.vertices - posed.joints[:, :1], atol=1e-6)


def test_joints_are_regressed_from_the_vertices_as_they_are(hand_model: HandModel) -> None:
    vertices = np.random.default_rng(1).normal(size=(2, 778, 3)).astype(np.float32)
    regressor = torch.stack([hand_model.joint_regressor(side) for side in ("right", "left")]).numpy()
    np.testing.assert_allclose(HandPoser(hand_model).joints(vertices), regressor @ vertices, atol=1e-5)


def test_vertices_at_and_behind_the_camera_are_projected_as_the_network_does() -> None:
    rng = np.random.default_rng(2)
    vertices = rng.normal(scale=0.1, size=(2, 778, 3)).astype(np.float32)
    wrists = np.array([[0.05, -0.02, 0.4], [0.0, 0.1, 0.02]], np.float32)
    points = torch.from_numpy(vertices + wrists[:, None])
    expected = project_to_crop(points[None], torch.tensor([90.0]), SIZE_PX)[0].numpy()
    np.testing.assert_allclose(projected(vertices, wrists, 90.0, SIZE_PX), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("hands", "side"), [(1, 16), (2, 8)])
def test_samples_are_bilinear_and_zero_outside(hands: int, side: int) -> None:
    maps = np.random.default_rng(3).normal(size=(hands, side, side, 5)).astype(np.float32)
    found = np.full((2, 200, 5), np.nan, np.float32)
    sample_into(found, maps, pixels(), SIZE_PX)
    features = torch.from_numpy(maps).permute(0, 3, 1, 2).expand(2, -1, -1, -1)
    expected = sample_bilinear(features, torch.from_numpy(pixels()), SIZE_PX)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_hands_base_is_added_inside_and_outside_and_only_its_columns_are_written() -> None:
    maps = np.random.default_rng(4).normal(size=(1, 8, 8, 3)).astype(np.float32)
    base = np.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 5.0]], np.float32)
    plain = np.zeros((2, 200, 3), np.float32)
    wide = np.full((2, 200, 5), 7.0, np.float32)
    sample_into(plain, maps, pixels(), SIZE_PX)
    sample_into(wide[..., 1:4], maps, pixels(), SIZE_PX, base)
    np.testing.assert_allclose(wide[..., 1:4], plain + base[:, None], atol=1e-6)
    assert (wide[..., [0, 4]] == 7).all()


def test_places_that_are_no_numbers_count_as_outside() -> None:
    maps, places = np.ones((1, 8, 8, 2), np.float32), pixels()
    places[0, 0], places[1, 1] = np.nan, np.inf
    found = np.full((2, 200, 2), np.nan, np.float32)
    sample_into(found, maps, places, SIZE_PX)
    assert (found[0, 0] == 0).all() and (found[1, 1] == 0).all()
    assert np.isfinite(found).all()
