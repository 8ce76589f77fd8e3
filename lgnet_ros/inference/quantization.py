"""A converted network with 8-bit products, calibrated on crops that the caller brings."""

from __future__ import annotations

import contextlib
import importlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.foreign import openvino
from lgnet_ros.inference.tracing import INPUTS

CALIBRATION_CROPS = 192
"""How many crops are enough."""

_PRODUCTS = ("Convolution", "GroupConvolution", "MatMul")


@dataclass(frozen=True)
class CalibrationCrops:
    """Crops (N, S, S, 3) uint8 RGB as the network will see them, and their focal lengths (N,) float32, px."""

    crops: np.ndarray
    focal_px: np.ndarray


def quantized(
    model: Any, calibration: CalibrationCrops, outputs: tuple[str, ...], exact: tuple[str, ...] = ()
) -> Any:
    """The model, an openvino.Model of one crop in float32, with 8-bit products (NNCF, after training).

    What gives cells, metres and rotations keeps its precision: everything between the last products and
    `outputs`, and those products themselves; and so do the modules that `exact` names.

    Raises:
        UserError: NNCF is missing.
    """
    nncf = _nncf()

    def feed(index: int) -> dict[str, np.ndarray]:
        chosen = slice(index, index + 1)
        return dict(zip(INPUTS, (calibration.crops[chosen], calibration.focal_px[chosen]), strict=True))

    count = len(calibration.crops)
    with contextlib.redirect_stdout(sys.stderr):  # its progress bars are no part of anyone's output
        return nncf.quantize(
            model,
            nncf.Dataset(range(count), feed),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=count,
            ignored_scope=nncf.IgnoredScope(
                names=sorted(exact_layers(model, outputs)),
                patterns=[rf"__module\.{name}/.*" for name in exact],
                validate=False,
            ),
            # With its treatment of transformers (smoothed activations) and with corrected biases, quantizing
            # this network has ended the process inside the CPU plugin of OpenVINO 2026.4.
            advanced_parameters=nncf.AdvancedQuantizationParameters(disable_bias_correction=True),
        )


def exact_layers(model: Any, outputs: tuple[str, ...]) -> set[str]:
    """The names of what lies between the last products and these outputs, and of those products."""
    names: set[str] = set()
    waiting = [port.get_node() for port in model.outputs if port.get_names() & set(outputs)]
    waiting = list(_sources(waiting))
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() in names or node.get_type_name() in ("Constant", "Parameter"):
            continue
        names.add(node.get_friendly_name())
        if node.get_type_name() not in _PRODUCTS:
            waiting.extend(_sources([node]))
    return names


def versions() -> dict[str, str]:
    """Of the software that quantizes.

    Raises:
        UserError: NNCF is missing.
    """
    return {"nncf": str(_nncf().__version__)}


def _sources(nodes: list[Any]) -> Iterator[Any]:
    return (port.get_source_output().get_node() for node in nodes for port in node.inputs())


def _nncf() -> ModuleType:
    openvino()  # without what tells others
    try:
        nncf = importlib.import_module("nncf")
    except ImportError as error:
        raise UserError(f"int8 needs NNCF to calibrate ({error}); pip install nncf") from None
    nncf.set_log_level(logging.ERROR)
    return nncf
