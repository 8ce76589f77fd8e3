"""The network as a graph for other runtimes: crops in, the prediction's arrays out."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from lgnet_ros.network import LGNet, normalize
from lgnet_ros.network.precision import exporting
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
_SMALL_GRAPH = 64  # nodes; up to here a product with the whole matrix is the faster sum over neighbors


class _Predictor(nn.Module):
    """Normalization, the network, and what is kept of its output, in the order of `PREDICTED`."""

    def __init__(self, network: LGNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor, focal_px: Tensor) -> tuple[Tensor, ...]:
        output = self.network(normalize(crops), focal_px)
        return tuple(getattr(output, name).float() for name in PREDICTED)


class _ExactPredictor(_Predictor):
    """As `_Predictor`, followed by what has to stay in float32 where the rest does not, see `exporting`."""

    def forward(self, crops: Tensor, focal_px: Tensor) -> tuple[Tensor, ...]:
        with exporting() as exact:
            predicted = super().forward(crops, focal_px)
        return (*predicted, *exact)


class _MatrixSum(nn.Module):
    """A `NeighborSum` as a product with its (N,N) matrix of zeros and ones."""

    matrix: Tensor

    def __init__(self, neighbor_sum: NeighborSum) -> None:
        super().__init__()
        nodes = len(neighbor_sum.matrix_starts)
        self.register_buffer("matrix", neighbor_sum(torch.eye(nodes)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.matrix @ x  # (1,N,C)


class _BagSum(nn.Module):
    """A `NeighborSum` for B = 1, as the one operation that it is."""

    members: Tensor
    starts: Tensor

    def __init__(self, neighbor_sum: NeighborSum) -> None:
        super().__init__()
        self.register_buffer("members", neighbor_sum.matrix_members, persistent=False)
        self.register_buffer("starts", neighbor_sum.matrix_starts, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.embedding_bag(self.members, x[0], self.starts, mode="sum")[None]  # (1,N,C)


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


def traced(network: LGNet) -> tuple[torch.jit.ScriptModule, tuple[Tensor, Tensor]]:
    """The network on the CPU in evaluation mode, float32, inputs `INPUTS`, B = 1; and an example of them.

    Outputs `PREDICTED`, then what has to stay in float32 when the rest is calculated in less. Recorded while
    it runs: `torch.export` takes ten times as long and gives the same operations.
    """

    def fastest(neighbor_sum: NeighborSum) -> nn.Module:
        small = len(neighbor_sum.matrix_starts) <= _SMALL_GRAPH
        return _MatrixSum(neighbor_sum) if small else _BagSum(neighbor_sum)

    example = _example(network, count=1)
    with _summing_by(fastest, network), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sizes are taken for constants, which they are
        predictor = _ExactPredictor(network.eval().cpu()).eval()
        graph = torch.jit.trace(predictor, example, check_trace=False)
        return torch.jit.freeze(graph, optimize_numerics=False), example


def traced_portably(network: LGNet) -> ExportedProgram:
    """The network, as `traced`, for any B and of plain operations only; outputs `PREDICTED`."""
    batch = Dim("batch", min=1, max=_LARGEST_BATCH)
    with _summing_by(_GatheredSum, network):
        predictor, example = _Predictor(network.eval().cpu()).eval(), _example(network, count=2)
        with torch.no_grad():
            return export(predictor, example, dynamic_shapes=({0: batch}, {0: batch}))


def _example(network: LGNet, count: int) -> tuple[Tensor, Tensor]:
    size = network.config.input_size
    return torch.zeros(count, size, size, 3, dtype=torch.uint8), torch.full((count,), float(size))


@contextlib.contextmanager
def _summing_by(make: Callable[[NeighborSum], nn.Module], network: LGNet) -> Iterator[None]:
    """Inside, the network sums over neighbors by what `make` makes of each `NeighborSum`."""
    places = [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, NeighborSum)
    ]
    made = {id(child): make(child) for _, _, child in places}
    try:
        for parent, name, child in places:
            setattr(parent, name, made[id(child)])
        yield
    finally:
        for parent, name, child in places:
            setattr(parent, name, child)
