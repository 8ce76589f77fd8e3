"""Makes `test/support` importable and gives every test its own random numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)
