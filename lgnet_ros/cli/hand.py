"""`lgnet hand`: build the open hand, import MANO, and look at hand models."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch

from lgnet_ros.cli import hand_pictures as pictures
from lgnet_ros.data.synthetic.poses import POSES
from lgnet_ros.errors import UserError
from lgnet_ros.files import require_writable
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.anatomy import anatomical_axes, rotations_from_angles
from lgnet_ros.hand_model.export import FORMATS, export_mesh
from lgnet_ros.hand_model.mano_import import LICENCE_URL, OFFICIAL_FILES, default_mano_directory, import_mano
from lgnet_ros.hand_model.model import OPEN_HAND_FILE
from lgnet_ros.hand_model.open_hand.build import build_open_hand
from lgnet_ros.hand_model.proportions import markdown_table, proportions
from lgnet_ros.hand_model.storage import save_arrays
from lgnet_ros.hand_model.topology import SHAPE_COUNT, SIDES
from lgnet_ros.paths import weights_directory

HELP = "build, import and show hand models"

_PICTURES = (".png", ".jpg")
_TURNTABLE = ".gif"
_TURNTABLE_FRAMES = 36
_LEAST_PX, _MOST_PX = 32, 2048


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three subcommands."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    build = actions.add_parser("build", help="generate the open hand again; takes a minute or two")
    build.add_argument("--out", type=Path, help="file to write (default: the shipped one)")
    build.add_argument("--json", action="store_true", help="print one JSON object")
    imported = actions.add_parser(
        "import-mano", help=f"convert {' and '.join(OFFICIAL_FILES)} to plain arrays"
    )
    imported.add_argument("directory", type=Path, help="the folder with the official files")
    imported.add_argument("--out", type=Path, help=f"folder to write (default: {default_mano_directory()})")
    show = actions.add_parser("show", help="draw a hand model, or export its mesh")
    _add_show_arguments(show)


def _add_show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, help="hand model file or folder (default: the open hand)")
    parser.add_argument("--side", choices=SIDES, default="right")
    parser.add_argument(
        "--pose", nargs="+", default=["flat"], metavar="NAME", help=f"of: template, {', '.join(POSES)}"
    )
    parser.add_argument(
        "--shape", type=float, nargs="+", default=[], metavar="B", help="up to ten shape coefficients"
    )
    parser.add_argument(
        "--components", type=int, default=0, metavar="N", help="also ±2 of the first N shape components"
    )
    parser.add_argument("--views", nargs="+", choices=tuple(pictures.VIEWS), default=["palm", "back", "side"])
    parser.add_argument("--size", type=int, default=320, help="pixels of one view")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help=f"{', '.join(_PICTURES)}: a sheet; {_TURNTABLE}: a turntable; {', '.join(FORMATS)}: the mesh, m",
    )
    parser.add_argument(
        "--proportions", action="store_true", help="also print its measures beside published means"
    )


def run(args: argparse.Namespace) -> int:
    """Run the action asked for."""
    return {"build": _build, "import-mano": _import, "show": _show}[args.action](args)


def _build(args: argparse.Namespace) -> int:
    path = args.out or weights_directory() / OPEN_HAND_FILE
    require_writable(path)
    save_arrays(path, build_open_hand())
    model = HandModel.load(path)
    if args.json:
        print(json.dumps({"file": str(path), "sha256": model.sha256, "bytes": path.stat().st_size}))
    else:
        print(f"{path}: {path.stat().st_size} bytes, model {model.sha256[:16]}")
        print(markdown_table(proportions(model.arrays("right"))))
    return 0


def _import(args: argparse.Namespace) -> int:
    written = import_mano(args.directory, args.out or default_mano_directory())
    for path in written:
        print(f"wrote {path}")
    print(f"MANO's licence ({LICENCE_URL}) covers these files: non-commercial research, no passing on.")
    print(f"Use them with --hand-model {written[0].parent}")
    return 0


def _show(args: argparse.Namespace) -> int:
    model = HandModel.load(args.model)
    suffix = args.out.suffix.lower()
    if suffix not in (*_PICTURES, _TURNTABLE, *FORMATS):
        raise UserError(f"{args.out}: '{suffix}' is none of {', '.join((*_PICTURES, _TURNTABLE, *FORMATS))}")
    if suffix not in _PICTURES and len(args.pose) > 1:
        raise UserError(f"{args.out}: shows one pose, not {len(args.pose)}; a picture shows several")
    if not _LEAST_PX <= args.size <= _MOST_PX:
        raise UserError(f"--size {args.size}: must be {_LEAST_PX} to {_MOST_PX} pixels")
    require_writable(args.out)
    shapes = _shapes(args)
    first = _posed(model, args.pose[0], shapes["mean"], args.side)
    if suffix in FORMATS:
        export_mesh(args.out, first, model.faces(args.side))
    elif suffix == _TURNTABLE:
        turns = np.arange(_TURNTABLE_FRAMES) * 2 * np.pi / _TURNTABLE_FRAMES
        pictures.save_turntable(args.out, [_drawn(model, first, args, args.views[0], turn) for turn in turns])
    else:
        pictures.save_picture(args.out, _sheet(model, shapes, args))
    print(f"wrote {args.out}")
    if args.proportions:
        print(markdown_table(proportions(model.arrays("right"))))
    return 0


def _shapes(args: argparse.Namespace) -> dict[str, torch.Tensor]:
    """Label → shape (10,): the one asked for, and the first components two standard deviations either way."""
    if not 0 <= args.components <= SHAPE_COUNT or len(args.shape) > SHAPE_COUNT:
        raise UserError(f"a hand has {SHAPE_COUNT} shape components")
    if not all(map(math.isfinite, args.shape)):
        raise UserError("--shape: takes finite numbers")
    shape = torch.zeros(SHAPE_COUNT)
    shape[: len(args.shape)] = torch.tensor(args.shape)
    shapes = {"mean": shape}
    for component in range(args.components):
        for deviation in (-2.0, 2.0):
            varied = shape.clone()
            varied[component] += deviation
            shapes[f"{component + 1}: {deviation:+.0f} sd"] = varied
    return shapes


def _sheet(model: HandModel, shapes: dict[str, torch.Tensor], args: argparse.Namespace) -> np.ndarray:
    """A row per pose and a column per view; with several shapes a row per shape, poses beside one another."""

    def row(pose: str, shape: torch.Tensor) -> list[np.ndarray]:
        vertices = _posed(model, pose, shape, args.side)
        return [_drawn(model, vertices, args, view) for view in args.views]

    if len(shapes) == 1:
        return pictures.sheet([row(pose, shapes["mean"]) for pose in args.pose], args.pose)
    rows = [[picture for pose in args.pose for picture in row(pose, shape)] for shape in shapes.values()]
    return pictures.sheet(rows, list(shapes))


def _drawn(
    model: HandModel, vertices: np.ndarray, args: argparse.Namespace, view: str, turn_rad: float = 0.0
) -> np.ndarray:
    rotation = pictures.camera_rotation(view, args.side, turn_rad)
    return pictures.draw(vertices, model.faces(args.side), model.nail_vertices, rotation, args.size)


def _posed(model: HandModel, name: str, shape: torch.Tensor, side: str) -> np.ndarray:
    if name not in POSES and name != "template":
        raise UserError(f"no pose '{name}'; there are: template, {', '.join(POSES)}")
    angles = torch.as_tensor(POSES.get(name, np.zeros((15, 3))), dtype=torch.float32)
    local = rotations_from_angles(angles, anatomical_axes(model, side))
    rotations = torch.cat([torch.eye(3)[None], local])
    return model(rotations, shape, side).vertices.numpy()
