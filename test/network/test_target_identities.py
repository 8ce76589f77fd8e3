"""Flip and rotation of targets: transform the parameters and pose, or pose and transform the vertices."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lgnet_ros.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from lgnet_ros.hand_model import HandModel
from lgnet_ros.network import Target
from lgnet_ros.network.losses import joints_to_cells
from lgnet_ros.network.projection import project_to_crop

MIRROR = torch.tensor([-1.0, 1.0, 1.0])


@pytest.fixture
def target(make_scene: Callable[..., tuple[Tensor, Target]]) -> Target:
    return make_scene(3)[1]


def relative(target: Target) -> tuple[Tensor, Tensor]:
    """Wrist-relative vertices, and left wrist − right wrist."""
    wrists = target.joints[:, :, :1]
    return target.vertices - wrists, (wrists[:, 1] - wrists[:, 0])[:, 0]


def posed(hand_model: HandModel, target: Target) -> Tensor:
    hands = hand_model.both(target.rotations, target.shape)
    return hands.vertices - hands.joints[:, :, :1]


def flipped(target: Target) -> Target:
    """The design's rule: hands swapped, X negated, axis-angle y and z negated."""
    rotvecs = matrix_to_rotvec(target.rotations) * torch.tensor([1.0, -1.0, -1.0])
    return target._replace(
        vertices=target.vertices.flip(1) * MIRROR,
        joints=target.joints.flip(1) * MIRROR,
        rotations=rotvec_to_matrix(rotvecs).flip(1),
        shape=target.shape.flip(1),
    )


def rolled(target: Target, angle: float) -> Target:
    """The design's rule for a crop camera that rolls by `angle`: R_z(−angle) on root, mesh and joints."""
    turn = rotvec_to_matrix(torch.tensor([0.0, 0.0, -angle]))
    rotations = target.rotations.clone()
    rotations[:, :, 0] = turn @ rotations[:, :, 0]
    return target._replace(
        vertices=target.vertices @ turn.T, joints=target.joints @ turn.T, rotations=rotations
    )


def test_flipped_parameters_pose_the_flipped_mesh(hand_model: HandModel, target: Target) -> None:
    mirrored = flipped(target)
    vertices, _ = relative(mirrored)
    torch.testing.assert_close(posed(hand_model, mirrored), vertices, atol=1e-6, rtol=1e-5)


def test_a_flip_negates_y_and_z_of_the_relative_translation(target: Target) -> None:
    _, before = relative(target)
    _, after = relative(flipped(target))
    torch.testing.assert_close(after, before * torch.tensor([1.0, -1.0, -1.0]))


def test_a_flip_sends_u_to_the_last_column_minus_u(target: Target) -> None:
    before = project_to_crop(target.joints, target.focal_px, 128)
    after = project_to_crop(flipped(target).joints, target.focal_px, 128)
    expected = torch.stack([127 - before[..., 0], before[..., 1]], -1).flip(1)
    torch.testing.assert_close(after, expected, atol=1e-3, rtol=0)
    cells, mirrored = (joints_to_cells(t.joints, t.focal_px, 128) for t in (target, flipped(target)))
    torch.testing.assert_close(mirrored[..., 0], 7 - cells[..., 0].flip(1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("angle", [0.3, -1.2, math.pi])
def test_turned_parameters_pose_the_turned_mesh(hand_model: HandModel, target: Target, angle: float) -> None:
    turned = rolled(target, angle)
    vertices, translation = relative(turned)
    torch.testing.assert_close(posed(hand_model, turned), vertices, atol=1e-6, rtol=1e-5)
    _, before = relative(target)
    expected = before @ rotvec_to_matrix(torch.tensor([0.0, 0.0, -angle])).T
    torch.testing.assert_close(translation, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("angle", [0.3, -1.2])
def test_rolling_the_camera_turns_pixels_about_the_middle_of_the_crop(target: Target, angle: float) -> None:
    before = project_to_crop(target.joints, target.focal_px, 128) - 63.5
    after = project_to_crop(rolled(target, angle).joints, target.focal_px, 128) - 63.5
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[cosine, sine], [-sine, cosine]])
    torch.testing.assert_close(after, before @ turn.T, atol=1e-3, rtol=0)
