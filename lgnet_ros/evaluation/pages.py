"""An evaluation's folder: report.json, report.md, curves, and pictures chosen by seed and by failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lgnet_ros.evaluation import plots, report
from lgnet_ros.evaluation.evaluation import Row
from lgnet_ros.evaluation.protocols import Outcome, Pictured
from lgnet_ros.files import write_whole
from lgnet_ros.hand_model import HandModel

_COLUMNS = 8


def save_pages(
    folder: Path,
    outcomes: dict[str, Outcome],
    reports: dict[str, dict[str, Any]],
    combined: dict[str, Any],
    dataset: str,
    how: str,
    hand_model: HandModel,
    films: dict[str, dict[str, Any]] | None = None,
) -> None:
    """Writes everything about an evaluation.

    Raises:
        UserError: the folder cannot be written.
    """
    report.save_json(folder / "report.json", combined)
    page = report.document(reports, dataset, how, films)
    first = next(iter(outcomes.values()))
    plots.plot_pck(folder / "pck.png", _errors(outcomes))
    page += "\n![PCK](pck.png)\n"
    if _save_asymmetry(folder / "asymmetry.png", first):
        page += "\n![error against pose asymmetry](asymmetry.png)\n"
    grids = {
        "predictions": (first.chosen, "The first images of the run, whose order the seed decides"),
        "failures": (first.failures, "The worst of all images, the worst first"),
    }
    for name, (kept, caption) in grids.items():
        plots.save_picture(folder / f"{name}.jpg", grid(kept, hand_model))
        page += f"\n{caption}; crop, truth, estimate, MPJPE:\n\n![{name}]({name}.jpg)\n"
    write_whole(folder / "report.md", page.encode())


def grid(kept: list[Pictured], hand_model: HandModel) -> np.ndarray:
    """Columns of crop, truth, estimate and what came of it, eight a row."""
    columns = []
    for one in kept:
        truth = plots.draw_truth(one.sample, hand_model)
        estimate = plots.draw_estimate(one.sample, one.estimate, hand_model)
        column = np.concatenate([one.sample.image, truth, estimate])
        columns.append(plots.captioned(column, _verdict(one.row)))
    return plots.tiled(columns, _COLUMNS)


def _verdict(row: Row) -> str:
    """The error, and what else was wrong, in few words: a swapped hand is a missed and an extra one, too."""
    wrong = [word for word in ("swapped", "missed", "extra") if getattr(row, word)][:1]
    error = [] if np.isnan(row.mpjpe_mm) else [f"{row.mpjpe_mm:.0f} mm"]
    return " ".join([*error, *wrong]) or "no hand"


def _errors(outcomes: dict[str, Outcome]) -> dict[str, np.ndarray]:
    """Joint errors (wrist root) by name, the mean pose's as well."""
    errors = {
        name: outcome.evaluation.aligned["wrist"].all_joint_errors() for name, outcome in outcomes.items()
    }
    first = next(iter(outcomes.values()))
    return {**errors, "mean pose": first.evaluation.baseline["wrist"].all_joint_errors()}


def _save_asymmetry(path: Path, outcome: Outcome) -> bool:
    pairs = [row for row in outcome.evaluation.rows if row.asymmetry_deg is not None]
    if not pairs:
        return False
    asymmetry = np.array([row.asymmetry_deg for row in pairs], dtype=np.float64)
    plots.plot_asymmetry(path, asymmetry, np.array([row.mpjpe_mm for row in pairs]))
    return True
