"""Batch norms folded away: fewer layers, the same network."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.folding import fold_batch_norms
from lgnet_ros.network import LGNet, LGNetConfig, LocalGraph


def seasoned(config: LGNetConfig) -> LGNet:
    """A network whose norms have seen something."""
    torch.manual_seed(0)
    network = LGNet(config, HandModel.load()).eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return network


@pytest.mark.parametrize("changes", [{}, {"local_graph": LocalGraph.CHEBYSHEV, "mesh_stage": False}])
def test_the_folded_network_says_the_same_without_a_single_norm_of_a_batch(changes: dict) -> None:
    network = seasoned(replace(LGNetConfig.nano(), **changes))
    images, focal_px = torch.randn(2, 3, 192, 192), torch.tensor([150.0, 200.0])
    with torch.no_grad():
        before = network(images, focal_px)
        fold_batch_norms(network)
        after = network(images, focal_px)
    assert not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())
    for name in ("vertices", "joints_25d", "camera_translation", "presence_logits"):
        first, second = getattr(before, name), getattr(after, name)
        torch.testing.assert_close(second, first, atol=2e-4, rtol=1e-4, msg=name)
