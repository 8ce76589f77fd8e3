"""Checkpoints are whole or not there; averages are what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lgnet_ros.errors import UserError
from lgnet_ros.training.averaging import exponential_average
from lgnet_ros.training.checkpoints import AtomicCheckpointIO, read_checkpoint


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"global_step": 3, "state_dict": {"w": torch.arange(4.0)}}, path)
    content = read_checkpoint(path)
    assert content["global_step"] == 3
    assert torch.equal(content["state_dict"]["w"], torch.arange(4.0))
    assert [entry.name for entry in path.parent.iterdir()] == ["last.ckpt"]


def test_a_write_that_fails_half_way_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"global_step": 1}, path)

    def half(content: Any, file: Any) -> None:
        file.write(b"half a checkp")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(UserError, match=r"last\.ckpt: cannot be written \(No space left"):
        AtomicCheckpointIO().save_checkpoint({"global_step": 2}, path)
    assert read_checkpoint(path)["global_step"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]


def test_missing_and_damaged_checkpoints_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.ckpt: no such checkpoint"):
        read_checkpoint(tmp_path / "gone.ckpt")
    (tmp_path / "torn.ckpt").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(UserError, match=r"torn\.ckpt: not a readable checkpoint"):
        read_checkpoint(tmp_path / "torn.ckpt")


def test_the_average_starts_fast_and_then_decays_as_told() -> None:
    average, update = [torch.zeros(1)], exponential_average(0.5)
    update(average, [torch.ones(1)], torch.tensor(1))  # keeps 2/11
    assert average[0].item() == pytest.approx(1 - 2 / 11)
    average = [torch.zeros(1)]
    update(average, [torch.ones(1)], torch.tensor(10_000))
    assert average[0].item() == pytest.approx(0.5)


def test_counters_are_not_averaged() -> None:
    average = [torch.tensor(3)]
    exponential_average(0.9)(average, [torch.tensor(8)], torch.tensor(50))
    assert average[0].item() == 8
