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
from lgnet_ros.inference.quantization import CALIBRATION_CROPS

HELP = "convert weights for OpenVINO or ONNX, with versions and checksums beside them"

_EXPORTERS = {
    openvino_backend.BACKEND: (openvino_backend.SUFFIX, openvino_backend.export_openvino),
    onnx_export.BACKEND: (onnx_export.SUFFIX, onnx_export.export_onnx),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--backend", choices=tuple(_EXPORTERS), required=True, help="what to convert for")
    parser.add_argument(
        "--precision",
        choices=("fp32", "int8"),
        default="fp32",
        help="int8: 8-bit products, calibrated on rendered images; from fp32 bf16 runs too (%(default)s)",
    )
    parser.add_argument(
        "--crops",
        type=int,
        default=CALIBRATION_CROPS,
        metavar="N",
        help="rendered crops to calibrate int8 on (%(default)s)",
    )
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
    int8 = args.precision == "int8"
    if int8 and args.backend != openvino_backend.BACKEND:
        raise UserError("--precision int8: for --backend openvino only")
    if args.crops < 1:
        raise UserError(f"--crops {args.crops}: must be at least 1")
    if args.out is not None and args.out.suffix != suffix:
        raise UserError(f"--out {args.out}: a folder for {args.backend} ends in {suffix}")
    network, name, info, path = load_choice(args.weights, HandModel.load(args.hand_model))
    folder = args.out
    if folder is None:
        if path is None:
            raise UserError(f"{name}: has no weights file to put the result beside; give --out DIR{suffix}")
        folder = path.with_name(f"{path.stem}{'-int8' if int8 else ''}{suffix}")
    if int8:
        from lgnet_ros.evaluation.quantizing import export_quantized  # needs the extra `train`

        artefact = export_quantized(network, folder, name, info, path, args.crops)
    else:
        artefact = exporter(network, folder, name, info)
    record = {"folder": str(folder), **asdict(artefact)}
    print(json.dumps(record, indent=2) if args.json else _as_text(folder, artefact))
    return 0


def _as_text(folder: Path, artefact: Artefact) -> str:
    made_with = ", ".join(f"{software} {version}" for software, version in artefact.versions.items())
    lines = [f"{folder}: {artefact.name} for {artefact.backend}, made with {made_with}"]
    lines += [f"  {name}  sha256 {sha256}" for name, sha256 in artefact.files.items()]
    if artefact.mpvpe_loss_mm is not None:
        lines.append(f"  {artefact.precision}: mean vertex error grew by {artefact.mpvpe_loss_mm} mm")
    return "\n".join(lines if artefact.weights else [*lines, "  untrained: an initialization"])
