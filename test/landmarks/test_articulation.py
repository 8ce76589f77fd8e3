"""The fit's joints are the hand model's, and their derivatives are derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.anatomy import JOINT_LIMITS, anatomical_axes, rotations_from_angles
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.landmarks.articulation import (
    ANGLE_LIMITS,
    FREEDOM_COUNT,
    Articulation,
    articulation,
    free_angles,
    full_angles,
)
from lgnet_ros.landmarks.kinematics import ANGLES, HAND_PARAMETERS, SHAPE, joints_and_jacobian, place_joints

Parameters = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def parameters() -> Parameters:
    rng = np.random.default_rng(1)
    angles = ANGLE_LIMITS[:, 0] + rng.random(FREEDOM_COUNT) * np.ptp(ANGLE_LIMITS, axis=1)
    root = Rotation.from_rotvec(rng.standard_normal(3)).as_matrix()
    return root, np.array([0.1, -0.2, 0.6]), angles, rng.standard_normal(10)


def joints_of(hand: Articulation, parameters: Parameters) -> np.ndarray:
    joints = np.empty((21, 3))
    place_joints(hand, *parameters, joints)
    return joints


@pytest.mark.parametrize("side", SIDES)
def test_joints_are_the_hand_models_own(model: HandModel, parameters: Parameters, side: str) -> None:
    root, position, angles, shape = parameters
    fingers = rotations_from_angles(torch.tensor(full_angles(angles)).float(), anatomical_axes(model, side))
    rotations = torch.cat([torch.tensor(root).float()[None], fingers])
    posed = model(rotations, torch.tensor(shape).float(), side)
    expected = (posed.joints - posed.chain[0]).numpy() + position
    np.testing.assert_allclose(joints_of(articulation(model, side), parameters), expected, atol=1e-6)


def test_the_jacobian_is_the_slope_of_the_joints(model: HandModel, parameters: Parameters) -> None:
    hand = articulation(model, "right")
    root, position, angles, shape = parameters
    joints, jacobian = np.empty((21, 3)), np.empty((21, 3, HAND_PARAMETERS))
    joints_and_jacobian(hand, *parameters, joints, jacobian)

    def moved(step: np.ndarray) -> np.ndarray:
        turn = Rotation.from_rotvec(step[:3]).as_matrix()
        return joints_of(
            hand, (turn @ root, position + step[3:6], angles + step[ANGLES:SHAPE], shape + step[SHAPE:])
        )

    slope = np.stack([moved(1e-6 * e) - moved(-1e-6 * e) for e in np.eye(HAND_PARAMETERS)], axis=-1) / 2e-6
    rigid_and_shape = [*range(ANGLES), *range(SHAPE, HAND_PARAMETERS)]
    np.testing.assert_allclose(jacobian[..., rigid_and_shape], slope[..., rigid_and_shape], atol=1e-6)
    # Pose correctives are left out of the derivatives by angles: two millimetres per radian at most.
    np.testing.assert_allclose(jacobian, slope, atol=2e-3)


def test_displaced_landmarks_move_with_their_bones(model: HandModel, parameters: Parameters) -> None:
    offsets = np.zeros((21, 3))
    offsets[8] = (0.0, 0.006, 0.0)
    plain, displaced = (joints_of(articulation(model, "right", o), parameters) for o in (None, offsets))
    apart = np.linalg.norm(displaced - plain, axis=1)
    assert apart[8] == pytest.approx(0.006) and np.delete(apart, 8).max() < 1e-12
    still = (np.eye(3), np.zeros(3), np.zeros(FREEDOM_COUNT), np.zeros(10))
    left, right = (
        joints_of(articulation(model, side, offsets), still) - joints_of(articulation(model, side), still)
        for side in ("left", "right")
    )
    np.testing.assert_allclose(left, right * (-1, 1, 1), atol=1e-12)


def test_angles_go_to_joints_and_back() -> None:
    angles = np.arange(FREEDOM_COUNT, dtype=float)
    full = full_angles(angles)
    assert full.shape == (15, 3) and np.count_nonzero(full) == FREEDOM_COUNT - 1
    np.testing.assert_array_equal(free_angles(full), angles)
    np.testing.assert_array_equal(free_angles(JOINT_LIMITS[..., 1]), ANGLE_LIMITS[:, 1])
