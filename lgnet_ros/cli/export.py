"""`lgnet export`: convert weights for another runtime."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import onnx_export, openvino_backend
from lgnet_ros.inference.artefacts import Artefact
from lgnet_ros.inference.engine import load_choice

HELP = "convert weights for OpenVINO or ONNX, with versions and checksums beside them"

_EXPORTERS = {
    openvino_backend.BACKEND: (openvino_backend.SUFFIX, openvino_backend.export_openvino),
    onnx_export.BACKEND: (onnx_export.SUFFIX, onnx_export.export_onnx),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--backend", choices=tuple(_EXPORTERS), required=True, help="what to convert for")
    parser.add_argument(
        "--weights", help="a .safetensors file, a name in weights/manifest.yaml, or full, light, nano"
    )
    parser.add_argument(
        "--hand-model", type=Path, metavar="PATH", help="the hand model that the weights belong to"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder to write, ending in .openvino or .onnx (default: beside the weights file)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print what was written as JSON, and nothing else"
    )


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was written."""
    suffix, exporter = _EXPORTERS[args.backend]
    if args.out is not None and args.out.suffix != suffix:
        raise UserError(f"--out {args.out}: a folder for {args.backend} ends in {suffix}")
    network, name, info, path = load_choice(args.weights, HandModel.load(args.hand_model))
    folder = args.out
    if folder is None:
        if path is None:
            raise UserError(f"{name}: has no weights file to put the result beside; give --out DIR{suffix}")
        folder = path.with_suffix(suffix)
    artefact = exporter(network, folder, name, info)
    record = {"folder": str(folder), **asdict(artefact)}
    print(json.dumps(record, indent=2) if args.json else _as_text(folder, artefact))
    return 0


def _as_text(folder: Path, artefact: Artefact) -> str:
    made_with = ", ".join(f"{software} {version}" for software, version in artefact.versions.items())
    lines = [f"{folder}: {artefact.name} for {artefact.backend}, made with {made_with}"]
    lines += [f"  {name}  sha256 {sha256}" for name, sha256 in artefact.files.items()]
    return "\n".join(lines if artefact.weights else [*lines, "  untrained: an initialization"])
