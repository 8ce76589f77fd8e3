"""What the network's tests share: the hand model, and small procedural scenes with exact labels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lgnet_ros.geometry.rotations import rotvec_to_matrix
from lgnet_ros.hand_model import HandModel
from lgnet_ros.network import Target

Scene = tuple[Tensor, Target]


@pytest.fixture(scope="session")
def hand_model() -> HandModel:
    return HandModel.load()


@pytest.fixture(scope="session")
def make_scene(hand_model: HandModel) -> Callable[..., Scene]:
    """`make_scene(count, size)`: images of smooth noise, and two posed hands in front of each camera."""

    def make(count: int = 4, size: int = 128, seed: int = 0) -> Scene:
        random = torch.Generator().manual_seed(seed)
        rotvecs = 0.25 * torch.randn(count, 2, 16, 3, generator=random)
        rotvecs[:, :, 0] *= 4  # the whole hand turns anywhere, fingers a little
        shape = torch.randn(count, 2, 10, generator=random)
        rotations = rotvec_to_matrix(rotvecs)
        posed = hand_model.both(rotations, shape)
        place = torch.tensor([[-0.07, 0, 0.75], [0.07, 0, 0.75]])
        place = place + torch.randn(count, 2, 3, generator=random) * torch.tensor([0.02, 0.02, 0.05])
        shift = (place - posed.joints.mean(2))[:, :, None]
        images = F.interpolate(
            torch.randn(count, 3, size // 8, size // 8, generator=random), size, mode="bicubic"
        )
        target = Target(
            presence=torch.ones(count, 2),
            vertices=posed.vertices + shift,
            joints=posed.joints + shift,
            rotations=rotations,
            shape=shape,
            joints_valid=torch.ones(count, 2, 21, dtype=torch.bool),
            mesh_valid=torch.ones(count, 2, dtype=torch.bool),
            focal_px=torch.full((count,), 1.6 * size),
        )
        return images, target

    return make
