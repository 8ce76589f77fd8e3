"""An evaluation's folder: report.json, report.md, curves, and pictures chosen by seed and by failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation import plots, report
from lgnet_ros.evaluation.protocols import Outcome, Pictured
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
) -> None:
    """Writes everything about an evaluation.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        report.save_json(folder / "report.json", combined)
        page = report.document(reports, dataset, how)
        first = next(iter(outcomes.values()))
        plots.plot_pck(folder / "pck.png", _errors(outcomes))
        page += "\n![PCK](pck.png)\n"
        if _save_asymmetry(folder / "asymmetry.png", first):
            page += "\n![error against pose asymmetry](asymmetry.png)\n"
        for name, kept in (("predictions", first.chosen), ("failures", first.failures)):
            plots.save_picture(folder / f"{name}.jpg", grid(kept, hand_model))
            page += f"\n![{name}]({name}.jpg)\n"
        (folder / "report.md").write_text(page, encoding="utf-8")
    except OSError as reason:
        raise UserError(f"{folder}: the report cannot be written ({reason.strerror})") from reason


def grid(kept: list[Pictured], hand_model: HandModel) -> np.ndarray:
    """Pairs of crop and estimate on it, eight a row."""
    pairs = [
        np.concatenate([one.sample.image, plots.draw_estimate(one.sample, one.estimate, hand_model)])
        for one in kept
    ]
    return plots.tiled(pairs, _COLUMNS)


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
