"""`lgnet summary`: parameters and multiply-accumulates of each variant and module."""

from __future__ import annotations

import argparse
import json

from lgnet_ros.hand_model import HandModel
from lgnet_ros.network.config import VARIANTS, LGNetConfig
from lgnet_ros.network.summary import Size, summarize

HELP = "parameters and operations of each variant"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("variant", nargs="*", help=f"{', '.join(VARIANTS)}; by default all of them")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> int:
    """Print the sizes of the variants asked for."""
    hand_model = HandModel.load()
    variants = args.variant or VARIANTS
    configs = {variant: LGNetConfig.preset(variant) for variant in variants}
    sizes = {variant: summarize(config, hand_model) for variant, config in configs.items()}
    if args.json:
        print(json.dumps({variant: _as_json(parts) for variant, parts in sizes.items()}, indent=2))
        return 0
    for variant, parts in sizes.items():
        print(_as_table(variant, configs[variant], parts))
    return 0


def _as_json(parts: dict[str, Size]) -> dict[str, object]:
    modules = {name: size._asdict() for name, size in parts.items() if name != "total"}
    return {**parts["total"]._asdict(), "modules": modules}


def _as_table(variant: str, config: LGNetConfig, parts: dict[str, Size]) -> str:
    head = f"{variant}: {config.backbone.value}, {config.input_size} px, c = {config.channels}"
    line = "  {:<30} {:9.3f} M {:9.3f} GMAC".format
    rows = [line(name, size.parameters / 1e6, size.gmac) for name, size in parts.items()]
    return "\n".join([head, *rows, ""])
