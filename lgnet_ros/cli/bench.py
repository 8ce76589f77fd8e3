"""`lgnet bench`: speed of every variant, backend and precision, and of the whole node."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

from lgnet_ros.cli import bench_node, synth
from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.engine_speed import cases, measure_in_own_process, with_losses
from lgnet_ros.evaluation.landmark_speed import landmark_milliseconds
from lgnet_ros.evaluation.machine import machine
from lgnet_ros.evaluation.speed_report import markdown, soak_markdown
from lgnet_ros.evaluation.stage_speed import stage_milliseconds
from lgnet_ros.evaluation.yardstick import resnet50_milliseconds
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.benchmark import forward_milliseconds
from lgnet_ros.inference.backends import PRECISIONS, cpu_threads
from lgnet_ros.inference.manifest import choose
from lgnet_ros.landmarks.names import ESTIMATORS, LGNET
from lgnet_ros.network.config import VARIANTS
from lgnet_ros.node.statistics import resident_memory_mb

HELP = "measure speed: engines, pipeline, hand model, renderer, node"

PARTS = ("yardstick", "engine", "node", "frame_work", "pipeline", "landmarks", "hand_model", "synthetic")
_HAND_MODEL_BATCH = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
        help=f"measure only these: {', '.join(PARTS)}",
    )  # fmt: skip
    parser.add_argument(
        "--variants", nargs="+", default=list(VARIANTS), metavar="VARIANT",
        help=f"engines of only these: {', '.join(VARIANTS)}, or .safetensors files",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=float, default=6.0, metavar="S", help="for each engine (%(default)s)"
    )
    parser.add_argument(
        "--crops", type=int, default=64, metavar="N",
        help="test crops for the accuracy that trained weights lose; 0: none (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--node-weights", default="nano", metavar="W",
        help="the node's (%(default)s); `truth`: the built-in scene's truth in place of a network",
    )  # fmt: skip
    parser.add_argument(
        "--node-precision", choices=PRECISIONS, default="auto", help="the node's (%(default)s)"
    )
    parser.add_argument(
        "--node-seconds", type=float, default=12.0, metavar="S", help="for each resolution (%(default)s)"
    )
    parser.add_argument(
        "--node-estimator", choices=ESTIMATORS, default=LGNET, help="the node's (%(default)s)"
    )
    parser.add_argument(
        "--node-source", default="", metavar="SOURCE",
        help="what the node is shown: webcam, video or folder (default: the built-in scene)",
    )  # fmt: skip
    parser.add_argument(
        "--frames", type=int, default=120, metavar="N", help="for frame_work and landmarks (%(default)s)"
    )
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES",
        help="only this: the node at 30 Hz for so long, every output on; is a frame late, does memory grow?",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=int, default=128, metavar="N", help="synthetic samples of each size (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON, and nothing else")


def run(args: argparse.Namespace) -> int:
    """Measure what is asked for, one part after the other, and print it."""
    _check(args)
    if args.soak is not None:
        soaked = {"machine": machine(), "soak": bench_node.soak(args)}
        print(json.dumps(soaked, indent=2) if args.json else soak_markdown(soaked))
        return 0
    measures: dict[str, Callable[[argparse.Namespace], Any]] = {
        "yardstick": lambda _: resnet50_milliseconds(),
        "engine": _engines,
        "node": bench_node.nodes,
        "frame_work": bench_node.frame_work,
        "pipeline": lambda _: stage_milliseconds(HandModel.load()),
        "landmarks": lambda args: landmark_milliseconds(HandModel.load(), args.frames),
        "hand_model": lambda _: _hand_model(),
        "synthetic": _synthetic,
    }
    report: dict[str, Any] = {"machine": machine(), **dict.fromkeys(PARTS), "not_measured": []}
    report.update(engine=[], node=[], frame_work=[])
    for part in (part for part in PARTS if part in args.only):
        try:
            report[part] = measures[part](args)
        except UserError as error:
            if args.only == [part]:
                raise
            report["not_measured"].append(f"{part}: {error}")
    print(json.dumps(report, indent=2) if args.json else markdown(report))
    return 0


def _check(args: argparse.Namespace) -> None:
    for name, least in (("seconds", 0.01), ("node_seconds", 1), ("samples", 1), ("crops", 0), ("frames", 20)):
        if not getattr(args, name) >= least:
            option = name.replace("_", "-")
            raise UserError(f"--{option} {getattr(args, name)}: must be at least {least}")
    if args.soak is not None and not 0.5 <= args.soak < 1e4:
        raise UserError(f"--soak {args.soak}: must be at least 0.5 minutes")
    for weights in {*args.variants, args.node_weights} - {"truth"}:
        choose(weights)  # not to find out in every process that would load them


def _engines(args: argparse.Namespace) -> list[dict[str, Any]]:
    rows = []
    for case in tqdm(cases(tuple(args.variants), args.seconds, args.crops), unit="engine", disable=None):
        row = measure_in_own_process(case, resident_memory_mb)
        print(_progress(row), file=sys.stderr)
        rows.append(row)
    if not any("p50_ms" in row for row in rows):
        raise UserError(f"no engine could be measured: {rows[0]['not_measured']}")
    return with_losses(rows)


def _progress(row: dict[str, Any]) -> str:
    outcome = f"{row['p50_ms']} ms" if "p50_ms" in row else row["not_measured"]
    return f"lgnet: {row['variant']} {row['backend']} {row['device']} {row['precision']}: {outcome}"


def _hand_model() -> dict[str, float]:
    threads = cpu_threads()
    duration = forward_milliseconds(HandModel.load(), _HAND_MODEL_BATCH, threads)
    return {"batch": _HAND_MODEL_BATCH, "threads": threads, "p50_ms": round(duration, 3)}


def _synthetic(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The benchmark of `lgnet synth`."""
    parser = argparse.ArgumentParser()
    synth.add_arguments(parser)
    options = ["--benchmark", "--json", "--count", str(args.samples), "--workers", str(cpu_threads())]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        synth.run(parser.parse_args(options))
    return json.loads(printed.getvalue())["benchmark"]
