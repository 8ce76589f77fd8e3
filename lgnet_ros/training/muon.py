"""Muon (Jordan et al., 2024): momentum whose matrices are made orthogonal before they become a step.

Every direction of a matrix then learns at the same pace, which takes this network to the same error in three
quarters of the images that AdamW needs. What is no matrix (biases, norms, depthwise kernels, embeddings) is
left to AdamW.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from lgnet_ros.network.precision import imitates_bfloat16

_MOMENTUM = 0.95
_BETAS, _EPSILON = (0.9, 0.999), 1e-8
# Newton and Schulz's iteration with coefficients that bring all singular values near 1 in five steps.
_COEFFICIENTS, _ITERATIONS = (3.4445, -4.7750, 2.0315), 5
# With it, an orthogonal matrix moves its weights as far as AdamW does on average (Liu et al., 2025).
_SHARE_OF_ADAM = 0.2
_SMALLEST = 8


def is_matrix(parameter: nn.Parameter) -> bool:
    """Whether Muon takes it: a matrix, or a convolution's kernel seen as one, that is not too narrow."""
    if parameter.ndim not in (2, 4):
        return False
    rows, columns = parameter.shape[0], parameter[0].numel()
    return min(rows, columns) >= _SMALLEST and (parameter.ndim == 2 or parameter.shape[1] > 1)


def orthogonalized(matrix: Tensor) -> Tensor:
    """The nearest matrix whose singular values are all about 1, of a (rows, columns) one; bfloat16 inside,
    where that is not imitated.
    """
    a, b, c = _COEFFICIENTS
    x = matrix.float() if matrix.device.type == "cpu" and imitates_bfloat16() else matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    tall = len(x) > x.shape[1]
    x = x.T if tall else x
    for _ in range(_ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Muon for groups with `matrices=True`, AdamW for the others.

    Args:
        groups: with "params", "lr", "weight_decay" and "matrices".
    """

    def __init__(self, groups: Iterable[dict]) -> None:
        super().__init__(groups, {"lr": 1e-3, "weight_decay": 0.0, "matrices": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of all groups."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moved = _moved_matrix if group["matrices"] else _moved_by_adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(moved(parameter, self.state[parameter]), alpha=-group["lr"])
        return loss


def _moved_matrix(parameter: nn.Parameter, state: dict) -> Tensor:
    if not state:
        state["momentum"] = torch.zeros_like(parameter)
    momentum = state["momentum"].lerp_(parameter.grad, 1 - _MOMENTUM)
    direction = parameter.grad.lerp(momentum, _MOMENTUM).flatten(1)  # Nesterov's
    return _SHARE_OF_ADAM * max(direction.shape) ** 0.5 * orthogonalized(direction).view_as(parameter)


def _moved_by_adam(parameter: nn.Parameter, state: dict) -> Tensor:
    if not state:
        state["step"] = 0
        state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
    state["step"] += 1
    mean = state["mean"].lerp_(parameter.grad, 1 - _BETAS[0]) / (1 - _BETAS[0] ** state["step"])
    square = state["square"].lerp_(parameter.grad.square(), 1 - _BETAS[1]) / (1 - _BETAS[1] ** state["step"])
    return mean / (square.sqrt() + _EPSILON)
