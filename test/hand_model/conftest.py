from __future__ import annotations

import pytest
import torch

from lgnet_ros.hand_model import HandModel


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def open_hand() -> HandModel:
    return HandModel.load()
