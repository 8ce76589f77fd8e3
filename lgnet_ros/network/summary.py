"""How large LGNet is: parameters and multiply-accumulates of each module, counted on one forward pass."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from lgnet_ros.hand_model import HandModel
from lgnet_ros.network.config import LGNetConfig
from lgnet_ros.network.lgnet import LGNet


class Size(NamedTuple):
    """Parameters, and 10⁹ multiply-accumulates for one crop (1 MAC = 2 FLOPs)."""

    parameters: int
    gmac: float


def summarize(config: LGNetConfig, hand_model: HandModel) -> dict[str, Size]:
    """The size of the whole network, under "total", and of its parts, by name; they add up to it.

    Counts matrix products, convolutions and attention, the hand model's included; sums over neighbors, norms
    and activations are not multiplications by weights and stay out.
    """
    net = LGNet(config, hand_model).eval()
    images = torch.zeros(1, 3, config.input_size, config.input_size)
    with torch.no_grad(), FlopCounterMode(display=False, depth=99) as counter:
        net(images, torch.full((1,), float(config.input_size)))
    flops = {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    modules = {name: module for name, module in net.named_children() if name != "hand_model"}
    parts = {
        name: Size(_parameters(module), sum(_prefixed(flops, f"LGNet.{name}")) / 2e9)
        for name, module in modules.items()
    }
    total = Size(_parameters(net), flops["Global"] / 2e9)
    inside = [sum(column) for column in zip(*parts.values(), strict=True)]
    parts["embedding and joint regressor"] = Size(total.parameters - inside[0], total.gmac - inside[1])
    return {"total": total} | parts


def _parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _prefixed(flops: dict[str, int], path: str) -> list[int]:
    """The counts at `path`, or, where it is a container that never runs itself, those of what it holds."""
    if path in flops:
        return [flops[path]]
    inside = [name for name in flops if name.startswith(f"{path}.")]
    outermost = [name for name in inside if not any(name.startswith(f"{other}.") for other in inside)]
    return [flops[name] for name in outermost]
