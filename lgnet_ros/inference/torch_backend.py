"""LGNet in PyTorch, on a CPU or on CUDA: channels last, folded batch norms, static buffers, a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lgnet_ros.inference.folding import fold_batch_norms
from lgnet_ros.inference.tracing import PREDICTED
from lgnet_ros.network import LGNet
from lgnet_ros.network.normalize import IMAGENET_MEAN, IMAGENET_STD

DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
_LARGEST_BATCH = 16  # more crops run one batch after the other: each size has its buffers and its graph
_WARM_UP_RUNS = 3  # before a capture: libraries choose kernels and allocate what may not be allocated in one


@dataclass
class _Program:
    """A batch size made ready: fill `crops` and `focal_px`, `run`, read `outputs`.

    crops (N,S,S,3) uint8, focal_px (N,) and outputs, (N,K) float32 with all of `PREDICTED` side by side, stay
    where they are in the device's memory.
    """

    crops: Tensor
    focal_px: Tensor
    outputs: Tensor
    run: Callable[[], object]


class TorchBackend:
    """Eager PyTorch; on CUDA one captured graph per batch size. See `Backend`.

    Only bytes go to the device: normalization is done there. All outputs come back in one copy. In bf16 and
    fp16 the layers' weights are stored so; metres and cells stay in float32 (autocast).
    """

    def __init__(self, network: LGNet, device: str, precision: str) -> None:
        """
        Args:
            network: is changed: moved, its batch norms folded.
            device: cpu or cuda. precision: a key of `DTYPES`.
        """
        self.name = f"torch-{device}-{precision}"
        self._device = torch.device(device)
        self._dtype = DTYPES[precision]
        self._size = network.config.input_size
        if self._device.type == "cuda" and self._dtype is None:
            # PyTorch's convolutions take TF32 there, of 10 bits: joints would be off by up to 0.4 mm.
            torch.backends.cudnn.allow_tf32 = False
        network = network.eval()
        fold_batch_norms(network)
        self._network = network.to(self._device, memory_format=torch.channels_last)
        if self._dtype is not None:
            _store_layers(self._network, self._dtype)
        self._mean = 255 * torch.tensor(IMAGENET_MEAN, device=self._device)
        self._std = 255 * torch.tensor(IMAGENET_STD, device=self._device)
        self._programs: dict[int, _Program] = {}
        self._shapes: dict[str, torch.Size] = {}  # of each of PREDICTED, without N

    @torch.inference_mode()
    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        """See `Backend.infer`."""
        parts = [
            self._batch(crops[first : first + _LARGEST_BATCH], focal_px[first : first + _LARGEST_BATCH])
            for first in range(0, len(crops), _LARGEST_BATCH)
        ]
        return self._by_name(np.concatenate(parts))

    def centers(self, image: np.ndarray) -> np.ndarray:
        """See `Backend.centers`."""
        return self._searched(lambda images: self._network.centers(self._normalized(images)), image)

    def palms(self, image: np.ndarray) -> np.ndarray:
        """See `Backend.palms`."""
        return self._searched(self._network.palms, image)

    @torch.inference_mode()
    def _searched(self, see: Callable[[Tensor], Tensor], image: np.ndarray) -> np.ndarray:
        images = torch.from_numpy(np.ascontiguousarray(image))[None].to(self._device)
        with self._autocast():
            return see(images)[0].cpu().numpy()

    def _batch(self, crops: np.ndarray, focal_px: np.ndarray) -> np.ndarray:
        count = len(crops)
        if count not in self._programs:
            self._programs[count] = self._made_ready(count)
        program = self._programs[count]
        program.crops.copy_(torch.from_numpy(np.ascontiguousarray(crops)))
        program.focal_px.copy_(torch.from_numpy(np.asarray(focal_px, dtype=np.float32)))
        program.run()
        return program.outputs.cpu().numpy()

    def _made_ready(self, count: int) -> _Program:
        size = self._size
        crops = torch.zeros(count, size, size, 3, dtype=torch.uint8, device=self._device)
        focal_px = torch.full((count,), float(size), device=self._device)
        program = _Program(crops, focal_px, self._forward(crops, focal_px), lambda: None)

        def run() -> None:
            program.outputs.copy_(self._forward(crops, focal_px))

        program.run = captured(run) if self._device.type == "cuda" else run
        return program

    def _forward(self, crops: Tensor, focal_px: Tensor) -> Tensor:
        """(N,K): the network's outputs of (N,S,S,3) crops, side by side."""
        with self._autocast():
            output = self._network(self._normalized(crops), focal_px)
        values = [getattr(output, name).float() for name in PREDICTED]
        self._shapes = {name: value.shape[1:] for name, value in zip(PREDICTED, values, strict=True)}
        return torch.cat([value.flatten(1) for value in values], 1)

    def _normalized(self, images: Tensor) -> Tensor:
        # The permuted view of (N,H,W,3) is channels last as it stands.
        return ((images.float() - self._mean) / self._std).permute(0, 3, 1, 2)

    def _autocast(self) -> torch.autocast:
        dtype = self._dtype or torch.bfloat16
        # Nothing to cache: the weights are stored in the type that autocast would give them.
        return torch.autocast(
            self._device.type, dtype=dtype, enabled=self._dtype is not None, cache_enabled=False
        )

    def _by_name(self, outputs: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([shape.numel() for shape in self._shapes.values()])
        parts = np.split(outputs, ends[:-1], axis=1)
        return {
            name: part.reshape(len(part), *shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }


def captured(run: Callable[[], object]) -> Callable[[], object]:
    """`run` as a CUDA graph: its kernels are launched as one, from fixed addresses to fixed addresses."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UP_RUNS):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Other threads may use the device meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        run()
    return graph.replay


def _store_layers(network: nn.Module, dtype: torch.dtype) -> None:
    """Keep the layers' weights as autocast would convert them, anew for every batch: the same results."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.to(dtype)
