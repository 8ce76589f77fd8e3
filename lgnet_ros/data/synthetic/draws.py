"""Random numbers, one at a time."""

from __future__ import annotations

import numpy as np


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """What `rng.uniform` draws, to the last bit; that is made for arrays, and takes five times as long."""
    return low + (high - low) * rng.random()
