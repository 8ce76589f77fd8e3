"""Where a network's arithmetic is done. One class per way; all answer the same call."""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
import torch

from lgnet_ros.errors import UserError
from lgnet_ros.network import LGNet, normalize

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16")

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


class Backend(Protocol):
    """Runs a network on crops. name: device and precision, for reports."""

    name: str

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        """crops (N, S, S, 3) uint8 RGB, focal_px (N,) float32 → `PREDICTED`, float32, shapes as in
        `LGNetOutput`.
        """


class TorchBackend:
    """Eager PyTorch, on the CPU or on CUDA; bf16 by autocast, metres and cells stay in float32."""

    def __init__(self, network: LGNet, device: str, precision: str) -> None:
        self.name = f"torch-{device}-{precision}"
        self._device = torch.device(device)
        self._dtype = torch.bfloat16 if precision == "bf16" else None
        self._network = network.eval().to(self._device, memory_format=torch.channels_last)

    @torch.inference_mode()
    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        """See `Backend.infer`."""
        images = normalize(torch.from_numpy(crops).to(self._device)).contiguous(
            memory_format=torch.channels_last
        )
        focal = torch.from_numpy(np.asarray(focal_px, dtype=np.float32)).to(self._device)
        with torch.autocast(
            self._device.type, dtype=self._dtype or torch.bfloat16, enabled=self._dtype is not None
        ):
            output = self._network(images, focal)
        return {name: getattr(output, name).float().cpu().numpy() for name in PREDICTED}


def make_backend(network: LGNet, device: str, precision: str) -> Backend:
    """The backend for a device and a precision; "auto" takes CUDA where there is one, and fp32.

    Raises:
        UserError: no such device or precision, or no CUDA here.
    """
    if device not in DEVICES:
        raise UserError(f"no device '{device}'; there are {', '.join(DEVICES)}")
    if precision not in PRECISIONS:
        raise UserError(f"no precision '{precision}'; there are {', '.join(PRECISIONS)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda': PyTorch finds no CUDA GPU here; use device 'cpu' or 'auto'")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        _set_threads()
    return TorchBackend(network, device, "fp32" if precision == "auto" else precision)


def _set_threads() -> None:
    """One thread per core that this process may use, at most 8: more cost more than they bring on one small
    crop.

    A user's OMP_NUM_THREADS has the last word.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(len(os.sched_getaffinity(0)), 8))
