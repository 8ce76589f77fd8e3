"""`lgnet centers`: where in whole images LGNet looks for hands: learn it, measure it, hand it on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.centers import centers_report
from lgnet_ros.files import require_writable
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine
from lgnet_ros.inference.accuracy import NetworkErrors
from lgnet_ros.inference.engine import load_choice
from lgnet_ros.inference.weights import WeightsInfo, save_weights
from lgnet_ros.network import LGNet
from lgnet_ros.network.efficientnet import EfficientNetLite0
from lgnet_ros.network.pretrained import published_palms
from lgnet_ros.training.centers import CentersRecipe, first_centers, give_centers, learn_centers

HELP = "where in whole images LGNet looks for hands: learn it, measure it, hand it on to other weights"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    default = CentersRecipe()
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    learn = actions.add_parser("learn", help="teach weights, on rendered images; what they know they keep")
    learn.add_argument("--weights", default="nano", metavar="W", help="whose (default: %(default)s)")
    learn.add_argument("--out", type=Path, required=True, metavar="FILE", help="the weights file to write")
    for name, text in (
        ("images", "rendered images"), ("steps", "of training"), ("batch", "images a step"), ("seed", "seed"),
    ):  # fmt: skip
        value, words = getattr(default, name), f"{text} (%(default)s)"
        learn.add_argument(f"--{name}", type=int, default=value, metavar="N", help=words)
    learn.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that render (%(default)s)"
    )
    learn.set_defaults(action=_learn)
    copy = actions.add_parser("copy", help="hand them on: from one weights file into another")
    copy.add_argument("source", type=Path, metavar="FROM", help="a weights file with centers")
    copy.add_argument("target", type=Path, metavar="INTO", help="the weights file to give them to")
    copy.set_defaults(action=_copy)
    palms = actions.add_parser("palms", help="set MediaPipe's palms beside them, which know photographs")
    palms.add_argument("source", type=Path, metavar="TFLITE", help="palm_detection_lite.tflite")
    palms.add_argument(
        "target", type=Path, metavar="INTO", help="the weights file, with centers, to give them to"
    )
    palms.set_defaults(action=_palms)
    check = actions.add_parser("check", help="how many hands have one, and how many are of nothing")
    check.add_argument("--weights", default="nano", metavar="W", help="default: %(default)s")
    check.add_argument("--count", type=int, default=1000, metavar="N", help="test images (%(default)s)")
    check.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    check.add_argument("--json", action="store_true", help="print the report as JSON, and nothing else")
    check.set_defaults(action=_check)


def run(args: argparse.Namespace) -> int:
    """Do what is asked for."""
    return args.action(args)


def _learn(args: argparse.Namespace) -> int:
    if args.workers < 0:
        raise UserError(f"--workers {args.workers}: 0, or more")
    recipe = CentersRecipe(images=args.images, steps=args.steps, batch=args.batch, seed=args.seed)
    network, info = _trained(args.weights)
    centers = network.centers
    if centers is None:
        if not isinstance(network.backbone, EfficientNetLite0):
            raise UserError(
                f"--weights {args.weights}: centers begin with nano's backbone, not {info.variant}'s; "
                "lgnet centers copy hands on those of other weights"
            )
        centers = first_centers(network.backbone)
    require_writable(args.out)
    with tqdm(total=recipe.steps, desc="centers", unit="step", disable=None) as bar:

        def progress(step: int, loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.2f}", refresh=False)
            bar.update(step - bar.n)

        give_centers(network, learn_centers(centers, recipe, args.workers, progress), network.palms)
    _save(args.out, network, info)
    return 0


def _copy(args: argparse.Namespace) -> int:
    (source, _), (target, info) = _trained(args.source), _trained(args.target)
    if source.centers is None:
        raise UserError(f"{args.source}: has no centers to copy; lgnet centers learn teaches them")
    give_centers(target, source.centers, source.palms or target.palms)
    _save(args.target, target, info)
    return 0


def _palms(args: argparse.Namespace) -> int:
    palms, (target, info) = published_palms(args.source), _trained(args.target)
    if target.centers is None:
        raise UserError(f"{args.target}: has no centers for palms to join; lgnet centers learn teaches them")
    give_centers(target, target.centers, palms)
    _save(args.target, target, info)
    return 0


def _check(args: argparse.Namespace) -> int:
    if args.count < 1:
        raise UserError(f"--count {args.count}: at least 1")
    engine = Engine.load(args.weights, device="cpu")
    if not engine.has_centers:
        raise UserError(f"--weights {args.weights}: have no centers; lgnet centers learn teaches them")
    images = tqdm(range(args.count), unit="image", disable=None)
    report = centers_report(engine, images, args.seed)
    if args.json:
        print(json.dumps(report, indent=2))
        return 0
    seen_by = report["seen_by"]
    print(f"{report['images']} images, {report['hands']} hands that can be found\n")
    print("| | " + " | ".join(seen_by) + " |\n|---|" + "---|" * len(seen_by))
    print(_row("found", [_percent(part["found"]) for part in seen_by.values()]))
    for rows in zip(*(part["by_extent"] for part in seen_by.values()), strict=True):
        label = f"{rows[0]['from_px']} to {rows[0]['to_px']} px of 384×288: {rows[0]['hands']} hands"
        print(_row(label, [_percent(row["found"]) for row in rows]))
    print(_row("of nothing, an image", [f"{part['false_per_image']:.2f}" for part in seen_by.values()]))
    return 0


def _row(label: str, cells: list[str]) -> str:
    return f"| {label} | " + " | ".join(cells) + " |"


def _trained(weights: str | Path) -> tuple[LGNet, WeightsInfo]:
    network, _, info, _ = load_choice(weights, HandModel.load())
    if info is None:
        raise UserError(f"{weights}: no trained weights; lgnet train makes them")
    return network, info


def _save(path: Path, network: LGNet, info: WeightsInfo) -> None:
    errors = NetworkErrors.from_dict(info.errors) if info.errors else None
    described = (info.variant, info.training_data, info.licence, info.metrics, info.storage, errors)
    save_weights(path, network, *described)
    known = "centers" if network.palms is None else "centers and palms"
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, with {known}")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
