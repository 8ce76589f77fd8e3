"""Weights as they are published: for the backbone those of ImageNet, or of MediaPipe's hands; its palms."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lgnet_ros.errors import UserError
from lgnet_ros.network.backbone import ResNet50
from lgnet_ros.network.efficientnet import EfficientNetLite0
from lgnet_ros.network.palms import Palms
from lgnet_ros.network.tflite import convolutions, slopes


def load_published(backbone: ResNet50 | EfficientNetLite0, path: Path | str) -> str:
    """Copy the weights that fit into the backbone.

    Args:
        backbone: changed in place.
        path: torchvision's state dict of a ResNet-50, `.safetensors` or `.pth`, no code in which is run; or,
            for an EfficientNet-Lite0, `hand_landmark_full.tflite`, which mediapipe 0.10.21's wheel carries.

    Returns:
        One line: how many tensors were taken, and which were not, on either side.

    Raises:
        UserError: the file is missing or unreadable, or nothing in it fits.
    """
    published = _read(Path(path))
    source = backbone.from_published(published)
    wanted = backbone.state_dict()
    fits = {name for name, value in wanted.items() if name in source and source[name].shape == value.shape}
    if not fits:
        raise UserError(f"{path}: none of its {len(published)} tensors fits; is it of the same backbone?")
    backbone.load_state_dict({name: source[name] for name in fits}, strict=False)
    missing = wanted.keys() - source.keys()
    misshapen = (wanted.keys() & source.keys()) - fits
    surplus = source.keys() - wanted.keys()
    parts = {"not in the file": missing, "of another shape": misshapen, "not in the backbone": surplus}
    notes = [f"; {label}: {_listed(names)}" for label, names in parts.items() if names]
    return f"{path}: {len(fits)} of {len(wanted)} backbone tensors loaded" + "".join(notes)


def published_palms(path: Path) -> Palms:
    """MediaPipe's palm detection, from `palm_detection_lite.tflite`, which mediapipe 0.10.21's wheel carries.

    Raises:
        UserError: the file is missing, or holds another network.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file of a palm detection")
    palms = Palms()
    try:
        palms.load_published(convolutions(path), slopes(path))
    except ValueError as error:
        raise UserError(f"{path}: not MediaPipe's palm_detection_lite ({error})") from error
    return palms.eval()


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"{path}: no such file of backbone weights")
    if path.suffix == ".tflite":
        return convolutions(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        source = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not a state dict of tensors alone ({reason})") from error
    if not isinstance(source, dict) or not all(isinstance(value, Tensor) for value in source.values()):
        raise UserError(f"{path}: not a state dict of tensors")
    return source


def _listed(names: set[str], most: int = 4) -> str:
    shown = ", ".join(sorted(names)[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
