from __future__ import annotations

import numpy as np
import pytest
import torch

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.anatomy import JOINT_LIMITS, anatomical_axes, rotations_from_angles


def test_rows_are_convex_and_sparse(open_hand: HandModel) -> None:
    regressor = open_hand.arrays("right").J_regressor
    assert (regressor >= 0).all()
    np.testing.assert_allclose(regressor.sum(1), 1.0, atol=1e-6)
    assert (regressor > 0).sum(1).max() <= 60


def test_the_wrist_stays_at_the_origin_for_every_shape(open_hand: HandModel) -> None:
    shapes = torch.tensor(np.random.default_rng(0).normal(size=(50, 10)), dtype=torch.float32)
    assert open_hand.rest_joints(shapes, "right")[:, 0].norm(dim=-1).max() < 1.5e-3


def test_joints_of_the_bent_mesh_stay_at_the_centers_of_rotation(open_hand: HandModel) -> None:
    angles = np.random.default_rng(5).uniform(JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1], (40, 15, 3))
    local = rotations_from_angles(
        torch.tensor(angles, dtype=torch.float32), anatomical_axes(open_hand, "right")
    )
    rotations = torch.cat([torch.eye(3).expand(40, 1, 3, 3), local], dim=1)
    posed = open_hand(rotations, torch.zeros(40, 10), "right")
    regressed = torch.tensor(open_hand.arrays("right").J_regressor) @ posed.vertices
    gap = (regressed - posed.chain).norm(dim=-1)
    assert gap.mean() < 0.8e-3 and gap.max() < 4e-3


@pytest.mark.parametrize("component", range(10))
def test_bones_keep_human_lengths_two_deviations_out(open_hand: HandModel, component: int) -> None:
    shape = torch.zeros(2, 10)
    shape[:, component] = torch.tensor([-2.0, 2.0])
    joints = open_hand.rest_joints(shape, "right")
    mean = open_hand.rest_joints(torch.zeros(10), "right")
    for first in (1, 4, 7, 10, 13):
        change = (joints[:, first + 1] - joints[:, first]).norm(dim=-1) / (
            mean[first + 1] - mean[first]
        ).norm()
        assert (change > 0.8).all() and (change < 1.25).all()
