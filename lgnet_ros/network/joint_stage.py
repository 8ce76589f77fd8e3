"""Joint stage, one hand: 2.5D joints from heat maps, and a feature vector sampled at each joint."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lgnet_ros.hand_model.topology import JOINT_COUNT
from lgnet_ros.network.config import LGNetConfig
from lgnet_ros.network.heatmap import CELLS, cells_to_pixels, sample_cells, soft_argmax


class JointEstimate(NamedTuple):
    """One hand: joints and their spread (B,21,3) cells, logits (B,21,8,8,8), features (B,21,c)."""

    joints: Tensor
    spread: Tensor
    logits: Tensor
    features: Tensor


def make_joint_stage(config: LGNetConfig) -> nn.Module:
    """The stage that the configuration asks for: F* (B,5c/4,8,8) to `JointEstimate`."""
    return HeatmapJoints(config) if config.joint_stage else ConnectedJoints(config.channels)


class HeatmapJoints(nn.Module):
    """1×1 convolution to 21·8 heat maps, 3D soft-argmax, and features sampled where the joints are seen."""

    def __init__(self, config: LGNetConfig) -> None:
        super().__init__()
        adapted = config.channels + config.channels // 4
        self.input_size = config.input_size
        self.heatmaps = nn.Conv2d(adapted, JOINT_COUNT * CELLS, 1)
        self.features = nn.Sequential(
            nn.Conv2d(adapted, config.channels, 1, bias=False), nn.BatchNorm2d(config.channels), nn.ReLU()
        )

    def forward(self, adapted: Tensor) -> JointEstimate:
        logits = self.heatmaps(adapted).unflatten(1, (JOINT_COUNT, CELLS)).float()  # (B,21,8,8,8)
        joints, spread = soft_argmax(logits)
        # Detached: a joint moves for its own loss, not for a brighter feature beside it.
        pixels = cells_to_pixels(joints[..., :2].detach(), self.input_size)
        features = sample_cells(self.features(adapted), pixels, self.input_size)
        return JointEstimate(joints, spread, logits, features)


class ConnectedJoints(nn.Module):
    """Table III, "w/o joint stage": fully connected layers on the pooled features.

    There are no heat maps; their logits are zero, and the spread that of a joint that may be anywhere.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        adapted = channels + channels // 4
        self.joints = nn.Linear(adapted, JOINT_COUNT * 3)
        self.features = nn.Sequential(nn.Linear(adapted, JOINT_COUNT * channels), nn.ReLU())

    def forward(self, adapted: Tensor) -> JointEstimate:
        pooled = adapted.mean((-2, -1))
        logits = torch.zeros(1, JOINT_COUNT, CELLS, CELLS, CELLS, device=adapted.device)
        logits = logits.expand(adapted.shape[0], -1, -1, -1, -1)
        center, spread = soft_argmax(logits)
        joints = center + self.joints(pooled).unflatten(-1, (JOINT_COUNT, 3)).float()
        return JointEstimate(joints, spread, logits, self.features(pooled).unflatten(-1, (JOINT_COUNT, -1)))
