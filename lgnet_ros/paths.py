"""Where the files that ship with the package lie: weights and configuration."""

from __future__ import annotations

import os
from pathlib import Path

from lgnet_ros.errors import UserError


def share_directory() -> Path:
    """The folder that holds `weights/` and `config/`: the source tree, or ROS's share folder when installed.

    Raises:
        UserError: neither is there; the package is not installed as a whole.
    """
    source_tree = Path(__file__).resolve().parents[1]
    installed = (Path(prefix) / "share" / "lgnet_ros" for prefix in _ament_prefixes())
    for candidate in (source_tree, *installed):
        if (candidate / "weights").is_dir():
            return candidate
    raise UserError(
        "lgnet_ros: no weights folder beside the package nor in AMENT_PREFIX_PATH; source the workspace's setup file"
    )


def weights_directory() -> Path:
    """The folder with the open hand model, the trained weights and their manifest."""
    return share_directory() / "weights"


def config_directory() -> Path:
    """The folder with parameter files and training recipes."""
    return share_directory() / "config"


def _ament_prefixes() -> list[str]:
    return [prefix for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
