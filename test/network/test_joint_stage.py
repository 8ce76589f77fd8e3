"""Joint stage and joint transformer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from lgnet_ros.network import LGNetConfig
from lgnet_ros.network.joint_stage import make_joint_stage
from lgnet_ros.network.joint_transformer import JointTransformer

SMALL = replace(LGNetConfig.nano(), channels=16)


def test_joint_features_are_bilinear_samples_at_the_joints() -> None:
    stage = make_joint_stage(SMALL).eval()
    adapted = torch.randn(2, 20, 8, 8)
    estimate = stage(adapted)
    maps = stage.features(adapted)
    for b, j in np.ndindex(2, 21):
        x, y = estimate.joints[b, j, :2].tolist()  # cells: integer coordinates are the map's own entries
        column, row = min(int(x), 6), min(int(y), 6)
        dx, dy = x - column, y - row
        corner = maps[b, :, row : row + 2, column : column + 2]
        top, bottom = ((1 - dx) * corner[:, k, 0] + dx * corner[:, k, 1] for k in (0, 1))
        torch.testing.assert_close(
            estimate.features[b, j], (1 - dy) * top + dy * bottom, atol=1e-5, rtol=1e-4
        )


def test_the_sampled_features_do_not_pull_the_joints() -> None:
    stage = make_joint_stage(SMALL).eval()
    estimate = stage(torch.randn(2, 20, 8, 8))
    (gradient,) = torch.autograd.grad(estimate.features.sum(), stage.heatmaps.weight, allow_unused=True)
    assert gradient is None


def test_heat_map_channels_are_joints_then_depth() -> None:
    stage = make_joint_stage(SMALL).eval()
    with torch.no_grad():
        stage.heatmaps.weight.zero_()
        stage.heatmaps.bias.zero_()
        stage.heatmaps.bias[5 * 8 + 2] = 50.0  # joint 5, depth cell 2, everywhere over the crop
    joints = stage(torch.randn(1, 20, 8, 8)).joints
    torch.testing.assert_close(joints[0, 5], torch.tensor([3.5, 3.5, 2.0]))
    torch.testing.assert_close(joints[0, 6], torch.tensor([3.5, 3.5, 3.5]))


def test_without_joint_stage_connected_layers_give_joints_of_unknown_spread() -> None:
    estimate = make_joint_stage(SMALL.without("joint_stage"))(torch.randn(3, 20, 8, 8))
    assert estimate.features.shape == (3, 21, 16)
    assert estimate.logits.shape == (3, 21, 8, 8, 8)
    assert not estimate.logits.any()
    torch.testing.assert_close(estimate.spread, torch.full((3, 21, 3), np.sqrt(63 / 12)))


def test_the_joint_transformer_is_four_of_torchs_pre_norm_layers() -> None:
    ours = JointTransformer(16).eval()
    layer = nn.TransformerEncoderLayer(16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True)
    theirs = nn.TransformerEncoder(layer, 4, nn.LayerNorm(16), enable_nested_tensor=False)
    for mine, block in zip(ours.blocks, theirs.layers, strict=True):
        block.self_attn.in_proj_weight, block.self_attn.in_proj_bias = mine.qkv.weight, mine.qkv.bias
        block.self_attn.out_proj, block.norm1, block.norm2 = mine.out, mine.attention_norm, mine.mlp[0]
        block.linear1, block.linear2 = mine.mlp[1], mine.mlp[3]
    theirs.norm = ours.norm
    features = torch.randn(2, 21, 16)
    torch.testing.assert_close(ours(features), theirs(features + ours.embedding), atol=1e-5, rtol=1e-5)
