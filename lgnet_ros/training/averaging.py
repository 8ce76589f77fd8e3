"""Weights averaged over the steps: what is validated, saved as the result and exported."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_Average = Callable[[list[Tensor], list[Tensor], Tensor], None]


def exponential_average(decay: float) -> _Average:
    """An exponential moving average that starts fast: after n updates its decay is at most (1 + n) / (10 +
    n).

    Otherwise the first thousand steps, when weights improve most, would drag on the average for as long
    again.
    """

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], updates: Tensor) -> None:
        count = int(updates)  # once: a GPU is waited for
        keep = min(decay, (1 + count) / (10 + count))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1.0 - keep)
        else:  # counters: the newest
            torch._foreach_copy_(averaged, current)

    return update
