"""What Lightning asks for batches: training from the step that the run is at, validation on a fixed split."""

from __future__ import annotations

import lightning as L
import numpy as np
from torch.utils.data import DataLoader

from lgnet_ros.training.batches import BatchSource, loader
from lgnet_ros.training.recipe import Recipe

_VALIDATION_BATCH = 16


class TrainingData(L.LightningDataModule):
    """Training batches from `source`, as many as the recipe's run still has steps, and which crops to
    validate on.

    Each process gets its own training images and its own share of the validation crops. parts:
    `vertex_parts`, where the recipe trains on them.
    """

    def __init__(
        self,
        recipe: Recipe,
        source: BatchSource,
        total_steps: int,
        validation_count: int,
        parts: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self._parts = parts
        self._recipe, self._source = recipe, source
        self._total_steps, self._validation_count = total_steps, validation_count

    def train_dataloader(self) -> DataLoader:
        """Starts at the trainer's step, so that a resumed run goes on where the saved one was."""
        trainer = self.trainer
        rank, ranks = trainer.global_rank, trainer.world_size
        steps = range(trainer.global_step, self._total_steps)
        return loader(self._source, self._recipe.data, steps, rank, ranks, self._parts)

    def val_dataloader(self) -> DataLoader:
        """Indices of crops, which the module holds: its metrics need their whole truth, not tensors."""
        share = range(self.trainer.global_rank, self._validation_count, self.trainer.world_size)
        return DataLoader(list(share), batch_size=_VALIDATION_BATCH)  # type: ignore[arg-type]
