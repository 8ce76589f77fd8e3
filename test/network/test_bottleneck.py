"""The inverted residual with resting norms, learned at once: the same values and gradients as layer by
layer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lgnet_ros.network.efficientnet import InvertedResidual


def block_at_rest(inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> InvertedResidual:
    block = InvertedResidual(inputs, outputs, expansion, kernel, stride)
    for part in block.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias)
    return block.to(memory_format=torch.channels_last).eval()


def learned(block: InvertedResidual, x: Tensor, direction: Tensor, bfloat16: bool) -> list[Tensor]:
    """Output, and gradients of its product with `direction` by x and all parameters."""
    x = x.clone().requires_grad_()
    block.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        y = block(x.bfloat16() if bfloat16 else x)
    (y.float() * direction).sum().backward()
    return [y.detach().float(), x.grad, *(parameter.grad.clone() for parameter in block.parameters())]


@pytest.mark.parametrize(
    "sizes, side",
    [((16, 16, 6, 5, 1), 8), ((16, 16, 6, 3, 1), 8), ((8, 24, 4, 3, 2), 16), ((12, 8, 6, 5, 2), 7)],
)
def test_a_step_at_once_is_that_of_its_layers(sizes: tuple[int, ...], side: int) -> None:
    torch.manual_seed(3)
    block = block_at_rest(*sizes)
    x = torch.randn(8, sizes[0], side, side).bfloat16().float().contiguous(memory_format=torch.channels_last)
    direction = torch.randn_like(block(x))
    for at_once, exactly in zip(
        learned(block, x, direction, True), learned(block, x, direction, False), strict=True
    ):
        assert (at_once - exactly).norm() < 0.15 * exactly.norm()


def test_norms_that_gather_statistics_learn_layer_by_layer() -> None:
    torch.manual_seed(4)
    block = block_at_rest(8, 8, 4, 3, 1).train()
    before = block.depthwise_norm.running_mean.clone()
    learned(block, torch.randn(4, 8, 6, 6), torch.ones(4, 8, 6, 6), bfloat16=True)
    assert not torch.equal(block.depthwise_norm.running_mean, before)
