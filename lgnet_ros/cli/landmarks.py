"""`lgnet landmarks`: what the landmark estimator knows beforehand, and how well it fits."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.landmark_fit import fit_report
from lgnet_ros.files import require_writable
from lgnet_ros.hand_model import HandModel
from lgnet_ros.landmarks.mediapipe_hands import MediaPipeHands
from lgnet_ros.landmarks.prior import save_prior
from lgnet_ros.training.landmark_prior import learn_prior

HELP = "the landmark estimator: learn its prior from synthetic hands; measure its fit to known landmarks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    learn = actions.add_parser("learn", help="learn pose prior, landmark offsets and errors; needs mediapipe")
    learn.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .npz to write")
    learn.add_argument(
        "--poses", type=int, default=20000, metavar="N", help="poses for the prior (%(default)s)"
    )
    learn.add_argument(
        "--images", type=int, default=900, metavar="N",
        help="images for the offsets, and again for the errors (%(default)s)",
    )  # fmt: skip
    learn.add_argument("--seed", type=int, default=11, help="default: %(default)s")
    learn.add_argument("--landmarks-model", type=Path, metavar="FILE", help="a hand_landmarker.task file")
    learn.set_defaults(action=_learn)
    check = actions.add_parser("check", help="fit to known landmarks: exact, noisy, missing, wild")
    check.add_argument("--count", type=int, default=500, metavar="N", help="hands (%(default)s)")
    check.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    check.add_argument("--hand-model", type=Path, metavar="PATH", help="default: the open hand")
    check.add_argument("--json", action="store_true", help="print the report as JSON, and nothing else")
    check.set_defaults(action=_check)


def run(args: argparse.Namespace) -> int:
    """Do what is asked for."""
    return args.action(args)


def _learn(args: argparse.Namespace) -> int:
    for name, least in (("poses", 100), ("images", 1)):
        if getattr(args, name) < least:
            raise UserError(f"--{name} {getattr(args, name)}: at least {least}")
    require_writable(args.out)
    finder = MediaPipeHands(follow=False, model=args.landmarks_model)
    prior = learn_prior(finder, args.poses, args.images, args.seed)
    save_prior(args.out, prior)
    spread = np.rad2deg(np.sqrt(np.diag(prior.covariance)))
    offset_mm = 1e3 * np.linalg.norm(prior.offsets, axis=1)
    print(f"angles: standard deviations {spread.min():.0f} to {spread.max():.0f} degrees")
    print(f"landmarks: {offset_mm.min():.0f} to {offset_mm.max():.0f} mm from the joints → {args.out}")
    return 0


def _check(args: argparse.Namespace) -> int:
    if args.count < 1:
        raise UserError(f"--count {args.count}: at least 1")
    report = fit_report(HandModel.load(args.hand_model), args.count, args.seed)
    if args.json:
        print(json.dumps(report, indent=2))
        return 0
    print("| landmarks | MPVPE mm | 95 % under | worst | new hand ms | followed hand ms |")
    print("|---|---|---|---|---|---|")
    for name, row in report.items():
        errors = f"{row['mpvpe_mm']:.1f} | {row['mpvpe_p95_mm']:.1f} | {row['worst_mm']:.1f}"
        print(f"| {name} | {errors} | {row['new_hand_ms']:.1f} | {row['followed_hand_ms']:.1f} |")
    return 0
