"""Makes `test/support` importable; every test gets a rig of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))


@pytest.fixture
def rig() -> Iterator[object]:
    from ros_rig import Rig

    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def double() -> object:
    from ros_rig import PipelineDouble

    return PipelineDouble()
