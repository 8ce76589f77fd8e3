"""What a run leaves behind while it trains, the learning curve as CSV and pictures of predictions; and what
ends it early.
"""

from __future__ import annotations

import csv
import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import WeightAveraging

from lgnet_ros.data.augment import CropSample
from lgnet_ros.evaluation.plots import prediction_grid
from lgnet_ros.files import whole_file
from lgnet_ros.training.averaging import exponential_average
from lgnet_ros.training.module import LGNetModule


class LearningCurve(L.Callback):
    """`curve.csv`: one line per validation, appended to, also by a resumed run.

    Columns: step, samples (images trained on so far, over all processes, replayed ones included), minutes (of
    training, summed over restarts), learning_rate, the training losses that were logged last and the
    validation's numbers.
    """

    def __init__(self, path: Path, batch: int) -> None:
        self.path, self._batch, self._seconds_before, self._start = path, batch, 0.0, 0.0

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock."""
        self._start = time.monotonic()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Writes a line, unless Lightning is only trying out the validation."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        row = {
            "step": trainer.global_step,
            "samples": trainer.global_step * self._batch * trainer.world_size,
            "minutes": round(self.seconds / 60.0, 2),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"] if trainer.optimizers else 0.0,
            **{name: round(float(value), 5) for name, value in sorted(trainer.callback_metrics.items())},
        }
        self._append(row)

    @property
    def seconds(self) -> float:
        """Seconds of training so far, earlier runs of the same training included."""
        return self._seconds_before + (time.monotonic() - self._start if self._start else 0.0)

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._seconds_before = state_dict["seconds"]

    def _append(self, row: dict[str, Any]) -> None:
        """One line; a column that turns up late (a metric that could not be measured before) rewrites the
        file.
        """
        rows: list[dict[str, Any]] = []
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = [line for line in csv.DictReader(file) if line["step"] != str(row["step"])]
        columns = list(dict.fromkeys(name for line in (*rows, row) for name in line))
        with whole_file(self.path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows([*rows, row])


def read_curve(path: Path) -> tuple[np.ndarray, np.ndarray, float | None]:
    """Images seen, validation MPJPE [mm], and the mean pose's, from a `curve.csv`; unmeasured lines are left
    out.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val/mpjpe_mm")]
    samples = np.array([int(row["samples"]) for row in rows])
    errors = np.array([float(row["val/mpjpe_mm"]) for row in rows])
    baseline = float(rows[-1]["val/mean_pose_mpjpe_mm"]) if rows else None
    return samples, errors, baseline


def weight_averaging(decay: float) -> WeightAveraging:
    """Averages the weights of the steps, batch normalisation's statistics along with them."""
    return WeightAveraging(use_buffers=True, multi_avg_fn=exponential_average(decay))


class End(L.Callback):
    """Stops after so many steps, or after so many minutes of this very run, and has the last step validated
    while it still may become the best.

    Lightning's own limits do neither: that of minutes counts the runs before as well, and that of steps
    leaves out the last validation where these come by the clock.
    """

    def __init__(self, steps: int, minutes: float | None) -> None:
        self._steps, self._start = steps, time.monotonic()
        self._seconds = None if minutes is None else minutes * 60.0

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """All processes stop in the same step."""
        if trainer.global_step >= self._steps:
            trainer.should_stop = True
        elif self._seconds is not None:
            over = time.monotonic() - self._start > self._seconds
            trainer.should_stop |= trainer.strategy.reduce_boolean_decision(over, all=False)


class EndAtOnce(L.Callback):
    """Lets a termination signal end every process of the run then and there; the last checkpoint is whole.

    Lightning's own handler has the processes talk to each other from within the signal. They are talking
    already, about a step's gradients, and wait for each other ever after.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Takes the place of Lightning's handler, which takes its own away again after the run."""

        def end(signum: int, _: FrameType | None) -> None:
            if trainer.strategy.launcher is not None:
                trainer.strategy.launcher.kill(signum)
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, end)


class Pictures(L.Callback):
    """Predicted meshes drawn on the first validation crops, to TensorBoard, after each validation."""

    def __init__(self, samples: list[CropSample]) -> None:
        self._samples = samples

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: LGNetModule) -> None:
        """Draws what the averaged weights, which are in place now, see."""
        if (
            not self._samples
            or trainer.sanity_checking
            or not trainer.is_global_zero
            or trainer.logger is None
        ):
            return
        with torch.no_grad():
            prediction = pl_module.predict_crops(self._samples)
        grid = prediction_grid(self._samples, prediction, pl_module.network.hand_model)
        trainer.logger.experiment.add_image(
            "validation", np.ascontiguousarray(grid), trainer.global_step, dataformats="HWC"
        )
