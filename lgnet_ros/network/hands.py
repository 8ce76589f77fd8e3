"""The two hands' branches: separate weights for right and left, or one set for both."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


class PerHand(nn.Module):
    """One module for each hand, `per_hand[RIGHT]` and `per_hand[LEFT]`.

    Args:
        make: builds the module of one hand.
        separate: off, both hands share one module (Table III, "w/o L/R feature").
    """

    def __init__(self, make: Callable[[], nn.Module], separate: bool) -> None:
        super().__init__()
        self.hands = nn.ModuleList(make() for _ in range(2 if separate else 1))

    def __getitem__(self, hand: int) -> nn.Module:
        return self.hands[hand % len(self.hands)]
