"""From an exported and evaluated run to weights that ship: the file, its line in the manifest, its page."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation import report
from lgnet_ros.evaluation.plots import plot_learning_curve
from lgnet_ros.files import write_whole
from lgnet_ros.inference.manifest import add_entry, file_sha256
from lgnet_ros.inference.weights import WeightsInfo, read_info
from lgnet_ros.paths import config_directory
from lgnet_ros.training.callbacks import read_curve
from lgnet_ros.training.recipe import DataRecipe, Recipe
from lgnet_ros.training.run import RunFolder

PAGE = "README.md"
_MOST_BYTES = 56_000_000  # of the whole folder
_CURVE_ROWS = 10  # per stage
_UNSPOKEN = ("validation", "checkpoint_minutes", "start_from", "hand_model")  # of a recipe, in a command
_HEAD = """# Weights

What ships here: the open hand model (`open_hand.npz`, see `docs/hand_model.md`), what the landmark estimator
knows of MediaPipe's landmarks (`landmark_prior.npz`), and trained networks, listed with their SHA-256 in
`manifest.yaml`. Networks are safetensors files; their metadata name configuration, hand model, training data,
licence, validation metrics and fitted errors (`lgnet_ros.inference.read_info`). The sections below are
written by `lgnet train RECIPE --out RUN --ship NAME --report DIR`.
"""
_COLUMNS = (
    ("samples", "images seen", 0), ("minutes", "minutes", 0), ("val/mpjpe_mm", "MPJPE", 1),
    ("val/mpvpe_mm", "MPVPE", 1), ("val/mrrpe_mm", "MRRPE", 1), ("val/presence_f1", "presence F1", 3),
    ("val/swap_rate", "swaps", 3), ("val/missed_rate", "missed", 3),
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """One of the runs that a network went through, one after the other."""

    recipe: dict[str, Any]
    curve: list[dict[str, str]]
    curve_file: Path

    @property
    def images(self) -> int:
        """Seen in training until the last validation, replayed ones included."""
        return int(float(self.curve[-1]["samples"])) if self.curve else 0

    @property
    def processes(self) -> int:
        """How many trained together."""
        if not self.curve:
            return 1
        return round(self.images / (float(self.curve[-1]["step"]) * self.recipe["data"]["batch"]))


def ship(name: str, run: RunFolder, evaluation: Path, directory: Path, note: str = "") -> str:
    """Put a run's exported weights into `directory`, list them in its manifest and write their section of its
    page. Returns what was done, in words.

    Raises:
        UserError: the run has no exported weights, the report is not about them, or the folder would become
            too large.
    """
    if not run.weights.is_file():
        raise UserError(f"{run.weights}: no such weights; export them first (lgnet train … --export)")
    info, found = read_info(run.weights), _read_report(evaluation / "report.json")
    if found.get("weights_sha256") != file_sha256(run.weights):
        raise UserError(f"{evaluation}: its report is about other weights than {run.weights}; evaluate these")
    content, file = run.weights.read_bytes(), f"{name}.safetensors"
    others = sum(path.stat().st_size for path in directory.iterdir() if path.is_file() and path.name != file)
    if others + len(content) > _MOST_BYTES:
        raise UserError(f"{directory}: with {file} it would be larger than {_MOST_BYTES // 10**6} MB")
    write_whole(directory / file, content)
    add_entry(directory, name, file, info.variant)
    stages = stages_of(run)
    picture = _save_curve(name, stages, directory)
    page = directory / PAGE
    before = page.read_text(encoding="utf-8") if page.exists() else _HEAD
    section = _section(name, directory / file, info, stages, found, note, picture)
    write_whole(page, with_section(before, name, section).encode())
    return f"{directory / file}: {len(content) / 1e6:.1f} MB, listed in the manifest, described in {page}"


def stages_of(run: RunFolder) -> list[Stage]:
    """The run and those that it started from, as far as their folders are there; the first one first."""
    stages: list[Stage] = []
    folder: RunFolder | None = run
    while folder is not None and folder.recipe.is_file():
        recipe, rows = json.loads(folder.recipe.read_text(encoding="utf-8")), []
        if folder.curve.is_file():
            with folder.curve.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if row.get("val/mpjpe_mm")]
        stages.insert(0, Stage(recipe, rows, folder.curve))
        start = recipe.get("start_from")
        folder = RunFolder(Path(start).parent.parent) if start else None
    return stages


def command_of(stage: Stage, name: str, number: int) -> str:
    """The command that starts such a run: the nearest recipe that ships, and what differs from it. Keys that
    the run does not know, because they came later, had their defaults.
    """
    wanted = {**_defaults(stage.recipe), **_flat(stage.recipe)}
    changes = {}
    for path in _recipes(stage.recipe):
        held = _flat(Recipe.read(path, []).as_dict())
        changes[f"config/train/{path.name}"] = {
            key: value for key, value in wanted.items() if held.get(key) != value
        }
    nearest = min(changes, key=lambda path: len(changes[path])) if changes else "RECIPE"
    words = [f"lgnet train {nearest}"]
    differing = changes.get(nearest, wanted)
    if differing.get("backbone_weights"):  # a path that says nothing elsewhere; its name does
        differing["backbone_weights"] = Path(differing["backbone_weights"]).name
    words += [f"{key}={_plain(value)}" for key, value in differing.items()]
    if number > 1:
        words.append(f"start_from=out/train/{name}_{number - 1}/checkpoints/last.ckpt")
    elif stage.recipe.get("start_from"):  # weights, or a run whose folder is not there any more
        words.append(f"start_from={Path(stage.recipe['start_from']).name}")
    if stage.processes > 1:
        words.append(f"--devices {stage.processes}")
    return " ".join([*words, f"--out out/train/{name}_{number}"])


def with_section(page: str, name: str, section: str) -> str:
    """The page with this section in place of the one of that name, or at the end."""
    parts = re.split(r"(?m)^(?=## )", page)
    title = section.splitlines()[0]
    kept = [part for part in parts if part.splitlines()[:1] != [title]]
    return "\n".join(part.rstrip("\n") + "\n" for part in [*kept, section])


def _section(
    name: str,
    file: Path,
    info: WeightsInfo,
    stages: list[Stage],
    found: dict[str, Any],
    note: str,
    picture: str | None,
) -> str:
    size, seed = file.stat().st_size / 1e6, stages[-1].recipe["seed"] if stages else "unknown"
    parts = [
        f"## {name}",
        f"`{file.name}`: LGNet {info.variant}, {size:.1f} MB, {info.storage}, {info.licence}. Hand model "
        f"{info.hand_model} (`{info.hand_model_sha256[:12]}…`). SHA-256 `{file_sha256(file)}`.",
        "### How it was made",
        f"Training data: {info.training_data}. Seed {seed}; {sum(s.images for s in stages):,} images seen in "
        f"{len(stages)} stage{'s' if len(stages) != 1 else ''}, replayed ones included.",
        "```\n" + "\n".join(command_of(s, name, k) for k, s in enumerate(stages, 1)) + "\n```",
        note,
        "### Learning curve",
        "Averaged weights on the validation crops, all scenes; mm, wrist root, scale-aligned, missed hands "
        "counted as the mean pose.",
        f"![learning curve]({picture})" if picture else "",
        _curve_table(stages),
        "### Evaluation",
        *_evaluation(found),
        "### Errors that the pipeline takes from these weights",
        "Fitted on validation images; see `lgnet_ros/inference/accuracy.py` for what each is.",
        _errors_table(info.errors),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _evaluation(found: dict[str, Any]) -> list[str]:
    reports = {found["crops"]: found, **found["others"]}
    return report.sections(reports, found["dataset"], found["how"], found.get("films"))


def _curve_table(stages: list[Stage]) -> str:
    lines = [
        "| stage | " + " | ".join(title for _, title, _ in _COLUMNS) + " |",
        "|---" * (len(_COLUMNS) + 1) + "|",
    ]
    for number, stage in enumerate(stages, 1):
        chosen = (
            np.unique(np.linspace(0, len(stage.curve) - 1, _CURVE_ROWS).astype(int)) if stage.curve else ()
        )
        for row in (stage.curve[index] for index in chosen):
            cells = [_cell(row.get(key), digits) for key, _, digits in _COLUMNS]
            lines.append(f"| {number} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _errors_table(errors: dict[str, float]) -> str:
    if not errors:
        return "None were fitted: the defaults hold."
    rows = [f"| {key} | {value:.4g} |" for key, value in errors.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _save_curve(name: str, stages: list[Stage], directory: Path) -> str | None:
    """The stages' curves one after the other, where the source tree keeps its pictures; the path from the
    page.
    """
    pictures = directory.parent / "docs" / "images"
    if not pictures.is_dir() or not any(stage.curve for stage in stages):
        return None
    samples, errors, baseline, before = [], [], None, 0
    for stage in (stage for stage in stages if stage.curve):
        seen, error, baseline = read_curve(stage.curve_file)
        samples.append(seen + before)
        errors.append(error)
        before += stage.images
    file = f"learning_curve_{name}.png"
    plot_learning_curve(pictures / file, np.concatenate(samples), np.concatenate(errors), baseline)
    return f"../docs/images/{file}"


def _read_report(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise UserError(f"{path}: no report of lgnet eval ({reason})") from reason


def _recipes(recipe: dict[str, Any]) -> list[Path]:
    """Shipped recipes for this variant of network and kind of images."""
    folder = config_directory() / "train"
    of_kind = f"{recipe['data']['source']}_{recipe['variant']}"
    return sorted(path for path in folder.glob("*.yaml") if path.stem.startswith(of_kind))


def _defaults(recipe: dict[str, Any]) -> dict[str, Any]:
    """Of everything that a recipe for synthetic images can say; a data set's would need its folder."""
    if recipe["data"]["source"] != "synthetic":
        return {}
    return _flat(Recipe(recipe["variant"], DataRecipe("synthetic"), steps=1).as_dict())


def _flat(recipe: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        if isinstance(value, dict) and key not in _UNSPOKEN:
            flat.update(_flat(value, f"{prefix}{key}."))
        elif key not in _UNSPOKEN and f"{prefix}{key}" != "data.root":
            flat[f"{prefix}{key}"] = value
    return flat


def _plain(value: Any) -> str:
    """As a recipe on the command line has it."""
    if isinstance(value, list):
        return f"[{','.join(_plain(entry) for entry in value)}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _cell(value: str | None, digits: int) -> str:
    return f"{float(value):,.{digits}f}" if value else "–"
