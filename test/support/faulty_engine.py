"""An engine without a network, whose device fails when a test wants it to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine
from lgnet_ros.inference.recovery import RecoveringBackend
from lgnet_ros.network import LGNetConfig

SHAPES = {
    "presence_logits": (2,), "joints_25d": (2, 21, 3), "joints_25d_std": (2, 21, 3),
    "rotations": (2, 16, 3, 3), "shape": (2, 10), "camera_translation": (2, 3),
    "rough_vertices": (2, 778, 3), "vertices": (2, 778, 3), "rough_joints": (2, 21, 3),
    "joints": (2, 21, 3), "relative_translation": (3,),
}  # fmt: skip


def cuda_error() -> RuntimeError:
    """A new one each time: an error once raised holds on to all that ran, a node and its topics too."""
    return RuntimeError("CUDA error: an illegal memory access was encountered\nmore lines")


class Faulty:
    """Raises what is in `errors`, one call after the other, then sees no hands. What it was given
    as focal lengths comes back as x of `relative_translation`.
    """

    def __init__(self, name: str, errors: list[Exception], most: int = 64) -> None:
        self.name, self.errors, self.most = name, errors, most
        self.sizes: list[int] = []

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        self.sizes.append(len(crops))
        if self.errors:
            raise self.errors.pop(0)
        if len(crops) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        answer = {name: np.zeros((len(crops), *shape), np.float32) for name, shape in SHAPES.items()}
        answer["relative_translation"][:, 0] = focal_px
        return {**answer, "presence_logits": answer["presence_logits"] - 10}

    def centers(self, image: np.ndarray) -> np.ndarray:
        if self.errors:
            raise self.errors.pop(0)
        return np.full((6, 18, 24), -9, np.float32)

    def palms(self, image: np.ndarray) -> np.ndarray:
        if self.errors:
            raise self.errors.pop(0)
        return np.full((2016, 6), -9, np.float32)


def recovering(errors: list[Exception], most: int = 64) -> tuple[RecoveringBackend, list[Faulty]]:
    """All backends made of it share the errors that are still to come."""
    made: list[Faulty] = []

    def make() -> Faulty:
        made.append(Faulty("gpu", errors, most))
        return made[-1]

    return RecoveringBackend(make, lambda: Faulty("cpu", [])), made


def engine_on(backend: object, centers: bool = False) -> Engine:
    config = replace(LGNetConfig.nano(), centers=centers)
    return Engine(backend, config, HandModel.load(), "lgnet-nano/fake/open_hand", None)
