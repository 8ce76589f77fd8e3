"""Where the files that ship with the package lie: weights and configuration."""

from __future__ import annotations

import os
from pathlib import Path

from lgnet_ros.errors import UserError


def share_directory() -> Path:
    """The folder that holds `weights/` and `config/`.

    That is the source tree; or, installed by pip or colcon, share/lgnet_ros under the prefix that the package
    lies in; or the same under a prefix of AMENT_PREFIX_PATH.

    Raises:
        UserError: it is nowhere; the package is not installed as a whole.
    """
    package = Path(__file__).resolve().parent
    source_tree = package.parent
    # <prefix>/lib/python3.x/site-packages/lgnet_ros, unless the source tree lies too near the root for that.
    prefixes = [*package.parents[3:4], *(Path(prefix) for prefix in _ament_prefixes())]
    for candidate in (source_tree, *(prefix / "share" / "lgnet_ros" for prefix in prefixes)):
        if (candidate / "weights").is_dir():
            return candidate
    raise UserError(
        "lgnet_ros: no weights beside the package nor in AMENT_PREFIX_PATH; is the workspace sourced?"
    )


def weights_directory() -> Path:
    """The folder with the open hand model, the trained weights and their manifest."""
    return share_directory() / "weights"


def config_directory() -> Path:
    """The folder with parameter files and training recipes."""
    return share_directory() / "config"


def _ament_prefixes() -> list[str]:
    return [prefix for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
