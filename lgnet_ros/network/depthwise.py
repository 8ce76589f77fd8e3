"""Depthwise convolution that learns quickly on a CPU.

oneDNN infers it well, but its gradients are another matter: in bfloat16 both take a reference path (some
100 ms where 1 ms would do), and in float32 that of a 5×5 kernel takes five to fifteen times as long as a
plain loop, that of its input two to four times. The gradient of the input is a depthwise convolution itself,
and is computed as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.jit import compiled


class DepthwiseConv2d(nn.Conv2d):
    """One k×k kernel per channel, without bias, padded by k // 2; on a CPU it learns in float32."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(
            channels, channels, kernel, stride=stride, padding=kernel // 2, groups=channels, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) to (B,C,⌈H/stride⌉,⌈W/stride⌉)."""
        learns = torch.is_grad_enabled() and self.weight.requires_grad and self.bias is None
        if x.device.type != "cpu" or not learns:  # a bias: a batch norm was folded into it
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return _Depthwise.apply(x.float(), self.weight, self.stride[0])


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        context.save_for_backward(x, weight)
        context.stride = stride
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = context.saved_tensors
        of_x = input_gradient(gradient, weight, x.shape, context.stride)
        return of_x, kernel_gradient(x, gradient, weight.shape[-1], context.stride), None


def input_gradient(gradient: Tensor, kernel: Tensor, shape: tuple[int, ...], stride: int) -> Tensor:
    """The gradient (B,C,H,W) of a depthwise convolution's input: that of its output, put where the input was
    seen, through the turned kernel (C,1,k,k). shape: of the input.
    """
    spread = gradient
    if stride > 1:
        spread = gradient.new_zeros(shape).contiguous(memory_format=torch.channels_last)
        spread[..., ::stride, ::stride] = gradient
    return F.conv2d(spread, kernel.flip((2, 3)), padding=kernel.shape[-1] // 2, groups=len(kernel))


def kernel_gradient(x: Tensor, gradient: Tensor, size: int, stride: int) -> Tensor:
    """The gradient (C,1,size,size) float32 of a depthwise convolution's kernel.

    Args:
        x: its input, (B,C,H,W).
        gradient: that of its output, (B,C,⌈H/stride⌉,⌈W/stride⌉).
    """
    of_kernel = np.zeros((size, size, x.shape[1]), np.float32)
    _gather_gradient(_channels_last(x.float()), _channels_last(gradient.float()), stride, of_kernel)
    return torch.from_numpy(of_kernel).permute(2, 0, 1)[:, None]


def _channels_last(values: Tensor) -> np.ndarray:
    """(B,C,H,W) as (B,H,W,C), without a copy where they lie so."""
    return values.detach().permute(0, 2, 3, 1).contiguous().numpy()


@compiled
def _gather_gradient(x, gradient, stride, of_kernel):
    """For each place in the kernel (k,k,C), gradient (B,h,w,C) times what x (B,H,W,C) was there."""
    size, height, width = of_kernel.shape[0], x.shape[1], x.shape[2]
    for b in range(gradient.shape[0]):
        for i in range(gradient.shape[1]):
            for j in range(gradient.shape[2]):
                here = gradient[b, i, j]
                for k in range(size):
                    row = i * stride + k - size // 2
                    if row < 0 or row >= height:
                        continue
                    for m in range(size):
                        column = j * stride + m - size // 2
                        if column < 0 or column >= width:
                            continue
                        there, into = x[b, row, column], of_kernel[k, m]
                        for c in range(into.shape[0]):
                            into[c] += here[c] * there[c]
