"""LGBlock (Algorithm 2 with Figure 3): a local unit, then a global unit, adapt each hand's features."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from lgnet_ros.hand_model.topology import LEFT, RIGHT
from lgnet_ros.network.config import LGNetConfig, LocalGraph
from lgnet_ros.network.graph import chebyshev_stack, gin_stack, grid_edges
from lgnet_ros.network.hands import PerHand
from lgnet_ros.network.heatmap import CELLS
from lgnet_ros.network.lgfa import LGFA


def make_lgblock(config: LGNetConfig) -> nn.Module:
    """The block that the configuration asks for: (right, left) tokens (B,64,c) to (B,64,c + c/4) each."""
    if not config.lgblock:
        return SelfAdaptation(config.channels)
    local_unit = LocalUnit(config) if config.local_unit else JoinedTokens(config.channels)
    global_unit = GlobalUnit(config) if config.global_unit else LocalOnly()
    return LGBlock(local_unit, global_unit, config.channels)


class LGBlock(nn.Module):
    """F*_h = concat(F_h, FC(g)), where g = global_unit(F_R, F_L, local_unit(F_R, F_L))."""

    def __init__(self, local_unit: nn.Module, global_unit: nn.Module, channels: int) -> None:
        super().__init__()
        self.local_unit = local_unit
        self.global_unit = global_unit
        self.reduce = nn.Linear(channels, channels // 4)

    def forward(self, right: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        shared = self.reduce(self.global_unit(right, left, self.local_unit(right, left)))  # (B,64,c/4)
        return torch.cat([right, shared], -1), torch.cat([left, shared], -1)


class LocalUnit(nn.Module):
    """Each hand's graph convolution on the 8×8 grid, then LGFA of the two (Eq. 7)."""

    def __init__(self, config: LGNetConfig) -> None:
        super().__init__()
        self.graph = PerHand(partial(_grid_network, config), config.lr_feature)
        self.lgfa = LGFA(config.channels, config.literal_algorithm)

    def forward(self, right: Tensor, left: Tensor) -> Tensor:
        return self.lgfa(self.graph[RIGHT](right), self.graph[LEFT](left))


class GlobalUnit(nn.Module):
    """Each hand adapted to the local features (Eqs. 8 and 9), then LGFA of the two (Eq. 10)."""

    def __init__(self, config: LGNetConfig) -> None:
        super().__init__()
        make = partial(LGFA, config.channels, config.literal_algorithm)
        self.hand = PerHand(make, config.lr_feature)
        self.lgfa = make()

    def forward(self, right: Tensor, left: Tensor, local: Tensor) -> Tensor:
        return self.lgfa(self.hand[RIGHT](right, local), self.hand[LEFT](left, local))


class JoinedTokens(nn.Module):
    """Table III, "w/o local unit": FC(concat(F_R, F_L))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = nn.Linear(2 * channels, channels)

    def forward(self, right: Tensor, left: Tensor) -> Tensor:
        return self.join(torch.cat([right, left], -1))


class LocalOnly(nn.Module):
    """Table III, "w/o global unit": the local features pass."""

    def forward(self, right: Tensor, left: Tensor, local: Tensor) -> Tensor:
        return local


class SelfAdaptation(nn.Module):
    """Table III, "w/o LGBlock": F*_h = concat(F_h, FC(F_h))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, channels // 4)

    def forward(self, right: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([right, self.reduce(right)], -1), torch.cat([left, self.reduce(left)], -1)


def _grid_network(config: LGNetConfig) -> nn.Module:
    if config.local_graph is LocalGraph.NONE:
        return nn.Identity()
    stack = gin_stack if config.local_graph is LocalGraph.GIN else chebyshev_stack
    return stack(grid_edges(CELLS, CELLS), CELLS * CELLS, config.channels)
