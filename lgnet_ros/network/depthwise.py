"""Depthwise convolution that learns quickly on a CPU.

oneDNN infers it well, but its gradients are another matter: in bfloat16 both take a reference path (some
100 ms where 1 ms would do), and in float32 that of a 5×5 kernel takes five to fifteen times as long as a
plain loop, that of its input two to four times.
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
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight = context.saved_tensors
        size, channels = weight.shape[-1], len(weight)
        towards = _channels_last(gradient)
        of_weight = np.zeros((size, size, channels), np.float32)
        _kernel_gradient(_channels_last(x), towards, context.stride, of_weight)
        of_x = None
        if context.needs_input_grad[0]:
            of_x = _input_gradient(x.shape, weight, towards, context.stride)
        return of_x, torch.from_numpy(of_weight).permute(2, 0, 1)[:, None], None


def _input_gradient(shape: torch.Size, weight: Tensor, gradient: np.ndarray, stride: int) -> Tensor:
    batch, channels, height, width = shape
    total = np.zeros((batch, height, width, channels), np.float32)
    kernel = weight.detach()[:, 0].permute(1, 2, 0).contiguous().numpy()
    _spread_gradient(kernel, gradient, stride, total)
    return torch.from_numpy(total).permute(0, 3, 1, 2)


def _channels_last(values: Tensor) -> np.ndarray:
    """(B,C,H,W) as (B,H,W,C), without a copy where they lie so."""
    return values.detach().permute(0, 2, 3, 1).contiguous().numpy()


@compiled
def _kernel_gradient(x, gradient, stride, total):
    """total (k,k,C) += for each place in the kernel, x (B,H,W,C) there times gradient (B,h,w,C)."""
    size, height, width = total.shape[0], x.shape[1], x.shape[2]
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
                        there, into = x[b, row, column], total[k, m]
                        for c in range(into.shape[0]):
                            into[c] += here[c] * there[c]


@compiled
def _spread_gradient(kernel, gradient, stride, total):
    """total (B,H,W,C) += for each place in the kernel (k,k,C), it times gradient (B,h,w,C)."""
    size, height, width = kernel.shape[0], total.shape[1], total.shape[2]
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
                        factor, into = kernel[k, m], total[b, row, column]
                        for c in range(into.shape[0]):
                            into[c] += here[c] * factor[c]
