"""What a network's weights start from: a seed, a published backbone, or an earlier stage's network."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.weights import load_network
from lgnet_ros.network import LGNet
from lgnet_ros.network.pretrained import load_published
from lgnet_ros.training.checkpoints import read_checkpoint
from lgnet_ros.training.recipe import Recipe

_log = logging.getLogger(__name__)
_PREFIX = "network."


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
        _log.info("%s", load_stage(network, recipe.start_from))
    return network.to(memory_format=torch.channels_last)


def network_state(checkpoint: Path) -> tuple[dict[str, torch.Tensor], int]:
    """The averaged weights in a checkpoint of this package, and the step it was saved in.

    Raises:
        UserError: the checkpoint is missing or damaged.
    """
    content = read_checkpoint(checkpoint)
    held = content["state_dict"]
    state = {name.removeprefix(_PREFIX): value for name, value in held.items() if name.startswith(_PREFIX)}
    return state, int(content["global_step"])


def load_stage(network: LGNet, earlier: Path) -> str:
    """Takes over whatever an earlier stage's checkpoint, or a weights file, has under the same name and
    shape; returns a line on what it had not.

    Raises:
        UserError: the file cannot be read, or holds nothing that fits.
    """
    if earlier.suffix == ".safetensors":
        state = load_network(earlier, network.hand_model)[0].state_dict()
    else:
        state, _ = network_state(earlier)
    wanted = network.state_dict()
    fitting = {
        name: value for name, value in state.items() if name in wanted and value.shape == wanted[name].shape
    }
    if not fitting:
        raise UserError(f"{earlier}: nothing in it fits the network of this recipe")
    network.load_state_dict(fitting, strict=False)
    return f"{earlier}: {len(fitting)} of {len(wanted)} tensors taken over; the others start anew"
