"""LGNet as an ONNX file, for runtimes that are not ours."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import torch

from lgnet_ros.errors import UserError
from lgnet_ros.inference.artefacts import Artefact, write_artefact
from lgnet_ros.inference.tracing import INPUTS, PREDICTED, traced_portably
from lgnet_ros.inference.weights import WeightsInfo
from lgnet_ros.network import LGNet

BACKEND = "onnx"
SUFFIX = ".onnx"
"""Of an artefact's folder."""

_MODEL_FILE = "model.onnx"
_NEEDED = ("onnx", "onnxscript")


def export_onnx(network: LGNet, folder: Path, name: str, info: WeightsInfo | None) -> Artefact:
    """Convert into an artefact's folder: `model.onnx`, inputs `INPUTS`, outputs `PREDICTED`, any batch size.

    Raises:
        UserError: packages are missing, or the folder cannot be written.
    """
    versions = {"torch": str(torch.__version__)}
    for package in _NEEDED:
        try:
            versions[package] = importlib.import_module(package).__version__
        except ImportError:
            raise UserError(f"export to ONNX needs {package}: pip install {' '.join(_NEEDED)}") from None

    def write(part: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's own deprecations
            program = torch.onnx.export(
                traced_portably(network), input_names=INPUTS, output_names=PREDICTED, verbose=False
            )
        program.save(part / _MODEL_FILE)

    return write_artefact(folder, BACKEND, network, name, info, versions, write)
