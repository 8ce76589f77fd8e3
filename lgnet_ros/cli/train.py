"""`lgnet train`: train a network from a recipe, resume a run, run the ablations, export weights."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import torch

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.plots import plot_learning_curve
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.weights import STORAGES
from lgnet_ros.network import ABLATIONS
from lgnet_ros.paths import weights_directory
from lgnet_ros.training.callbacks import read_curve
from lgnet_ros.training.export import calibration_crops, export, network_of
from lgnet_ros.training.module import LGNetModule
from lgnet_ros.training.recipe import Recipe
from lgnet_ros.training.run import Resources, RunFolder, default_resources, is_first_process, train
from lgnet_ros.training.shipping import ship
from lgnet_ros.training.sources import make_sources

HELP = "train a network from a recipe (config/train/*.yaml)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a YAML file; see config/train/")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="changes to it, for example optimizer.learning_rate=1e-3",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the run's folder (default: out/train/<recipe>)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in that folder, exactly")
    parser.add_argument(
        "--devices", type=int, metavar="N", help="GPUs, or processes on a CPU (default: all GPUs, or 1)"
    )
    parser.add_argument("--nodes", type=int, default=1, metavar="N", help="machines, under torchrun")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop then, ready to be resumed")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of PyTorch on the CPU")
    parser.add_argument(
        "--ablations", action="store_true", help="train every row of Table III, one after the other"
    )
    parser.add_argument(
        "--export", action="store_true", help="train nothing: write the weights of the run as it stands"
    )
    parser.add_argument(
        "--storage", choices=STORAGES, default="float16", help="of exported weights (%(default)s)"
    )
    parser.add_argument(
        "--ship", metavar="NAME",
        help="train nothing: put the exported weights of --out into weights/, list and document them there",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="with --ship: what lgnet eval --out wrote of these weights"
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="with --ship: what else is to be said")


def run(args: argparse.Namespace) -> int:
    """Train, and export what comes to its end. Everything that can be wrong is found before that starts."""
    # At once: a step that waits for another process would keep a handler waiting too, and files are whole.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if args.ship is None and (args.report is not None or args.note):
        raise UserError(f"--{'note' if args.report is None else 'report'}: goes with --ship")
    recipe = Recipe.read(args.recipe, args.overrides)
    folder = args.out or Path("out/train") / args.recipe.stem
    if args.threads is not None:
        if args.threads < 1:
            raise UserError(f"--threads {args.threads}: at least 1")
        torch.set_num_threads(args.threads)
    if args.ablations:
        return _ablations(recipe, folder, args)
    if args.ship is not None:
        if args.report is None:
            raise UserError("--ship: say with --report where lgnet eval --out has written its report")
        print(ship(args.ship, RunFolder(folder), args.report, weights_directory(), args.note))
        return 0
    resources = _resources(args)
    if args.export or _is_trained(train(recipe, RunFolder(folder), args.resume, resources)):
        _export(recipe, RunFolder(folder), args.storage)
    return 0


def _ablations(recipe: Recipe, folder: Path, args: argparse.Namespace) -> int:
    """The whole network and every ablation, each in its own folder; resuming skips finished ones."""
    for name in ("complete", *ABLATIONS):
        of_row = recipe if name == "complete" else recipe.without(name)
        place = RunFolder(folder / name)
        if args.resume and place.weights.exists():
            continue
        print(f"lgnet: ablation '{name}' in {place.path}", file=sys.stderr)
        if _is_trained(train(of_row, place, args.resume, _resources(args))):
            _export(of_row, place, args.storage)
    return 0


def _is_trained(module: LGNetModule) -> bool:
    """Whether this process is to export a run: the first one, if minutes have not ended it before its steps
    did.
    """
    if not is_first_process():
        return False
    if module.global_step < module.total_steps:
        done = f"{module.global_step} of {module.total_steps} steps"
        print(f"lgnet: {done}; --resume goes on, --export writes weights as they stand", file=sys.stderr)
        return False
    return True


def _export(recipe: Recipe, folder: RunFolder, storage: str) -> None:
    """The best checkpoint's averaged weights (the last one's before any validation), scored on the validation
    crops.
    """
    checkpoint = folder.best if folder.best.exists() else folder.last
    hand_model = HandModel.load(recipe.hand_model)
    network, step = network_of(checkpoint, recipe, hand_model)
    sources = make_sources(recipe, hand_model)
    calibration = calibration_crops(recipe, sources)
    info = export(network, step, recipe, sources, calibration, folder.weights, storage)
    if folder.curve.exists():
        plot_learning_curve(folder.curve.with_suffix(".png"), *read_curve(folder.curve))
    error = info.metrics["wrist"]["mpjpe_mm"]
    print(f"{folder.weights}: {info.variant}, validation MPJPE {error:.2f} mm (wrist root, scale-aligned)")


def _resources(args: argparse.Namespace) -> Resources:
    usual = default_resources()
    devices = usual.devices if args.devices is None else args.devices
    for name, count in (("devices", devices), ("nodes", args.nodes)):
        if count < 1:
            raise UserError(f"--{name} {count}: at least 1")
    if usual.accelerator == "gpu" and devices > usual.devices:
        raise UserError(f"--devices {devices}: there are {torch.cuda.device_count()} GPUs")
    if args.minutes is not None and not 0 < args.minutes < float("inf"):
        raise UserError(f"--minutes {args.minutes:g}: must be above 0")
    return Resources(usual.accelerator, devices, args.nodes, args.minutes)
