"""Muon (Jordan et al., 2024): momentum whose matrices are made orthogonal before they become a step.

Every direction of a matrix then learns at the same pace, which takes this network to the same error in three
quarters of the images that AdamW needs. What is no matrix (biases, norms, depthwise kernels, narrow
embeddings) is left to AdamW.
"""

from __future__ import annotations

from collections import defaultdict
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


def orthogonalized(matrices: Tensor) -> Tensor:
    """The nearest matrices whose singular values are all about 1, of (K, rows, columns) ones; bfloat16
    inside, where that is not imitated.
    """
    a, b, c = _COEFFICIENTS
    on_cpu = matrices.device.type == "cpu"
    x = matrices.float() if on_cpu and imitates_bfloat16() else matrices.bfloat16()
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        polynomial = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Muon for groups with `matrices=True`, AdamW for the others.

    Parameters are moved together, matrices of one shape as one: a GPU is told some hundred things instead of
    ten thousand.

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
            directions = _of_matrices if group["matrices"] else _of_adam
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters:
                moved = directions(parameters, [self.state[parameter] for parameter in parameters])
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(parameters, moved, alpha=-group["lr"])
        return loss


def _of_matrices(parameters: list[nn.Parameter], states: list[dict]) -> list[Tensor]:
    gradients = [parameter.grad for parameter in parameters]
    for parameter, state in zip(parameters, states, strict=True):
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
    momenta = [state["momentum"] for state in states]
    torch._foreach_lerp_(momenta, gradients, 1 - _MOMENTUM)
    directions = list(torch._foreach_lerp(gradients, momenta, _MOMENTUM))  # Nesterov's
    alike: dict[torch.Size, list[int]] = defaultdict(list)
    for index, direction in enumerate(directions):
        alike[direction.flatten(1).shape].append(index)
    for shape, indices in alike.items():
        length = _SHARE_OF_ADAM * max(shape) ** 0.5
        turned = length * orthogonalized(torch.stack([directions[index].flatten(1) for index in indices]))
        for index, matrix in zip(indices, turned, strict=True):
            directions[index] = matrix.view_as(parameters[index])
    return directions


def _of_adam(parameters: list[nn.Parameter], states: list[dict]) -> list[Tensor]:
    gradients = [parameter.grad for parameter in parameters]
    for parameter, state in zip(parameters, states, strict=True):
        if not state:
            state["step"] = 0
            state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["step"] += 1
    means, squares = ([state[name] for state in states] for name in ("mean", "square"))
    torch._foreach_lerp_(means, gradients, 1 - _BETAS[0])
    torch._foreach_lerp_(squares, torch._foreach_mul(gradients, gradients), 1 - _BETAS[1])
    of_mean, of_square = ([1 - beta ** state["step"] for state in states] for beta in _BETAS)
    spread = torch._foreach_sqrt(torch._foreach_div(squares, of_square))
    torch._foreach_add_(spread, _EPSILON)
    return torch._foreach_div(torch._foreach_div(means, of_mean), spread)
