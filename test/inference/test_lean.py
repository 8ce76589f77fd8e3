"""The lean form of the network, and the hands posed beside it, against the plain modules."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.lean import MAPS, SEEN, is_lean, lean
from lgnet_ros.inference.posing import HandPoser, projected, sample_into
from lgnet_ros.network import LGNet, LGNetConfig, LGNetOutput, LocalGraph, normalize

NANO = replace(LGNetConfig.nano(), input_size=128)
FOCAL_PX = 150.0
CONFIGS = {
    "nano": NANO,
    "no LGBlock": NANO.without("lgblock"),
    "no local unit": NANO.without("local_unit"),
    "no global unit": NANO.without("global_unit"),
    "one branch for both hands": NANO.without("lr_feature"),
    "no refine stage": NANO.without("refine_stage"),
    "Chebyshev, literal": replace(NANO, local_graph=LocalGraph.CHEBYSHEV, literal_algorithm=True),
    "no local graph": replace(NANO, local_graph=LocalGraph.NONE),
}


def seasoned(config: LGNetConfig) -> LGNet:
    """A network whose norms and last layers are not at their initial values."""
    torch.manual_seed(0)
    network = LGNet(config, HandModel.load()).eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2.0)
            if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm)):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.1)
        network.uncertainty_scale.uniform_(0.5, 2.0)
        for stage in network.refine_stage.hands if network.refine_stage is not None else ():
            stage.tail[-1].weight.normal_(std=0.05)
    return network


def plain_answer(network: LGNet, crops: torch.Tensor) -> LGNetOutput:
    with torch.no_grad():
        return network(normalize(crops), torch.tensor([FOCAL_PX]))


def lean_answer(network: LGNet, crops: torch.Tensor) -> dict[str, np.ndarray]:
    """By the two networks, and the compiled loops in between."""
    sight, refinement = lean(network)
    with torch.no_grad():
        outputs = sight(crops, torch.tensor([FOCAL_PX]))
    seen = {name: part.contiguous().numpy() for name, part in zip(SEEN + MAPS, outputs, strict=False)}
    poser = HandPoser(network.hand_model)
    rotations, rough = poser.pose(seen["sixd"], seen["shape"])
    answer = {**seen, "rotations": rotations, "rough_vertices": rough, "vertices": rough}
    if refinement is not None:
        size_px = crops.shape[1]
        pixels = projected(rough, seen["camera_translation"], FOCAL_PX, size_px)
        bases = {"cells": seen["start"]}
        looks = []
        for name in ("stem", "layer1", "cells"):
            maps = square(seen[name])
            looks.append(np.empty((2, 778, maps.shape[-1]), np.float32))
            sample_into(looks[-1], maps, pixels, size_px, bases.get(name))
        found = np.concatenate([*looks[:2], rough / 0.1], -1).astype(np.float32)
        with torch.no_grad():
            offsets = refinement(torch.from_numpy(found), torch.from_numpy(looks[2]))
        answer["vertices"] = rough + offsets.numpy()
    joints = {"rough_joints": poser.joints(rough), "joints": poser.joints(answer["vertices"])}
    return answer | joints


def square(rows: np.ndarray) -> np.ndarray:
    side = math.isqrt(rows.shape[1])
    return rows.reshape(len(rows), side, side, -1)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_lean_form_says_what_the_network_says(name: str) -> None:
    network = seasoned(CONFIGS[name])
    crops = torch.randint(0, 256, (1, 128, 128, 3), dtype=torch.uint8)
    expected, answer = plain_answer(network, crops), lean_answer(network, crops)
    state = network.state_dict()
    told = {part for part in LGNetOutput._fields if part in answer}
    assert told == set(LGNetOutput._fields) - {"heatmap_logits"}
    for part in told:
        difference = np.abs(answer[part] - getattr(expected, part)[0].numpy()).max()
        assert difference < (2e-4 if part == "rotations" else 2e-5), f"{part}: {difference}"
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    if network.refine_stage is not None:
        assert np.abs(answer["vertices"] - answer["rough_vertices"]).max() > 1e-4


def test_ablations_without_a_joint_or_a_mesh_stage_have_no_lean_form() -> None:
    assert all(is_lean(config) for config in (*CONFIGS.values(), LGNetConfig.full(), LGNetConfig.light()))
    assert not is_lean(NANO.without("joint_stage"))
    assert not is_lean(NANO.without("mesh_stage"))
