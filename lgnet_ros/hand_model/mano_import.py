"""Turns the official MANO pickles into the plain arrays that the rest of the package loads."""

from __future__ import annotations

import os
from pathlib import Path

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model.array_pickle import read_arrays
from lgnet_ros.hand_model.model import MANO_FILES, with_left_shape_signs
from lgnet_ros.hand_model.storage import arrays_from_members, save_arrays

OFFICIAL_FILES = ("MANO_RIGHT.pkl", "MANO_LEFT.pkl")
LICENCE_URL = "https://mano.is.tue.mpg.de/license.html"


def default_mano_directory() -> Path:
    """Where imported MANO files go: the user's data folder (XDG), not the package."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "lgnet_ros" / "mano"


def import_mano(source: Path, target: Path) -> tuple[Path, Path]:
    """Read both official pickles from `source` and write them to `target` as .npz, right and left.

    The left hand's shape directions are put right where they have the known sign defect. Nothing is written
    unless both hands are whole.

    Raises:
        UserError: a file is missing, not a whole pickle, asks for anything but arrays, or is not a MANO hand.
    """
    if not source.is_dir():
        raise UserError(f"{source}: no such folder; it should hold {' and '.join(OFFICIAL_FILES)}")
    right, left = (
        arrays_from_members(read_arrays(source / name), str(source / name)) for name in OFFICIAL_FILES
    )
    written = (target / MANO_FILES[0], target / MANO_FILES[1])
    try:
        save_arrays(written[0], right)
        save_arrays(written[1], with_left_shape_signs(left, right))
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror})") from None
    return written
