"""Weights on disk: safetensors with what one must know about them, checked before they are used.

A file holds the tensors of a network's state dict, as float32, float16 or, for the large matrices, int8 per
output channel with a float32 scale beside it; they are float32 again once loaded. Its metadata name the
network's configuration, the hand model that it was trained on, and a hash over the tensors. `manifest.yaml`
lists the files that ship, with their SHA-256. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lgnet_ros.errors import UserError
from lgnet_ros.files import write_whole
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.accuracy import NetworkErrors
from lgnet_ros.network import LGNet, LGNetConfig

STORAGES = ("float32", "float16", "int8")
_METADATA_KEY = "lgnet_ros"
_FORMAT = 1
_SCALE = "::scale"  # appended to the name of an int8 tensor; no module is named like that
_NEVER_INT8 = "palms."  # published weights, which no training fits to what 8 bits make of them


@dataclass(frozen=True)
class WeightsInfo:
    """What a weights file says of itself.

    variant: full, light or nano. config: as `LGNetConfig.as_dict`. hand_model, hand_model_sha256: what the
    network was trained on. training_data, licence: in words. metrics: as the evaluation printed them.
    storage: see `STORAGES`. errors: `NetworkErrors` as they were fitted; none in files of before they were.
    """

    variant: str
    config: dict[str, Any]
    hand_model: str
    hand_model_sha256: str
    training_data: str
    licence: str
    metrics: dict[str, Any] = field(default_factory=dict)
    storage: str = "float32"
    errors: dict[str, float] = field(default_factory=dict)


def save_weights(
    path: Path | str,
    network: LGNet,
    variant: str,
    training_data: str,
    licence: str,
    metrics: dict[str, Any] | None = None,
    storage: str = "float16",
    errors: NetworkErrors | None = None,
) -> WeightsInfo:
    """Write a network's weights, all or nothing: an interrupted write leaves what was there before.

    errors: how wrong the network is, where that has been measured.

    Raises:
        UserError: no such storage.
    """
    if storage not in STORAGES:
        raise UserError(f"weights cannot be stored as '{storage}'; there are {', '.join(STORAGES)}")
    model = network.hand_model
    info = WeightsInfo(
        variant,
        network.config.as_dict(),
        model.name,
        model.sha256,
        training_data,
        licence,
        metrics or {},
        storage,
        errors.as_dict() if errors else {},
    )
    tensors = _stored(network.state_dict(), storage)
    header = {"format": _FORMAT, "tensors_sha256": _digest(tensors), **asdict(info)}
    write_whole(Path(path), save(tensors, {_METADATA_KEY: json.dumps(header, sort_keys=True)}))
    return info


def load_network(path: Path | str, hand_model: HandModel) -> tuple[LGNet, WeightsInfo]:
    """The network in a weights file, in evaluation mode on the CPU, float32.

    Raises:
        UserError: the file is missing, damaged, not ours, made for another network or another hand model.
    """
    path = Path(path)
    tensors, header = _read(path)
    if header.pop("format", None) != _FORMAT:
        raise UserError(
            f"{path}: weights of another format; this version of lgnet_ros reads format {_FORMAT}"
        )
    if header.pop("tensors_sha256", None) != _digest(tensors):
        raise UserError(f"{path}: the weights are damaged (their checksum is wrong); get the file again")
    try:
        info = WeightsInfo(**header)
    except TypeError as error:
        raise UserError(f"{path}: the description of the weights is incomplete: {error}") from error
    if info.hand_model_sha256 != hand_model.sha256:
        raise UserError(
            f"{path}: trained on the hand model '{info.hand_model}' ({info.hand_model_sha256[:8]}), not on "
            f"'{hand_model.name}' ({hand_model.sha256[:8]}); choose two that belong together"
        )
    network = LGNet(LGNetConfig.from_dict(info.config), hand_model)
    _fill(network, _restored(tensors), path, info)
    return network.eval(), info


def read_info(path: Path | str) -> WeightsInfo:
    """What a weights file says of itself, without checking its tensors.

    Raises:
        UserError: the file is missing or not ours.
    """
    _, header = _read(Path(path), tensors=False)
    known = {name: value for name, value in header.items() if name not in ("format", "tensors_sha256")}
    try:
        return WeightsInfo(**known)
    except TypeError as error:
        raise UserError(f"{path}: the description of the weights is incomplete: {error}") from error


def _fill(network: LGNet, state: dict[str, Tensor], path: Path, info: WeightsInfo) -> None:
    expected = network.state_dict()
    wrong = sorted(expected.keys() ^ state.keys())
    wrong += [name for name in expected.keys() & state.keys() if expected[name].shape != state[name].shape]
    if wrong:
        raise UserError(
            f"{path}: not weights of LGNet {info.variant}: {len(wrong)} tensors differ, first '{wrong[0]}'"
        )
    network.load_state_dict(state)


def _read(path: Path, tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if path.is_dir():
        raise UserError(f"{path}: a folder, as of an exported network; give its .safetensors file")
    if not path.is_file():
        raise UserError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_METADATA_KEY])
            return {name: file.get_tensor(name) for name in file.keys()} if tensors else {}, header  # noqa: SIM118
    except KeyError as error:
        raise UserError(f"{path}: a safetensors file, but not weights of lgnet_ros") from error
    except (SafetensorError, ValueError, OSError) as error:
        raise UserError(f"{path}: not a readable weights file ({error})") from error


def _stored(state: dict[str, Tensor], storage: str) -> dict[str, Tensor]:
    stored: dict[str, Tensor] = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu().contiguous()
        matrix = tensor.is_floating_point() and tensor.dim() >= 2
        in_bytes = name.endswith(".weight") and not name.startswith(_NEVER_INT8)
        if storage == "int8" and matrix and in_bytes:
            stored[name], stored[name + _SCALE] = _quantized(tensor)
        elif storage != "float32" and matrix:
            stored[name] = tensor.half()
        else:  # vectors (norms, biases) are small, and running variances do not fit into float16
            stored[name] = tensor
    return stored


def _quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 values and the float32 scale of each output channel, symmetric."""
    peak = weight.flatten(1).abs().amax(1).clamp(min=1e-12)
    scale = (peak / 127).view(-1, *[1] * (weight.dim() - 1))
    return (weight / scale).round().clamp(-127, 127).to(torch.int8), scale


def _restored(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    state = {}
    for name, tensor in tensors.items():
        if name.endswith(_SCALE):
            continue
        scale = tensors.get(name + _SCALE)
        tensor = tensor.float() if tensor.is_floating_point() or scale is not None else tensor
        state[name] = tensor if scale is None else tensor * scale
    return state


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
