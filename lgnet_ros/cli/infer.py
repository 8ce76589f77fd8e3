"""`lgnet infer`: find hands in images and videos."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from lgnet_ros.errors import UserError
from lgnet_ros.files import make_folder
from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.backends import DEVICES, PRECISIONS
from lgnet_ros.landmarks.choice import EstimatorChoice, load_detector, load_estimator
from lgnet_ros.landmarks.names import ESTIMATORS, LGNET, MEDIAPIPE, SELF
from lgnet_ros.media import Medium, expand
from lgnet_ros.pipeline import Estimator, HandsPipeline, PipelineSettings
from lgnet_ros.pipeline.calibration import read_intrinsics
from lgnet_ros.pipeline.files import MESH_FORMATS, Camera, FileResult, FileRunner, assumed_camera

HELP = "find hands in images and videos"
EXIT_SOME_FAILED = 1

_DEFAULT_FOV_DEG = 60.0
_NEARLY_ALL = 0.95  # of the frames that a video states: some count one or two too many


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IMAGE|VIDEO|FOLDER", help="what to look at")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for overlays, JSON and meshes"
    )
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument(
        "--intrinsics", type=Path, metavar="FILE", help="calibration of the camera (ROS YAML)"
    )
    camera.add_argument(
        "--fov", type=float, default=_DEFAULT_FOV_DEG, metavar="DEG",
        help="horizontal field of view without a calibration; metres are as right as this is (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--mesh", choices=("none", *MESH_FORMATS), default="none", help="a mesh file per hand and frame"
    )
    parser.add_argument(
        "--estimator", choices=ESTIMATORS, default=LGNET,
        help="lgnet, or our hand model fitted to MediaPipe's landmarks (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--detector", choices=(SELF, MEDIAPIPE), default=SELF, help="what finds hands for lgnet (%(default)s)"
    )
    parser.add_argument(
        "--landmarks-model", type=Path, metavar="FILE",
        help="a hand_landmarker.task file, for a mediapipe that carries no model",
    )  # fmt: skip
    parser.add_argument(
        "--weights", help="a .safetensors file, a name in weights/manifest.yaml, or full, light, nano"
    )
    parser.add_argument(
        "--hand-model", type=Path, metavar="PATH", help="the hand model that the weights belong to"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument(
        "--hand-length", type=float, metavar="M",
        help="wrist to middle fingertip of the stretched hand, joint to joint, metres; sets the scale",
    )  # fmt: skip
    parser.add_argument(
        "--max-people", type=int, default=1, metavar="N", help="people to follow (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON report instead of lines")


def run(args: argparse.Namespace) -> int:
    """Look at every file. 0, or 1 when some could not be read: those are reported and the others done all the
    same.
    """
    camera = _camera(args)
    media = expand(args.inputs, args.out)
    settings = _settings(args)
    make_folder(args.out)
    choice = EstimatorChoice(
        args.estimator,
        args.weights,
        args.device,
        args.precision,
        max_people=args.max_people,
        landmarks_model=args.landmarks_model,
    )
    estimator = load_estimator(choice, HandModel.load(args.hand_model))
    if not estimator.trained:
        print(
            f"lgnet: {estimator.name}: these weights are not trained; what is found means nothing",
            file=sys.stderr,
        )
    pipeline = HandsPipeline(estimator, settings, load_detector(args.detector, choice))
    mesh = None if args.mesh == "none" else args.mesh
    with tqdm(total=len(media), unit="file", disable=None, file=sys.stderr) as bar:

        def progress(name: str, done: int, of: int) -> None:
            bar.set_postfix_str(f"{name} {done}/{of or '?'}", refresh=True)

        runner = FileRunner(pipeline, settings, camera, args.out, mesh, progress)
        results, failed = _run_all(runner, media, bar)
    _report(args, estimator, results, failed)
    return EXIT_SOME_FAILED if failed else 0


def _run_all(
    runner: FileRunner, media: list[Medium], bar: tqdm
) -> tuple[list[FileResult], list[tuple[Path, str]]]:
    results: list[FileResult] = []
    failed: list[tuple[Path, str]] = []
    for medium in media:
        try:
            results.append(runner.run(medium))
        except UserError as error:
            reason = str(error) if str(medium.path) in str(error) else f"{medium.path}: {error}"
            failed.append((medium.path, reason))
            bar.write(f"lgnet: {reason}", file=sys.stderr)
        bar.update()
    return results, failed


def _report(
    args: argparse.Namespace, estimator: Estimator, results: list[FileResult], failed: list[tuple[Path, str]]
) -> None:
    if args.json:
        report = {
            "model": estimator.name,
            "trained": estimator.trained,
            "files": [result.as_dict() for result in results],
            "failed": [{"file": str(path), "error": error} for path, error in failed],
        }
        print(json.dumps(report, indent=2))
        return
    for result in results:
        found = f"hands in {result.frames_with_hands} of {result.frames} frames"
        if result.frames < _NEARLY_ALL * result.frames_stated:
            found += f" (it states {result.frames_stated}: the others cannot be decoded)"
        print(f"{result.path}: {found} → {result.outputs[0]}")
    if failed:
        print(f"{len(failed)} of {len(failed) + len(results)} files failed", file=sys.stderr)


def _camera(args: argparse.Namespace) -> Camera:
    if args.intrinsics is None:
        if not 1 <= args.fov <= 179:
            raise UserError(f"--fov {args.fov:g}: a field of view lies between 1 and 179 degrees")
        return assumed_camera(args.fov)
    intrinsics = read_intrinsics(args.intrinsics)

    def camera(width: int, height: int) -> CameraIntrinsics:
        if (width, height) != (intrinsics.width, intrinsics.height):
            calibrated = f"{intrinsics.width}×{intrinsics.height}"
            raise UserError(f"the image is {width}×{height}, but {args.intrinsics} is for {calibrated}")
        return intrinsics

    return camera


def _settings(args: argparse.Namespace) -> PipelineSettings:
    if args.hand_length is not None and not 0.05 <= args.hand_length <= 0.4:
        raise UserError(f"--hand-length {args.hand_length:g}: give metres, between 0.05 and 0.4")
    if args.max_people < 1:
        raise UserError(f"--max-people {args.max_people}: at least 1")
    settings = PipelineSettings(max_people=args.max_people)
    return replace(settings, placement=replace(settings.placement, hand_length_m=args.hand_length))
