"""The convolutions of a TensorFlow Lite network, read by OpenVINO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lgnet_ros.errors import UserError
from lgnet_ros.foreign import openvino


def convolutions(path: Path) -> dict[str, Tensor]:
    """Weights and biases, "0.weight", "0.bias", "1.weight" … in the order in which an image passes them, as
    `torch.nn.Conv2d` has them: (outputs, inputs per group, k, k) and (outputs,).

    Raises:
        UserError: OpenVINO is not installed, or the file is no such network.
    """
    model, found = _model(path), dict[str, Tensor]()
    for order, node in enumerate(_operations(model, "Convolution", "GroupConvolution")):
        weight = _constant(node.input_value(1))
        if node.get_type_name() == "GroupConvolution":  # (groups, outputs per group, …)
            weight = weight.reshape(-1, *weight.shape[2:])
        found[f"{order}.weight"] = torch.from_numpy(weight)
        found[f"{order}.bias"] = torch.from_numpy(_bias_after(node).reshape(-1))
    return found


def slopes(path: Path) -> list[Tensor]:
    """Those of its PReLUs, (channels,) each, in the order in which an image passes them.

    Raises:
        UserError: as `convolutions`.
    """
    model = _model(path)
    return [
        torch.from_numpy(_constant(node.input_value(1)).reshape(-1)) for node in _operations(model, "PRelu")
    ]


def _model(path: Path) -> Any:
    """As OpenVINO has it; it has to be held for as long as its operations are asked about each other."""
    core = openvino().Core()
    try:
        return core.read_model(path)
    except RuntimeError as reason:
        raise UserError(f"{path}: not a TensorFlow Lite network ({str(reason).splitlines()[0]})") from reason


def _operations(model: Any, *kinds: str) -> list[Any]:
    return [node for node in model.get_ordered_ops() if node.get_type_name() in kinds]


def _bias_after(node: object) -> np.ndarray:
    """What is added to a convolution's output, behind the change of its layout."""
    while node.get_type_name() != "Add":
        node = next(iter(node.output(0).get_target_inputs())).get_node()
    constant = [value for value in node.input_values() if _is_constant(value)]
    return _constant(constant[0])


def _is_constant(output: object) -> bool:
    node = output.get_node()
    while node.get_type_name() != "Constant":
        if node.get_input_size() == 0 or node.get_type_name() not in (
            "Convert",
            "Transpose",
            "Reshape",
            "Unsqueeze",
        ):
            return False
        node = node.input_value(0).get_node()
    return True


def _constant(output: object) -> np.ndarray:
    """The float32 value of an output that depends on constants alone."""
    node = output.get_node()
    kind = node.get_type_name()
    if kind == "Constant":
        return np.array(node.get_data(), np.float32)
    value = _constant(node.input_value(0))
    if kind == "Convert":
        return value
    if kind == "Transpose":
        return np.ascontiguousarray(value.transpose(_constant(node.input_value(1)).astype(int)))
    return value.reshape([int(size) for size in output.get_shape()])  # Reshape, Unsqueeze
