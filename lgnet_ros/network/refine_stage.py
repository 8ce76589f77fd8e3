"""Refine stage, one hand: image features under each vertex of M_r, a graph network, offsets ΔM."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lgnet_ros.hand_model.topology import JOINT_COUNT
from lgnet_ros.network.config import LGNetConfig
from lgnet_ros.network.graph import GINResBlock, NodeNorm
from lgnet_ros.network.heatmap import centered, sample_cells
from lgnet_ros.network.sparse import NeighborSum
from lgnet_ros.network.units import CENTIMETRE, DECIMETRE


class RefineInput(NamedTuple):
    """What the stage looks at. Nothing of the first three moves for the offsets' sake: they come detached.

    vertices (B,778,3) M_r, wrist-relative, m; pixels (B,778,2) their crop px; joints (B,21,3) cells;
    fine (B,778,320): stem and layer1 under the vertices; hand (B,c + 5c/4,8,8): F_h and F*_h.
    """

    vertices: Tensor
    pixels: Tensor
    joints: Tensor
    fine: Tensor
    hand: Tensor


class RefineStage(nn.Module):
    """Head MLP(1538→256→64), three residual GIN blocks, tail MLP(64→32→3) (widths of c = 512).

    The head's first layer is linear in each of its inputs, so each goes through its share of the layer where
    that is cheapest: F_h and F*_h on their 64 cells before sampling, the joints once for all vertices.
    The last layer starts at zero: training starts at M_f = M_r.
    """

    def __init__(self, config: LGNetConfig, fine_channels: int, neighbor_sum: NeighborSum) -> None:
        super().__init__()
        width, c = config.refine_channels, config.channels
        self.input_size = config.input_size
        self.head_vertex = nn.Linear(fine_channels + 3, 4 * width)  # stem, layer1, xyz
        self.head_hand = nn.Conv2d(c + c + c // 4, 4 * width, 1, bias=False)
        self.head_joints = nn.Linear(3 * JOINT_COUNT, 4 * width, bias=False)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(4 * width, width), NodeNorm(width), nn.ReLU())
        self.graph = nn.Sequential(*(GINResBlock(neighbor_sum, width) for _ in range(3)))
        self.tail = nn.Sequential(nn.Linear(width, width // 2), nn.ReLU(), nn.Linear(width // 2, 3))
        nn.init.zeros_(self.tail[-1].weight)
        nn.init.zeros_(self.tail[-1].bias)

    def forward(self, inputs: RefineInput) -> Tensor:
        """ΔM (B,778,3), m."""
        return CENTIMETRE * self.tail(self.graph(self.head(self._first_layer(inputs)))).float()

    def _first_layer(self, inputs: RefineInput) -> Tensor:
        """(B,778,256): the head's first layer of the 1538 concatenated inputs."""
        vertex = self.head_vertex(torch.cat([inputs.fine, inputs.vertices / DECIMETRE], -1))
        hand = sample_cells(self.head_hand(inputs.hand), inputs.pixels, self.input_size)
        joints = self.head_joints(centered(inputs.joints).flatten(1))
        return vertex + hand + joints[:, None]
