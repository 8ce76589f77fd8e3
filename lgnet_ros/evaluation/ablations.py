"""Table III and Fig. 11: the runs of `lgnet train --ablations` side by side, on the same images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation import plots, report
from lgnet_ros.evaluation.datasets import Subject
from lgnet_ros.evaluation.protocols import Outcome, crops_of
from lgnet_ros.files import write_whole
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine
from lgnet_ros.network import ABLATIONS
from lgnet_ros.pipeline.estimators import LGNetEstimator

ROWS = ("complete", *ABLATIONS)
_PICTURES = 6


def evaluate_runs(
    folder: Path, subject: Subject, hand_model: HandModel, device: str, kind: str, crop_seed: int
) -> dict[str, Outcome]:
    """Outcomes by row, of the runs that are there, on crops of a kind in `CROPS`.

    Raises:
        UserError: no run is there.
    """
    found = [name for name in ROWS if (folder / name / "weights.safetensors").exists()]
    if not found:
        raise UserError(f"{folder}: no runs of ablations here; lgnet train RECIPE --ablations --out {folder}")
    outcomes = {}
    for name in found:
        engine = Engine.load(folder / name / "weights.safetensors", device, hand_model=hand_model)
        outcomes[name] = Outcome(LGNetEstimator(engine), subject.mean_pose(engine.input_size), _PICTURES)
    for place, sample in enumerate(subject):
        for outcome in outcomes.values():
            for crop in crops_of(sample, place, kind, outcome.estimator.size_px, crop_seed):
                outcome.show(crop)
    return outcomes


def save_pages(
    folder: Path, outcomes: dict[str, Outcome], reports: dict[str, dict[str, Any]], hand_model: HandModel
) -> None:
    """The table (Markdown and JSON) and, below the crops, a row of pictures for each run.

    Raises:
        UserError: the folder cannot be written.
    """
    rows = [np.concatenate([kept.sample.image for kept in next(iter(outcomes.values())).chosen], axis=1)]
    for outcome in outcomes.values():
        drawn = [plots.draw_estimate(kept.sample, kept.estimate, hand_model) for kept in outcome.chosen]
        rows.append(np.concatenate(drawn, axis=1))
    report.save_json(folder / "ablations.json", reports)
    plots.save_picture(folder / "ablations.jpg", np.concatenate(rows))
    names = ", ".join(name.replace("_", " ") for name in outcomes)
    caption = f"![ablations](ablations.jpg)\n\nFrom top: the crop, {names}."
    page = f"{report.ablation_table(reports)}\n\n{caption}\n"
    write_whole(folder / "ablations.md", page.encode())
