"""Rendered samples on disk: shards that are there whole or not at all, so that a stopped run can go on.

A data set is a folder with `dataset.json` (what it was made from) and `shard-00000.npz` and so on. A shard
holds the arrays of `CropSample.to_target()` stacked over its samples, `visibility`, the images as JPEG and
the masks as PNG, each kind as one `bytes` array with the `ends` of its files.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np

from lgnet_ros.data.augment import CropSample
from lgnet_ros.errors import UserError
from lgnet_ros.files import make_folder, write_whole

SHARD_SIZE = 256
_QUALITY = 95
_DESCRIPTION = "dataset.json"


def prepare_folder(folder: Path, description: dict[str, object]) -> None:
    """Makes the folder, or checks that the one that is there was begun with the same description.

    Raises:
        UserError: it holds another data set, or cannot be written to.
    """
    make_folder(folder)
    path = folder / _DESCRIPTION
    if not path.exists():
        write_whole(path, json.dumps(description, indent=1).encode())
        return
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); remove the folder or take another") from None
    differing = [key for key in description if found.get(key) != description[key]]
    if differing:
        raise UserError(
            f"{folder}: holds a data set with another {', '.join(differing)}; "
            "take another folder or the same arguments"
        )


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{number:05d}.npz"


def missing_shards(folder: Path, count: int) -> list[range]:
    """The index ranges of the shards that are not there yet, or hold fewer samples than they should, of a
    data set of `count` samples.
    """
    shards = [range(start, min(start + SHARD_SIZE, count)) for start in range(0, count, SHARD_SIZE)]
    return [shard for shard in shards if _held(shard_path(folder, shard.start // SHARD_SIZE)) < len(shard)]


def _held(path: Path) -> int:
    """How many samples a shard holds; none if it is not there, or damaged."""
    try:
        with np.load(path) as shard:
            return len(shard["keys"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return 0


def write_shard(folder: Path, number: int, samples: list[CropSample]) -> Path:
    """Writes samples as one shard.

    Raises:
        UserError: the disk is full, or the folder is not writable.
    """
    targets = [sample.to_target() for sample in samples]
    arrays = {name: np.stack([target[name] for target in targets]) for name in targets[0]}
    arrays["visibility"] = np.stack([sample.visibility for sample in samples])
    arrays["keys"] = np.array([sample.key for sample in samples])
    images = [_encoded(".jpg", cv2.cvtColor(sample.image, cv2.COLOR_RGB2BGR)) for sample in samples]
    masks = [_encoded(".png", sample.mask) for sample in samples]
    for name, files in (("image", images), ("mask", masks)):
        arrays[f"{name}_bytes"] = np.concatenate([np.frombuffer(data, np.uint8) for data in files])
        arrays[f"{name}_ends"] = np.cumsum([len(data) for data in files])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path = shard_path(folder, number)
    write_whole(path, buffer.getvalue())
    return path


def read_shard(path: Path) -> dict[str, np.ndarray]:
    """A shard's arrays, with `images` (N, S, S, 3) uint8 RGB and `masks` (N, S, S) uint8.

    Raises:
        UserError: not a shard.
    """
    try:
        with np.load(path) as data:
            arrays = {name: data[name] for name in data.files}
        images, masks = (_decoded(arrays, name, flag) for name, flag in _KINDS)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not a shard of a synthetic data set ({error})") from None
    return {**arrays, "images": images[..., ::-1], "masks": masks}


_KINDS = (("image", cv2.IMREAD_COLOR), ("mask", cv2.IMREAD_GRAYSCALE))


def _encoded(suffix: str, picture: np.ndarray) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY] if suffix == ".jpg" else []
    return cv2.imencode(suffix, picture, options)[1].tobytes()


def _decoded(arrays: dict[str, np.ndarray], name: str, flag: int) -> np.ndarray:
    files = np.split(arrays.pop(f"{name}_bytes"), arrays.pop(f"{name}_ends")[:-1])
    return np.stack([cv2.imdecode(data, flag) for data in files])
