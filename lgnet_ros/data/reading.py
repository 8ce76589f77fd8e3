"""Reading what datasets are made of, with one rule for what cannot be read.

The rule, for every dataset of this package:

- An **annotation file** that is missing or malformed stops the run: nothing sensible can follow
  (`UserError`).
- A **single sample** that cannot be read (a missing or corrupt image or mesh, an image too dark to be of use)
  is skipped, named in one warning and counted (`readable_samples`); with `stop_on_bad=True` it stops the run
  instead.
- An **annotation without a hand** never becomes a sample: it is left out of the index and counted in
  `left_out`.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from lgnet_ros.data.sample import HandSample
from lgnet_ros.errors import UserError

_log = logging.getLogger(__name__)


class UnreadableSample(Exception):
    """One sample cannot be had; the message is one line that names the file."""


class HandDataset(Protocol):
    """What training and evaluation need of a dataset."""

    name: str

    def __len__(self) -> int: ...

    def load(self, index: int) -> HandSample:
        """The sample at `index`; raises `UnreadableSample` if its files cannot be read."""
        ...


def readable_samples(
    dataset: HandDataset, indices: Iterable[int] | None = None, stop_on_bad: bool = False
) -> Iterator[HandSample]:
    """The samples that can be read, in the order of `indices`; the others are logged and counted.

    Raises:
        UserError: `stop_on_bad` and a sample cannot be read, or not a single one of them could be.
    """
    read = skipped = 0
    for index in range(len(dataset)) if indices is None else indices:
        try:
            sample = dataset.load(index)
        except UnreadableSample as reason:
            if stop_on_bad:
                raise UserError(str(reason)) from reason
            _log.warning("skipped: %s", reason)
            skipped += 1
            continue
        read += 1
        yield sample
    if skipped:
        _log.warning("%s: %d of %d samples skipped", dataset.name, skipped, read + skipped)
        if not read:
            raise UserError(
                f"{dataset.name}: none of {skipped} samples could be read; is the images' folder right?"
            )


def next_readable(dataset: HandDataset, index: int, tries: int = 50) -> HandSample:
    """The sample at `index`, or the next one that can be read (for training, where the count must not
    change).

    Raises:
        UserError: `tries` samples in a row cannot be read.
    """
    for step in range(tries):
        try:
            return dataset.load((index + step) % len(dataset))
        except UnreadableSample as reason:
            _log.warning("skipped: %s", reason)
            last = reason
    raise UserError(f"{dataset.name}: {tries} samples in a row cannot be read, the last one: {last}")


def read_image(path: Path) -> np.ndarray:
    """An image as (H, W, 3) uint8 RGB, its EXIF orientation ignored (annotations refer to the stored pixels).

    Raises:
        UnreadableSample: the file is missing or is no image.
    """
    if not path.is_file():
        raise UnreadableSample(f"{path}: image file is missing")
    image = None
    with contextlib.suppress(cv2.error):  # more pixels than OpenCV takes
        image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise UnreadableSample(f"{path}: not a readable image")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_json(path: Path) -> Any:
    """A JSON annotation file.

    Raises:
        UserError: it is missing or malformed.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        raise UserError(
            f"{path}: annotation file is missing; see docs/training.md for the expected layout"
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as reason:
        raise UserError(f"{path}: annotation file cannot be read ({reason})") from reason


def read_ply_vertices(path: Path) -> np.ndarray:
    """The vertices (N, 3) float32 of an ASCII or binary PLY mesh.

    Raises:
        UnreadableSample: the file is missing, is no PLY, or is cut short.
    """
    if not path.is_file():
        raise UnreadableSample(f"{path}: mesh file is missing")
    head, found, rest = path.read_bytes().partition(b"end_header")
    _, _, body = rest.partition(b"\n")
    lines = head.decode("ascii", errors="replace").splitlines()
    if not found or lines[:1] != ["ply"]:
        raise UnreadableSample(f"{path}: not a PLY mesh")
    try:
        encoding, count, fields = _ply_vertex_layout(lines)
        table = _ply_table(body, encoding, count, fields)
        return np.stack([table[axis] for axis in "xyz"], axis=-1).astype(np.float32)
    except (ValueError, KeyError, IndexError) as reason:
        raise UnreadableSample(f"{path}: PLY mesh cannot be read ({reason})") from reason


_PLY_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip


def _ply_vertex_layout(header: list[str]) -> tuple[str, int, list[tuple[str, str]]]:
    """Encoding, number of vertices and their (name, type) fields; `vertex` must be the first element."""
    encoding, count, fields, element = "", 0, [], ""
    for words in (line.split() for line in header):
        if words[:1] == ["format"]:
            encoding = words[1]
        elif words[:1] == ["element"]:
            if words[1] != "vertex" and not element:
                raise ValueError("its first element is not 'vertex'")
            element = words[1]
            count = int(words[2]) if element == "vertex" else count
        elif words[:1] == ["property"] and element == "vertex":
            fields.append((words[2], _PLY_TYPES[words[1]]))
    return encoding, count, fields


def _ply_table(body: bytes, encoding: str, count: int, fields: list[tuple[str, str]]) -> np.ndarray:
    names = [name for name, _ in fields]
    if encoding == "ascii":
        rows = np.array([line.split()[: len(names)] for line in body.splitlines()[:count]], dtype=np.float64)
        if rows.shape != (count, len(names)):
            raise ValueError(f"{len(rows)} of {count} vertices")
        return np.rec.fromarrays(rows.T, names=names)
    order = {"binary_little_endian": "<", "binary_big_endian": ">"}[encoding]
    layout = np.dtype([(name, order + kind) for name, kind in fields])
    return np.frombuffer(body, dtype=layout, count=count)
