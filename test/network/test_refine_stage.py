"""Refine stage against the plain form: concatenate everything per vertex, then one MLP."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.hand_model import HandModel
from lgnet_ros.network import LGNet, LGNetConfig
from lgnet_ros.network.refine_stage import RefineInput, RefineStage
from lgnet_ros.network.sparse import NeighborSum

NANO = replace(LGNetConfig.nano(), input_size=128)
SMALL = replace(NANO, channels=16, refine_channels=8)


def stage_and_inputs(hand_model: HandModel) -> tuple[RefineStage, RefineInput]:
    stage = RefineStage(SMALL, 4 + 6, NeighborSum(hand_model.edges, 778)).eval()
    inputs = RefineInput(
        vertices=0.1 * torch.randn(2, 778, 3),
        pixels=160 * torch.rand(2, 778, 2) - 16,  # some outside the crop
        joints=7 * torch.rand(2, 21, 3),
        fine=torch.randn(2, 778, 4 + 6),
        hand=torch.randn(2, 36, 8, 8),
    )
    return stage, inputs


def sampled(features: Tensor, pixels: Tensor) -> Tensor:
    grid = 2 * (pixels + 0.5) / 128 - 1
    return F.grid_sample(features, grid[:, None], align_corners=False)[:, :, 0].mT


def test_it_equals_one_mlp_on_all_inputs_concatenated_per_vertex(hand_model: HandModel) -> None:
    stage, inputs = stage_and_inputs(hand_model)
    nn.init.normal_(stage.tail[-1].weight)
    joints = (inputs.joints / 3.5 - 1).flatten(1)[:, None].expand(-1, 778, -1)
    hand = sampled(inputs.hand, inputs.pixels)
    everything = torch.cat([inputs.fine, 10 * inputs.vertices, hand, joints], -1)
    parts = (stage.head_vertex.weight, stage.head_hand.weight[:, :, 0, 0], stage.head_joints.weight)
    first = everything @ torch.cat(parts, 1).T + stage.head_vertex.bias
    expected = 0.01 * stage.tail(stage.graph(stage.head(first)))
    torch.testing.assert_close(stage(inputs), expected, atol=1e-5, rtol=1e-4)


def test_each_hands_vertices_look_at_the_image_where_they_project(hand_model: HandModel) -> None:
    """Stem and layer1 under every vertex of either hand, in full perspective."""
    torch.manual_seed(0)
    network = LGNet(NANO, hand_model).eval()
    seen: list[RefineInput] = []
    for side in (0, 1):
        network.refine_stage[side].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images, focal_px = torch.randn(2, 3, 128, 128), torch.tensor([180.0, 260.0])
    with torch.no_grad():
        output, maps = network(images, focal_px), network.backbone(images)
        for side, inputs in enumerate(seen):
            placed = output.rough_vertices[:, side] + output.camera_translation[:, side, None]
            pixels = focal_px[:, None, None] * placed[..., :2] / placed[..., 2:] + 63.5
            torch.testing.assert_close(inputs.pixels, pixels, atol=1e-3, rtol=1e-4)
            fine = torch.cat([sampled(maps.stem, pixels), sampled(maps.layer1, pixels)], -1)
            torch.testing.assert_close(inputs.fine, fine, atol=1e-3, rtol=1e-3)


def test_the_full_network_gathers_1538_channels_per_vertex(hand_model: HandModel) -> None:
    stage = RefineStage(LGNetConfig.full(), 64 + 256, NeighborSum(hand_model.edges, 778))
    assert stage.head_vertex.in_features + stage.head_hand.in_channels + stage.head_joints.in_features == 1538


def test_training_starts_at_the_rough_mesh(hand_model: HandModel) -> None:
    stage, inputs = stage_and_inputs(hand_model)
    assert not stage(inputs).any()
