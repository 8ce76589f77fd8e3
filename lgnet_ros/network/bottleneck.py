"""An inverted residual whose batch norms are at rest, as one step of learning on a CPU, in bfloat16.

Layer by layer, most of a step's time goes into reading and writing what lies between the layers: norms,
clips, and a depthwise convolution in float32. With the norms at rest they are factors of the convolutions,
and what is left is two matrix products and a depthwise convolution that oneDNN is quick at, backwards too:
the gradient of its input is a depthwise convolution again.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.network.depthwise import input_gradient, kernel_gradient

_hardtanh_backward = torch.ops.aten.hardtanh_backward


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of the convolution followed by the norm at rest."""
    factor = norm.weight * (norm.running_var + norm.eps).rsqrt()
    weight = convolution.weight * factor[:, None, None, None]
    return weight, norm.bias - norm.running_mean * factor


class Bottleneck(torch.autograd.Function):
    """x (B,C,H,W) bfloat16 to the same of an inverted residual, without its shortcut.

    expand (E,C,1,1) and its bias (E,), kernel (E,1,k,k) and bias, project (D,E,1,1) and bias, float32.
    """

    @staticmethod
    def forward(
        context: Any,
        x: Tensor,
        expand: Tensor,
        expand_bias: Tensor,
        kernel: Tensor,
        kernel_bias: Tensor,
        project: Tensor,
        project_bias: Tensor,
        stride: int,
    ) -> Tensor:
        expand, project = (weight.flatten(1).bfloat16() for weight in (expand, project))
        kernel = kernel.bfloat16()
        rows = _rows(x)  # (B·H·W,C)
        wide = _maps(torch.addmm(expand_bias.bfloat16(), rows, expand.T), x.shape)  # before it is clipped
        padding = kernel.shape[-1] // 2
        seen = F.conv2d(wide.clamp(0, 6), kernel, kernel_bias.bfloat16(), stride, padding, groups=len(kernel))
        seen.clamp_(0, 6)
        context.save_for_backward(rows, wide, seen, expand, kernel, project)
        context.stride = stride
        return _maps(torch.addmm(project_bias.bfloat16(), _rows(seen), project.T), seen.shape)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, wide, seen, expand, kernel, project = context.saved_tensors
        of_out = _rows(gradient.bfloat16())
        of_seen = _hardtanh_backward(_maps(of_out @ project, seen.shape), seen, 0, 6)
        of_kernel = None
        if context.needs_input_grad[3]:
            of_kernel = kernel_gradient(wide.clamp(0, 6), of_seen, kernel.shape[-1], context.stride)
        of_wide = input_gradient(of_seen, kernel, wide.shape, context.stride)
        of_wide = _rows(_hardtanh_backward(of_wide, wide, 0, 6))
        of_x = None
        if context.needs_input_grad[0]:
            of_x = _maps(of_wide @ expand, (*wide.shape[:1], expand.shape[1], *wide.shape[2:]))
        return (
            of_x,
            (of_wide.T @ rows).float()[..., None, None],
            _column_sums(of_wide),
            of_kernel,
            _column_sums(_rows(of_seen)),
            (of_out.T @ _rows(seen)).float()[..., None, None],
            _column_sums(of_out),
            None,
        )


def _rows(x: Tensor) -> Tensor:
    """(B,C,H,W) as (B·H·W,C), without a copy where they lie so."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _column_sums(rows: Tensor) -> Tensor:
    """(N,C) to (C,) float32, by a product: it adds up in float32 without a copy in it."""
    return (torch.ones(1, len(rows), dtype=rows.dtype) @ rows)[0].float()


def _maps(rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(B·H·W,C) as (B,C,H,W); `shape` says B, H and W."""
    return rows.view(shape[0], *shape[2:], -1).permute(0, 3, 1, 2)
