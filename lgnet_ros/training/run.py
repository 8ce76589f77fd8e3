"""A training run: its folder, its trainer, its start, its resumption, its end."""

from __future__ import annotations

import json
import logging
import os
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger

from lgnet_ros.errors import UserError
from lgnet_ros.files import write_whole
from lgnet_ros.hand_model import HandModel
from lgnet_ros.network.precision import imitates_bfloat16
from lgnet_ros.training.callbacks import End, EndAtOnce, LearningCurve, Pictures, weight_averaging
from lgnet_ros.training.checkpoints import AtomicCheckpointIO
from lgnet_ros.training.data import TrainingData
from lgnet_ros.training.module import MONITORED, LGNetModule
from lgnet_ros.training.parts import vertex_parts
from lgnet_ros.training.recipe import Recipe
from lgnet_ros.training.sources import Sources, make_sources

_log = logging.getLogger(__name__)

# What may differ when a run is resumed: it changes what is looked at or saved, not what is learned.
_FREE_TO_CHANGE = ("validation", "checkpoint_minutes")


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.json"

    @property
    def last(self) -> Path:
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        return self.path / "checkpoints" / "best.ckpt"

    @property
    def curve(self) -> Path:
        return self.path / "curve.csv"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    def open(self, recipe: Recipe, resume: bool) -> Path | None:
        """The checkpoint to go on from, None for a fresh start; the folder stays as it is until `begin`.

        Raises:
            UserError: it holds a run and `resume` is off, or one with another recipe.
        """
        wanted = recipe.as_dict()
        if self.recipe.exists():
            if not resume:
                raise UserError(
                    f"{self.path}: holds a training run already; --resume goes on with it, --out elsewhere"
                )
            self._same(self._held(), wanted)
        return self.last if resume and self.last.exists() else None

    def begin(self, recipe: Recipe) -> None:
        """From here on the folder holds this run.

        Raises:
            UserError: it cannot be written.
        """
        write_whole(self.recipe, (json.dumps(recipe.as_dict(), indent=2) + "\n").encode())

    def _held(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.recipe.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(f"{self.recipe}: not readable ({error}); choose another --out") from None

    def _same(self, held: dict[str, Any], wanted: dict[str, Any]) -> None:
        for key in sorted(held.keys() | wanted.keys()):
            if key not in _FREE_TO_CHANGE and held.get(key) != wanted.get(key):
                change = f"{key}: {held.get(key)!r}, now {wanted.get(key)!r}"
                raise UserError(
                    f"{self.path}: its run has another recipe ({change}); "
                    "resume with the same one, or choose another --out"
                )


class _LastState(ModelCheckpoint):
    """Saves by the clock, and where the run ends: after its steps, or when its minutes are over."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.save_checkpoint(Path(self.dirpath) / f"{self.filename}.ckpt")


class _Progress(TQDMProgressBar):
    """Lightning's bar without the logger's version, which says nothing here."""

    def get_metrics(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        return {
            name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"
        }


@dataclass(frozen=True)
class Resources:
    """What a run may use: devices (as many processes), machines under torchrun, and minutes.

    A run that its minutes end before its steps do has saved its last state and can be resumed.
    """

    accelerator: str = "cpu"
    devices: int = 1
    nodes: int = 1
    minutes: float | None = None


def train(
    recipe: Recipe, folder: RunFolder, resume: bool = False, resources: Resources | None = None
) -> LGNetModule:
    """Trains to the end of the recipe and returns the module with the averaged weights in place.

    Raises:
        UserError: whatever is wrong with the recipe, the data or the folder, before training starts.
    """
    hand_model = HandModel.load(recipe.hand_model)
    sources = make_sources(recipe, hand_model)
    checkpoint = folder.open(recipe, resume) if is_first_process() else _checkpoint_of(folder, resume)
    if resume and checkpoint is None and is_first_process():
        _log.warning("%s: there is nothing to resume; it begins at the first step", folder.path)
    resources = resources or default_resources()
    if recipe.precision == "bf16-mixed" and resources.accelerator == "cpu" and imitates_bfloat16():
        _log.warning("precision bf16-mixed: this CPU only imitates bfloat16; precision=32-true is faster")
    return fit(recipe, folder, hand_model, sources, checkpoint, resources)


def fit(
    recipe: Recipe,
    folder: RunFolder,
    hand_model: HandModel,
    sources: Sources,
    checkpoint: Path | None,
    resources: Resources,
    callbacks: tuple[Callback, ...] = (),
) -> LGNetModule:
    """The training itself, once everything has been checked."""
    steps_per_epoch = sources.steps_per_epoch(resources.devices * resources.nodes)
    total_steps = recipe.steps if recipe.steps is not None else recipe.epochs * steps_per_epoch
    parts = vertex_parts(hand_model) if recipe.parts_loss > 0 else None
    module = LGNetModule(
        recipe, hand_model, total_steps, steps_per_epoch, sources.validation, sources.mean_pose, parts
    )
    _hush_lightning()
    trainer = _trainer(recipe, folder, total_steps, sources, resources, callbacks)
    data = TrainingData(recipe, sources.training, total_steps, len(sources.validation), parts)
    if is_first_process():  # now that nothing in the recipe has been refused
        folder.begin(recipe)
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # or metrics of what one process does next wait for all
    return module


def default_resources() -> Resources:
    """All GPUs that are there, else one process on the CPU."""
    count = torch.cuda.device_count()
    return Resources("gpu", count) if count else Resources("cpu", 1)


def _trainer(
    recipe: Recipe,
    folder: RunFolder,
    total_steps: int,
    sources: Sources,
    resources: Resources,
    extra: tuple[Callback, ...],
) -> L.Trainer:
    callbacks: list[Callback] = [
        LearningCurve(folder.curve, recipe.data.batch),
        Pictures(sources.validation[: recipe.validation.pictures]),
        _Progress(refresh_rate=10),
        EndAtOnce(),
        End(total_steps, resources.minutes),
        *_checkpoints(recipe, folder),
        *extra,
    ]
    if recipe.ema_decay > 0:
        callbacks.insert(0, weight_averaging(recipe.ema_decay))
    return L.Trainer(
        accelerator=resources.accelerator,
        devices=resources.devices,
        num_nodes=resources.nodes,
        strategy="auto" if resources.devices == 1 and resources.nodes == 1 else "ddp",
        precision=recipe.precision,
        benchmark=resources.accelerator == "gpu",  # images are all of one size
        max_steps=total_steps,
        max_epochs=-1,
        limit_train_batches=total_steps,
        val_check_interval=timedelta(minutes=recipe.validation.every_minutes),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=recipe.optimizer.gradient_clip,
        logger=TensorBoardLogger(folder.path, name="", version="tensorboard"),
        log_every_n_steps=1,  # whatever the module logs
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=folder.path,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _checkpoints(recipe: Recipe, folder: RunFolder) -> list[ModelCheckpoint]:
    """The last state, by the clock; the best one, by the validation."""
    last = _LastState(
        dirpath=folder.last.parent,
        filename=folder.last.stem,
        train_time_interval=timedelta(minutes=recipe.checkpoint_minutes),
        enable_version_counter=False,
    )
    best = ModelCheckpoint(
        dirpath=folder.best.parent,
        filename=folder.best.stem,
        monitor=MONITORED,
        enable_version_counter=False,
    )
    return [last, best]


def _hush_lightning() -> None:
    """Its advertisements, and warnings that do not hold here: batches are a function of the step, so they
    resume.
    """
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    for message in (
        ".*your dataloader is not resumable",
        ".*Checkpoint directory .* exists",
        ".*isinstance.treespec",
    ):
        warnings.filterwarnings("ignore", message)
    for message in (
        ".*smaller than the logging interval",
        ".*does not have many workers",
        ".*persistent_workers",
    ):
        warnings.filterwarnings("ignore", message)


def is_first_process() -> bool:
    """Before Lightning has started its processes only the environment tells (its own launcher's, or
    torchrun's).
    """
    return (
        os.environ.get("LOCAL_RANK", "0") == "0"
        and os.environ.get("NODE_RANK", os.environ.get("GROUP_RANK", "0")) == "0"
    )


def _checkpoint_of(folder: RunFolder, resume: bool) -> Path | None:
    return folder.last if resume and folder.last.exists() else None
