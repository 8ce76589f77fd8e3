"""The pictures and the noise that all scenes of a split draw from: made once per process, the same in
each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from lgnet_ros.data.synthetic.patterns import PATTERNS, SIZE
from lgnet_ros.data.synthetic.settings import SPLITS
from lgnet_ros.data.synthetic.shading import Textures
from lgnet_ros.errors import UserError

_BANK_SIZE = 60
_LEVELS = 4
_ON_SURFACES = 1
_NOISE_SIZE = 64
_PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png"}


@lru_cache(maxsize=4)
def texture_bank(split: str, background_folder: str | None = None) -> Textures:
    """Pictures of a split, and the photographs of a folder, if one is given, behind them.

    Raises:
        UserError: the folder is missing, or holds no readable photograph.
    """
    kinds = PATTERNS[split]
    seeds = np.random.SeedSequence([7012, SPLITS.index(split)]).spawn(_BANK_SIZE)
    pictures = [
        kinds[k % len(kinds)](np.random.Generator(np.random.SFC64(seed))) for k, seed in enumerate(seeds)
    ]
    if background_folder is not None:
        pictures += _photographs(Path(background_folder))
    levels = [np.stack(pictures)]
    for _ in range(_LEVELS - 1):
        half = levels[-1].shape[1] // 2
        levels.append(
            np.stack([cv2.resize(p, (half, half), interpolation=cv2.INTER_AREA) for p in levels[-1]])
        )
    return Textures(len(pictures), tuple(zip(*levels, strict=True)), levels[_ON_SURFACES], noise_volume())


def linear_from_srgb(values: np.ndarray) -> np.ndarray:
    """sRGB values 0 to 255 as linear light 0 to 1 (IEC 61966-2-1), float32."""
    scaled = np.asarray(values, np.float64) / 255.0
    return np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4).astype(np.float32)


@lru_cache(maxsize=1)
def noise_volume() -> np.ndarray:
    """(64³, 4) int8 of noise that falls off with frequency and repeats: brightness and normal."""
    rng = np.random.default_rng(20241)
    frequency = np.fft.fftfreq(_NOISE_SIZE) * _NOISE_SIZE
    radius = np.sqrt(sum(np.square(f) for f in np.meshgrid(frequency, frequency, frequency, indexing="ij")))
    channels = []
    for slope in (1.3, 1.1, 1.1, 1.1):
        spectrum = np.fft.fftn(rng.standard_normal((_NOISE_SIZE,) * 3)) / np.maximum(radius, 1.0) ** slope
        spectrum[0, 0, 0] = 0
        field = np.fft.ifftn(spectrum).real
        channels.append(np.clip(field / (3.0 * field.std()), -1, 1) * 127)
    cells = np.stack(channels, axis=-1).astype(np.int8)
    bricks = cells.reshape(32, 2, 32, 2, 16, 4, 4).transpose(0, 2, 4, 1, 3, 5, 6)  # see `lookups.cell`
    return np.ascontiguousarray(bricks).reshape(-1, 4)


def _photographs(folder: Path) -> list[np.ndarray]:
    if not folder.is_dir():
        raise UserError(f"background folder {folder}: no such folder")
    pictures = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in _PHOTO_SUFFIXES):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is not None:
            side = min(picture.shape[:2])
            square = picture[(picture.shape[0] - side) // 2 :, (picture.shape[1] - side) // 2 :][:side, :side]
            pictures.append(
                cv2.cvtColor(
                    cv2.resize(square, (SIZE, SIZE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB
                )
            )
    if not pictures:
        raise UserError(f"background folder {folder}: no JPEG or PNG in it that can be read")
    return pictures
