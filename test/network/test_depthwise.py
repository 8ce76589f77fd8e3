"""Depthwise convolution: PyTorch's values, PyTorch's gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lgnet_ros.network.depthwise import DepthwiseConv2d


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kernel, stride", [(3, 1), (5, 1), (3, 2), (5, 2)])
def test_values_and_gradients_are_pytorchs(kernel: int, stride: int, memory: torch.memory_format) -> None:
    layer = DepthwiseConv2d(7, kernel, stride)
    x = torch.randn(2, 7, 6, 8).contiguous(memory_format=memory).requires_grad_()
    out = layer(x)
    towards = torch.randn_like(out)
    expected = F.conv2d(x, layer.weight, stride=stride, padding=kernel // 2, groups=7)
    torch.testing.assert_close(out, expected)
    ours = torch.autograd.grad(out, (x, layer.weight), towards)
    theirs = torch.autograd.grad(expected, (x, layer.weight), towards)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_it_learns_in_float32_what_it_infers_in_bfloat16() -> None:
    layer, x = DepthwiseConv2d(16, 5, 2), torch.randn(2, 16, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        learning = layer(x.bfloat16())
        with torch.no_grad():
            inferring = layer(x.bfloat16())
    assert (learning.dtype, inferring.dtype) == (torch.float32, torch.bfloat16)
    torch.testing.assert_close(inferring.float(), learning, atol=0.05, rtol=0.05)
