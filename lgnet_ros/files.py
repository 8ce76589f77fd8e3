"""Files that are whole or not there: written beside their place, then renamed. And their natural order."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from lgnet_ros.errors import UserError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what shall become `path` when the block ends well; else what was there stays.

    Missing folders are made. The other name has the same suffix, by which writers know the format.

    Raises:
        UserError: the disk is full, or the folder cannot be made or written to.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Before long work whose result goes to `path`; its folder is made.

    Raises:
        UserError: the folder cannot be made or written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    if path.is_dir():
        raise UserError(f"{path}: cannot be written (it is a folder)")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{path}: cannot be written (its folder may not be written to)")


def make_folder(folder: Path) -> None:
    """The folder and those above it, unless they are there.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: the folder cannot be made ({error.strerror})") from None


def natural_order(path: Path) -> list[tuple[int, int | str]]:
    """A key to sort by: digits compare as numbers, so that frame_2 comes before frame_10."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def write_whole(path: Path, content: bytes) -> None:
    """`content` as the file `path`; see `whole_file`."""
    with whole_file(path) as part:
        part.write_bytes(content)
