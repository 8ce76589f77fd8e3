"""Where a network's arithmetic is done. One class per way; all answer the same call."""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
import torch

from lgnet_ros.errors import UserError
from lgnet_ros.inference import openvino_backend
from lgnet_ros.inference.torch_backend import TorchBackend
from lgnet_ros.network import LGNet

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")
BACKENDS = ("auto", "torch", "openvino")
BACKEND_VARIABLE = "LGNET_BACKEND"


class Backend(Protocol):
    """Runs a network on crops. name: device and precision, for reports."""

    name: str

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        """crops (N, S, S, 3) uint8 RGB, focal_px (N,) float32 → `PREDICTED`, float32, shapes as in
        `LGNetOutput`.
        """

    def centers(self, image: np.ndarray) -> np.ndarray:
        """image (288, 384, 3) uint8 RGB → maps (6, 18, 24) float32 of `HandCenters`; only where the network
        has them.
        """

    def palms(self, image: np.ndarray) -> np.ndarray:
        """image (192, 192, 3) uint8 RGB → guesses (2016, 6) float32 of `Palms`; only where the network has
        them.
        """


def make_torch_backend(network: LGNet, device: str, precision: str) -> Backend:
    """PyTorch on "cpu" or "cuda"; precision "auto" is fp32.

    Raises:
        UserError: no CUDA here.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda': PyTorch finds no CUDA GPU here; use device 'cpu' or 'auto'")
    if device == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(cpu_threads())
    return TorchBackend(network, device, "fp32" if precision == "auto" else precision)


def chosen_backend(backend: str, device: str, precision: str) -> tuple[str, str]:
    """The backend and device that "auto" stands for: CUDA where there is one, else OpenVINO where it is
    installed, else PyTorch. The environment's LGNET_BACKEND takes the place of an "auto" backend.

    Raises:
        UserError: no such backend, device or precision, or two that do not go together.
    """
    if backend == "auto":
        backend = os.environ.get(BACKEND_VARIABLE) or "auto"
    for what, value, known in (
        ("backend", backend, BACKENDS),
        ("device", device, DEVICES),
        ("precision", precision, PRECISIONS),
    ):
        if value not in known:
            raise UserError(f"no {what} '{value}'; there are {', '.join(known)}")
    if backend == "openvino" and device == "cuda":
        raise UserError("backend 'openvino' runs on the CPU: use device 'cpu' or 'auto'")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() and backend != "openvino" else "cpu"
    if backend == "auto":
        backend = "openvino" if device == "cpu" and openvino_backend.is_available() else "torch"
    if precision == "int8" and backend != "openvino":
        raise UserError("precision 'int8' runs in OpenVINO on a CPU only; elsewhere there are fp32, bf16")
    if precision == "fp16" and device != "cuda":
        raise UserError("precision 'fp16' runs on CUDA only; on a CPU there are fp32, bf16 and int8")
    return backend, device


def cpu_threads() -> int:
    """One thread per core that this process may use, at most 8: more cost more than they bring on one small
    crop.

    A user's OMP_NUM_THREADS has the last word.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else min(len(os.sched_getaffinity(0)), 8)
