"""LGNet as an ONNX file, for runtimes that are not ours."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import torch

from lgnet_ros.errors import UserError
from lgnet_ros.inference.artefacts import Artefact, require_replaceable, write_artefact
from lgnet_ros.inference.tracing import traced_portably
from lgnet_ros.inference.weights import WeightsInfo
from lgnet_ros.network import LGNet

BACKEND = "onnx"
SUFFIX = ".onnx"
"""Of an artefact's folder."""

_NEEDED = ("onnx", "onnxscript")


def export_onnx(network: LGNet, folder: Path, name: str, info: WeightsInfo | None) -> Artefact:
    """Convert into an artefact's folder: `model.onnx`, inputs `INPUTS`, outputs `PREDICTED`, any batch size;
    and, if the network knows them, `centers.onnx`, from "image" (1, 288, 384, 3) uint8 RGB to the "maps"
    (1, 6, 18, 24) of `HandCenters`, and `palms.onnx`, from "image" (1, 192, 192, 3) uint8 RGB to the "hands"
    (1, 2016, 6) of `Palms`.

    Raises:
        UserError: packages are missing; the folder cannot be written, or holds something else.
    """
    require_replaceable(folder)
    versions = {"torch": str(torch.__version__)}
    for package in _NEEDED:
        try:
            versions[package] = importlib.import_module(package).__version__
        except ImportError:
            raise UserError(f"export to ONNX needs {package}: pip install {' '.join(_NEEDED)}") from None

    def write(part: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's own deprecations
            for name, (program, inputs, outputs) in traced_portably(network).items():
                model = torch.onnx.export(program, input_names=inputs, output_names=outputs, verbose=False)
                model.save(part / f"{name}.onnx")

    return write_artefact(folder, BACKEND, network, name, info, versions, write)
