"""Mesh stage: joint features to hand-model parameters and the rough mesh M_r, for both hands."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lgnet_ros.geometry.rotations import sixd_to_matrix
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import JOINT_COUNT, ROTATION_COUNT, SHAPE_COUNT, VERTEX_COUNT
from lgnet_ros.network.config import LGNetConfig
from lgnet_ros.network.hands import PerHand
from lgnet_ros.network.heatmap import centered
from lgnet_ros.network.joint_stage import JointEstimate
from lgnet_ros.network.joint_transformer import JointTransformer
from lgnet_ros.network.precision import full_precision
from lgnet_ros.network.units import DECIMETRE

_IDENTITY_6D = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class MeshEstimate(NamedTuple):
    """Both hands: rotations (B,2,16,3,3), shape (B,2,10), vertices (B,2,778,3) m with any origin."""

    rotations: Tensor
    shape: Tensor
    vertices: Tensor


def make_mesh_stage(config: LGNetConfig) -> nn.Module:
    """The stage that the configuration asks for."""
    return ModelMesh(config) if config.mesh_stage else ConnectedMesh(config)


class ModelMesh(nn.Module):
    """Joint transformer, a linear regressor for 6D rotations and shape, and the hand model."""

    def __init__(self, config: LGNetConfig) -> None:
        super().__init__()
        self.transformer = PerHand(partial(JointTransformer, config.channels), config.lr_feature)
        self.parameters_of = PerHand(partial(ParameterRegressor, config.channels), config.lr_feature)

    def forward(self, hands: list[JointEstimate], hand_model: HandModel) -> MeshEstimate:
        features = [self.transformer[side](hand.features) for side, hand in enumerate(hands)]
        flat = [_flattened(own, hand.joints) for own, hand in zip(features, hands, strict=True)]
        rotations, shape = _parameters_of_both(self.parameters_of, flat)
        with full_precision(shape):
            return MeshEstimate(rotations, shape, hand_model.both(rotations, shape).vertices)


class ConnectedMesh(nn.Module):
    """Table III, "w/o mesh stage": fully connected layers give the vertices, and parameters beside them."""

    def __init__(self, config: LGNetConfig) -> None:
        super().__init__()
        self.vertices_of = PerHand(partial(_vertex_regressor, config.channels), config.lr_feature)
        self.parameters_of = PerHand(partial(ParameterRegressor, config.channels), config.lr_feature)

    def forward(self, hands: list[JointEstimate], hand_model: HandModel) -> MeshEstimate:
        flat = [_flattened(hand.features, hand.joints) for hand in hands]
        rotations, shape = _parameters_of_both(self.parameters_of, flat)
        offsets = torch.stack([self.vertices_of[side](hand) for side, hand in enumerate(flat)], 1)
        with full_precision(shape):
            straight = torch.zeros_like(rotations[:1, :, :, 0])  # (1,2,16,3) axis-angle
            template = hand_model.both(straight, torch.zeros_like(shape[:1])).vertices
        offsets = DECIMETRE * offsets.float().unflatten(-1, (VERTEX_COUNT, 3))
        return MeshEstimate(rotations, shape, template + offsets)


class ParameterRegressor(nn.Module):
    """(B,21·(c+3)) to rotations (B,16,3,3), by 6D, and shape (B,10); starts near the template."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rotations = nn.Linear(JOINT_COUNT * (channels + 3), ROTATION_COUNT * 6)
        self.shape = nn.Linear(JOINT_COUNT * (channels + 3), SHAPE_COUNT)
        with torch.no_grad():
            self.rotations.bias.copy_(torch.tensor(_IDENTITY_6D).repeat(ROTATION_COUNT))

    def forward(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        sixd = self.rotations(flat).float().unflatten(-1, (ROTATION_COUNT, 6))
        return sixd_to_matrix(sixd), self.shape(flat).float()


def _parameters_of_both(regressors: PerHand, flat: list[Tensor]) -> tuple[Tensor, Tensor]:
    rotations, shape = zip(*(regressors[side](hand) for side, hand in enumerate(flat)), strict=True)
    return torch.stack(rotations, 1), torch.stack(shape, 1)


def _flattened(features: Tensor, joints: Tensor) -> Tensor:
    """[F_J, J] of one hand: (B,21,c) and (B,21,3) cells to (B,21·(c+3))."""
    return torch.cat([features, centered(joints).to(features.dtype)], -1).flatten(1)


def _vertex_regressor(channels: int) -> nn.Sequential:
    """(B,21·(c+3)) to offsets from the template (B,778·3), dm; starts near none, for a smooth mesh."""
    first, last = nn.Linear(JOINT_COUNT * (channels + 3), channels), nn.Linear(channels, VERTEX_COUNT * 3)
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(last.bias)
    return nn.Sequential(first, nn.BatchNorm1d(channels), nn.ReLU(), last)
