"""What a network's weights start from: a seed, a published backbone, or an earlier stage's network."""

from __future__ import annotations

import logging
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import nn

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.weights import load_network
from lgnet_ros.network import LGNet
from lgnet_ros.network.pretrained import load_published
from lgnet_ros.training.checkpoints import read_checkpoint
from lgnet_ros.training.recipe import Recipe

_log = logging.getLogger(__name__)


def initialized_network(recipe: Recipe, hand_model: HandModel) -> LGNet:
    """The recipe's network as training begins, the same every time; the caller's random state stays as it is.

    Raises:
        UserError: weights to start from cannot be read or fit nowhere.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = LGNet(recipe.network_config(), hand_model)
    if recipe.backbone_weights is not None:
        _log.info("%s", load_published(network.backbone, recipe.backbone_weights))
    if recipe.start_from is not None:
        _log.info("%s", load_stage(network, recipe.start_from, recipe.taken_over))
    return network.to(memory_format=torch.channels_last)


def network_state(checkpoint: Path) -> tuple[dict[str, torch.Tensor], int]:
    """The averaged weights in a checkpoint of this package, and the step it was saved in.

    Raises:
        UserError: the checkpoint is missing or damaged.
    """
    content = read_checkpoint(checkpoint)
    return _below("network.", content["state_dict"]), int(content["global_step"])


def load_parts(parts: nn.Module, earlier: Path) -> None:
    """Takes over an earlier stage's parts head, if its checkpoint has one that fits: an untrained one would
    first teach the backbone to forget. A weights file has none.

    Raises:
        UserError: the checkpoint is missing or damaged.
    """
    if earlier.suffix != ".safetensors":
        held = read_checkpoint(earlier)["state_dict"]
        parts.load_state_dict(_fitting(_below("parts.", held), parts), strict=False)


def named_parts(network: LGNet, key: str, patterns: tuple[str, ...]) -> dict[str, nn.Module]:
    """The parts of the network that a recipe's `key` names; in a pattern * stands for anything.

    Raises:
        UserError: a pattern names none.
    """
    parts: dict[str, nn.Module] = {}
    for pattern in patterns:
        found = {name: part for name, part in network.named_modules() if fnmatchcase(name, pattern)}
        if not found:
            raise UserError(f"{key}: the network has no part '{pattern}'")
        parts |= found
    return parts


def load_stage(network: LGNet, earlier: Path, parts: tuple[str, ...] = ()) -> str:
    """Takes over whatever an earlier stage's checkpoint, or a weights file, has under the same name and
    shape, of these parts of the network or of all; returns a line on what it had not.

    Raises:
        UserError: the file cannot be read, or holds nothing that fits; the network has no such part.
    """
    names = tuple(f"{name}." for name in named_parts(network, "taken_over", parts))
    if earlier.suffix == ".safetensors":
        state = load_network(earlier, network.hand_model)[0].state_dict()
    else:
        state, _ = network_state(earlier)
    fitting = _fitting(state, network)
    if parts:
        fitting = {name: value for name, value in fitting.items() if name.startswith(names)}
    if not fitting:
        raise UserError(f"{earlier}: nothing in it fits the network of this recipe")
    network.load_state_dict(fitting, strict=False)
    return (
        f"{earlier}: {len(fitting)} of {len(network.state_dict())} tensors taken over; the others start anew"
    )


def _below(prefix: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _fitting(state: dict[str, torch.Tensor], module: nn.Module) -> dict[str, torch.Tensor]:
    """What the module has under the same name and shape."""
    wanted = module.state_dict()
    return {
        name: value for name, value in state.items() if name in wanted and value.shape == wanted[name].shape
    }
