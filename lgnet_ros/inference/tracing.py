"""The network as a graph for other runtimes: crops in, the prediction's arrays out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from lgnet_ros.network import LGNet, normalize
from lgnet_ros.network.sparse import NeighborSum

INPUTS = ("crops", "focal_px")
"""(B, S, S, 3) uint8 RGB and (B,) float32."""

PREDICTED = (
    "joints_25d",
    "joints_25d_std",
    "rotations",
    "shape",
    "camera_translation",
    "rough_vertices",
    "vertices",
    "rough_joints",
    "joints",
    "relative_translation",
    "presence_logits",
)
"""The outputs of the network that a prediction is made of; the heat maps themselves are not handed out."""

_LARGEST_BATCH = 64


class _Predictor(nn.Module):
    """Normalization, the network, and what is kept of its output, in the order of `PREDICTED`."""

    def __init__(self, network: LGNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor, focal_px: Tensor) -> tuple[Tensor, ...]:
        output = self.network(normalize(crops), focal_px)
        return tuple(getattr(output, name).float() for name in PREDICTED)


class _GatheredSum(nn.Module):
    """A `NeighborSum` by gathering: for runtimes without embedding_bag, which ONNX spells as a loop."""

    index: Tensor  # (N, D) each node's members, filled up with N, a row of zeros

    def __init__(self, neighbor_sum: NeighborSum) -> None:
        super().__init__()
        starts, members = neighbor_sum.matrix_starts, neighbor_sum.matrix_members
        parts = np.split(members.cpu().numpy(), starts.cpu().numpy()[1:])
        index = np.full((len(parts), max(map(len, parts))), len(parts))
        for row, part in zip(index, parts, strict=True):
            row[: len(part)] = part
        self.register_buffer("index", torch.from_numpy(index), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, 0, 0, 1))[:, self.index].sum(-2)  # (B,N,C) to (B,N,D,C) to (B,N,C)


def traced(network: LGNet) -> ExportedProgram:
    """The network on the CPU in evaluation mode, float32, inputs `INPUTS`, outputs `PREDICTED`, B = 1."""
    return _traced(network, count=1, shapes=None)


def traced_portably(network: LGNet) -> ExportedProgram:
    """As `traced`, for any B and of plain operations only. Takes twice as long to trace."""
    batch = Dim("batch", min=1, max=_LARGEST_BATCH)
    with _gathering(network):
        return _traced(network, count=2, shapes=({0: batch}, {0: batch}))


def _traced(
    network: LGNet, count: int, shapes: tuple[dict[int, Dim], dict[int, Dim]] | None
) -> ExportedProgram:
    size = network.config.input_size
    example = (torch.zeros(count, size, size, 3, dtype=torch.uint8), torch.full((count,), float(size)))
    with torch.no_grad():
        return export(_Predictor(network.eval().cpu()), example, dynamic_shapes=shapes)


@contextlib.contextmanager
def _gathering(network: LGNet) -> Iterator[None]:
    """Inside, the network sums over neighbors by gathering."""
    places = [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, NeighborSum)
    ]
    try:
        for parent, name, child in places:
            setattr(parent, name, _GatheredSum(child))
        yield
    finally:
        for parent, name, child in places:
            setattr(parent, name, child)
