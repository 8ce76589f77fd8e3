"""The network as a graph for other runtimes: crops in, the prediction's arrays out."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from lgnet_ros.hand_model.topology import VERTEX_COUNT
from lgnet_ros.inference.folding import fold_batch_norms
from lgnet_ros.inference.lean import MAPS, SEEN, lean
from lgnet_ros.network import LGNet, normalize
from lgnet_ros.network.hand_centers import IMAGE_HEIGHT, IMAGE_WIDTH, HandCenters
from lgnet_ros.network.palms import SIZE_PX
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

SIGHT, REFINEMENT, CENTERS, PALMS, WHOLE = "sight", "refinement", "centers", "palms", "model"
"""The two parts of the lean form, see `lean`; `HandCenters`; `Palms`; and the network in one."""

_LARGEST_BATCH = 64


class _Predictor(nn.Module):
    """Normalization, the network, and what is kept of its output, in the order of `PREDICTED`."""

    def __init__(self, network: LGNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor, focal_px: Tensor) -> tuple[Tensor, ...]:
        output = self.network(normalize(crops), focal_px)
        return tuple(getattr(output, name).float() for name in PREDICTED)


class _Centers(nn.Module):
    """An image (1,288,384,3) uint8 RGB to the maps (1,6,18,24) of `HandCenters`, which stays as it is."""

    def __init__(self, centers: HandCenters) -> None:
        super().__init__()
        self.centers = copy.deepcopy(centers).cpu().eval()
        fold_batch_norms(self.centers)

    def forward(self, image: Tensor) -> Tensor:
        return self.centers(normalize(image))


class _Searcher(NamedTuple):
    """What sees whole images, ready for recording: a module, what to show it, names of inputs and outputs."""

    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def _searchers(network: LGNet) -> dict[str, _Searcher]:
    """`CENTERS` and `PALMS`, those of them that the network knows."""
    found = {}
    if network.centers is not None:
        image = torch.zeros(1, IMAGE_HEIGHT, IMAGE_WIDTH, 3, dtype=torch.uint8)
        found[CENTERS] = _Searcher(_Centers(network.centers).eval(), (image,), ("image",), ("maps",))
    if network.palms is not None:
        image = torch.zeros(1, SIZE_PX, SIZE_PX, 3, dtype=torch.uint8)
        palms = copy.deepcopy(network.palms).cpu().eval()
        found[PALMS] = _Searcher(palms, (image,), ("image",), ("hands",))
    return found


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


class Traced(NamedTuple):
    """A network recorded while it ran: the graph, what it was shown, the names of inputs and outputs."""

    graph: torch.jit.ScriptModule
    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def traced(network: LGNet) -> dict[str, Traced]:
    """The lean form of the network, for one crop, in float32: `SIGHT` and, if it refines, `REFINEMENT`; for
    one image `CENTERS` and `PALMS`, if it knows them.

    Recorded while it runs: `torch.export` takes ten times as long and gives the same operations.
    """
    sight, refinement = lean(network)
    example = _example(network, count=1)
    parts = {SIGHT: _recorded(sight, example, INPUTS, SEEN if refinement is None else SEEN + MAPS)}
    if refinement is not None:
        seen = dict(zip(parts[SIGHT].outputs, parts[SIGHT].graph(*example), strict=True))
        found = seen["stem"].shape[-1] + seen["layer1"].shape[-1] + 3
        shown = [torch.zeros(2, VERTEX_COUNT, width) for width in (found, seen["cells"].shape[-1])]
        parts[REFINEMENT] = _recorded(refinement, tuple(shown), ("found", "start"), ("offsets",))
    for name, searcher in _searchers(network).items():
        parts[name] = _recorded(*searcher)
    return parts


class Portable(NamedTuple):
    """A network as a program of plain operations in float32, and the names of inputs and outputs."""

    program: ExportedProgram
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def traced_portably(network: LGNet) -> dict[str, Portable]:
    """`WHOLE`: the network for any number of crops; for one image `CENTERS` and `PALMS`, if it knows them."""
    batch = Dim("batch", min=1, max=_LARGEST_BATCH)
    with _summing_by(_GatheredSum, network):
        predictor, example = _Predictor(network.eval().cpu()).eval(), _example(network, count=2)
        with torch.no_grad():
            program = export(predictor, example, dynamic_shapes=({0: batch}, {0: batch}))
    parts = {WHOLE: Portable(program, INPUTS, PREDICTED)}
    for name, (module, example, inputs, outputs) in _searchers(network).items():
        with torch.no_grad():
            parts[name] = Portable(export(module, example), inputs, outputs)
    return parts


def _recorded(
    module: nn.Module, example: tuple[Tensor, ...], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Traced:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sizes are taken for constants, which they are
        graph = torch.jit.trace(module, example, check_trace=False)
        return Traced(torch.jit.freeze(graph, optimize_numerics=False), example, inputs, outputs)


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
