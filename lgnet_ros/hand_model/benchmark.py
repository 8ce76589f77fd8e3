"""How long posing takes: `python -m lgnet_ros.hand_model.benchmark`."""

from __future__ import annotations

import statistics
import time

import torch

from lgnet_ros.geometry.rotations import rotvec_to_matrix
from lgnet_ros.hand_model.model import HandModel


def forward_milliseconds(model: HandModel, batch: int = 64, threads: int = 2, repeats: int = 200) -> float:
    """Median time of posing both hands of a batch, without gradients, on the CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    rotations = rotvec_to_matrix(0.4 * torch.randn(batch, 2, 16, 3, generator=generator))
    shape = torch.randn(batch, 2, 10, generator=generator)
    times = []
    try:
        with torch.inference_mode():
            for _ in range(repeats + 20):
                start = time.perf_counter()
                model.both(rotations, shape)
                times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    return 1000 * statistics.median(times[20:])  # the first warm up


if __name__ == "__main__":
    print(f"64 × both hands: {forward_milliseconds(HandModel.load()):.2f} ms on 2 threads")
