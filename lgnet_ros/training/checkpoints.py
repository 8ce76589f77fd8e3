"""Checkpoints that are whole or not there: written beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from lgnet_ros.errors import UserError
from lgnet_ros.files import whole_file


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint files, safe against a kill or a power cut at any moment."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Writes `path`; until it is written, and if it fails, the previous file of that name stays."""
        with whole_file(Path(path)) as part, part.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of this package, on the CPU; only tensors and plain values are unpickled.

    Raises:
        UserError: it is missing or is no such file.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such checkpoint") from None
    except Exception as reason:  # torch raises many kinds for a damaged file
        raise UserError(f"{path}: not a readable checkpoint ({type(reason).__name__})") from reason
