"""`lgnet eval`: measure estimators against a data set, write tables, curves and pictures."""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation import ablations, report
from lgnet_ros.evaluation.aggregate import finite_or_none
from lgnet_ros.evaluation.attention import attention_picture
from lgnet_ros.evaluation.datasets import DATASETS, Subject, load_subject
from lgnet_ros.evaluation.films import Cast, FilmSettings, watch_films
from lgnet_ros.evaluation.pages import save_pages
from lgnet_ros.evaluation.plots import save_picture
from lgnet_ros.evaluation.protocols import CROPS, Outcome, crops_of
from lgnet_ros.files import make_folder
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.backends import DEVICES, PRECISIONS
from lgnet_ros.inference.manifest import choose, file_sha256
from lgnet_ros.inference.weights import load_network
from lgnet_ros.landmarks.choice import EstimatorChoice, load_estimator
from lgnet_ros.landmarks.names import ESTIMATORS, LGNET
from lgnet_ros.pipeline.estimators import Estimator, LGNetEstimator

HELP = "measure weights, or the landmark estimator, against a data set"
_CROP_SEED = 0
_PICTURES = 16
_ATTENTION_CROPS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dataset", choices=DATASETS, default="synthetic", help="default: %(default)s")
    parser.add_argument("--root", type=Path, metavar="DIR", help="the dataset's folder (interhand26m, hic)")
    parser.add_argument(
        "--estimator", nargs="+", choices=ESTIMATORS, default=[LGNET], metavar="NAME",
        help=f"one or more of {', '.join(ESTIMATORS)}, each on the same images (default: {LGNET})",
    )  # fmt: skip
    parser.add_argument(
        "--landmarks-model", type=Path, metavar="FILE", help="a hand_landmarker.task file, for landmarks"
    )
    parser.add_argument(
        "--weights", help="a .safetensors file, a name in weights/manifest.yaml, or a variant"
    )
    parser.add_argument(
        "--hand-model", type=Path, metavar="PATH", help="the hand model that the weights belong to"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--count", type=int, default=500, metavar="N", help="images (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="which images of the split (default: %(default)s)"
    )
    parser.add_argument("--crops", choices=(*CROPS, "both"), default="both", help="default: %(default)s")
    parser.add_argument(
        "--films", action="store_true", help="follow hands through rendered films too (synthetic)"
    )
    parser.add_argument(
        "--workers", type=int, default=_usual_workers(), metavar="N",
        help="processes that render images, beside this one, which looks at them (default here: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for report.json, report.md and pictures"
    )
    parser.add_argument(
        "--ablations",
        type=Path,
        metavar="DIR",
        help="instead: Table III of runs of train --ablations, in jittered crops or those of --crops",
    )
    parser.add_argument("--json", action="store_true", help="print the JSON report alone")


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, save."""
    if args.count < 1:
        raise UserError(f"--count {args.count}: at least 1")
    if args.workers < 0:
        raise UserError(f"--workers {args.workers}: 0, or more")
    if args.out is not None:
        make_folder(args.out)  # not to find out after everything has been looked at
    hand_model = HandModel.load(args.hand_model)
    subject = load_subject(args.dataset, args.root, args.seed, args.count, hand_model, args.workers)
    if args.ablations is not None:
        return _run_ablations(args, subject, hand_model)
    estimators = _estimators(args, hand_model, follow=False)
    outcomes = _evaluate(args, subject, estimators)
    reports = {name: outcome.evaluation.report() for name, outcome in outcomes.items()}
    films = _watch_films(args, estimators, reports, hand_model) if args.films else None
    combined = _combined(reports, films, args, estimators)
    how = _how(args, estimators)
    if args.out is not None:
        save_pages(args.out, outcomes, reports, combined, args.dataset, how, hand_model, films)
        if LGNET in args.estimator:
            network = next(name for name, one in estimators.items() if isinstance(one, LGNetEstimator))
            outcome = next(one for title, one in outcomes.items() if title.startswith(network))
            _save_attention(args, outcome, hand_model)
    page = report.document(reports, args.dataset, how, films)
    print(json.dumps(combined, indent=2) if args.json else page)
    return 0


def _save_attention(args: argparse.Namespace, outcome: Outcome, hand_model: HandModel) -> None:
    """Fig. 4 for the first few crops; an untrained network looks at nothing in particular, and an exported
    one does not tell at what.
    """
    path = choose(args.weights).path
    if path is None or path.is_dir():
        return
    network, _ = load_network(path, hand_model)
    picture = attention_picture(network, outcome.chosen[:_ATTENTION_CROPS])
    if picture is not None:
        save_picture(args.out / "attention.jpg", picture)


def _estimators(args: argparse.Namespace, hand_model: HandModel, follow: bool) -> dict[str, Estimator]:
    """Those that are asked for, by their names. follow: they will see films, not single images."""
    estimators: dict[str, Estimator] = {}
    for kind in dict.fromkeys(args.estimator):
        choice = EstimatorChoice(
            kind,
            args.weights,
            args.device,
            args.precision,
            follow=follow,
            landmarks_model=args.landmarks_model,
        )
        estimator = load_estimator(choice, hand_model)
        if not estimator.trained and not follow:
            warning = f"{estimator.name}: not trained; the numbers say what chance reaches"
            print(f"lgnet: {warning}", file=sys.stderr)
        estimators[estimator.name] = estimator
    return estimators


def _watch_films(
    args: argparse.Namespace,
    estimators: dict[str, Estimator],
    reports: dict[str, dict[str, Any]],
    hand_model: HandModel,
) -> dict[str, dict[str, Any]]:
    """What each estimator, and the truth in its place, does with films; also into its first report."""
    plain, depth = (_estimators(args, hand_model, follow=True) for _ in range(2))
    casts = {name: Cast(plain[name], depth[name], alone) for name, alone in estimators.items()}
    progress = partial(tqdm, unit="frame", disable=None, file=sys.stderr)
    films = finite_or_none(
        watch_films(casts, hand_model, FilmSettings(args.seed, workers=args.workers), progress)
    )
    for name in estimators:
        first = next(title for title in reports if title.startswith(name))
        reports[first].update(films[name])
    return films


def _evaluate(
    args: argparse.Namespace, subject: Subject, estimators: dict[str, Estimator]
) -> dict[str, Outcome]:
    """Outcomes by "estimator, kind of crops"; every image is made once, for all of them."""
    kinds = tuple(CROPS) if args.crops == "both" else (args.crops,)
    keep = _PICTURES if args.out is not None else 0
    outcomes = {
        (name, kind): Outcome(estimator, subject.mean_pose(estimator.size_px), keep)
        for name, estimator in estimators.items()
        for kind in kinds
    }
    for place, sample in enumerate(tqdm(subject, unit="image", disable=None, file=sys.stderr)):
        for (name, kind), outcome in outcomes.items():
            for crop in crops_of(sample, place, kind, estimators[name].size_px, _CROP_SEED):
                outcome.show(crop)
    return {f"{name}, {kind} crops": outcome for (name, kind), outcome in outcomes.items()}


def _combined(
    reports: dict[str, dict[str, Any]],
    films: dict[str, dict[str, Any]] | None,
    args: argparse.Namespace,
    estimators: dict[str, Estimator],
) -> dict[str, Any]:
    """The first report's keys at the top, the others' below their names, all films' by estimator."""
    (name, first), *others = reports.items()
    estimator = next(iter(estimators.values()))
    described = {
        "dataset": args.dataset,
        "weights": estimator.name,
        "trained": estimator.trained,
        "weights_sha256": _weights_sha256(args),
        "how": _how(args, estimators),
        "crops": name,
    }
    watched = {} if films is None else {"films": films}
    return {**first, **described, "others": dict(others), **watched}


def _weights_sha256(args: argparse.Namespace) -> str | None:
    """Of LGNet's weights file; it tells later which weights a report is about."""
    path = choose(args.weights).path if LGNET in args.estimator else None
    return None if path is None or not path.is_file() else file_sha256(path)


def _how(args: argparse.Namespace, estimators: dict[str, Estimator]) -> str:
    command = f"lgnet eval --dataset {args.dataset} --count {args.count} --seed {args.seed}"
    if args.estimator != [LGNET]:
        command += f" --estimator {' '.join(args.estimator)}"
    weights = None if args.weights is None else Path(args.weights).name
    options = (
        ("root", args.root, None), ("hand-model", args.hand_model, None), ("weights", weights, None),
        ("precision", args.precision, "auto"), ("crops", args.crops, "both"),
    )  # fmt: skip
    command += "".join(f" --{name} {given}" for name, given, usual in options if given != usual)
    if args.films:
        command += " --films"
    return f"`{command}`, {', '.join(estimators)}."


def _usual_workers() -> int:
    """One process can render as fast as this one looks."""
    return min(1, (os.cpu_count() or 1) - 1)


def _run_ablations(args: argparse.Namespace, subject: Subject, hand_model: HandModel) -> int:
    kind = "jittered" if args.crops == "both" else args.crops
    outcomes = ablations.evaluate_runs(args.ablations, subject, hand_model, args.device, kind, _CROP_SEED)
    reports = {name: outcome.evaluation.report() for name, outcome in outcomes.items()}
    if args.out is not None:
        ablations.save_pages(args.out, outcomes, reports, hand_model)
    print(json.dumps(reports, indent=2) if args.json else report.ablation_table(reports))
    return 0
