"""What a synthetic image depends on besides its seed and index, and the random streams that follow from
them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from lgnet_ros.data.synthetic.mixtures import MIXTURES, Mixture
from lgnet_ros.errors import UserError

SPLITS = ("train", "validation", "test")
_PURPOSES = ("scene", "crop", "frame noise", "clip looks", "clip motion", "clip noise")
_WORD = 2**64 - 1


@dataclass(frozen=True)
class SyntheticSettings:
    """The whole recipe: a sample is a pure function of (seed, index, settings).

    Attributes:
        split: "train", "validation" or "test". Objects, backgrounds and gloves of one split never occur in
            another, and neither do random streams: equal seeds mean different scenes.
        width, height: the full image, pixels.
        hand_model: path of a hand model, or None for the one that ships.
        background_folder: a folder of the user's own photographs (JPEG, PNG) that join the backgrounds, or
            None.
        scenes: which scenes and crops, a name of `MIXTURES`; "one_hand" and "near" begin a curriculum.
    """

    split: str = "train"
    width: int = 640
    height: int = 480
    hand_model: str | None = None
    background_folder: str | None = None
    scenes: str = "all"

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UserError(f"split '{self.split}' is not one of {', '.join(SPLITS)}")
        if self.scenes not in MIXTURES:
            raise UserError(f"scenes '{self.scenes}' are not one of {', '.join(MIXTURES)}")
        if not (32 <= self.width <= 8192 and 32 <= self.height <= 8192):
            raise UserError(
                f"synthetic image of {self.width}×{self.height} px: both sides must be 32 to 8192"
            )

    @property
    def mixture(self) -> Mixture:
        """The shares that `scenes` names."""
        return MIXTURES[self.scenes]


def random_stream(seed: int, index: int, split: str, purpose: str) -> np.random.Generator:
    """A generator for one purpose of one sample.

    Streams of different purposes are independent: cutting another crop leaves the scene as it is. Philox is
    keyed by all four arguments at once, which costs a tenth of hashing them.
    """
    word = ((int(index) << 16) | (SPLITS.index(split) << 8) | _PURPOSES.index(purpose)) & _WORD
    return np.random.Generator(np.random.Philox(_Key(int(seed) & _WORD, word)))


class _Key(ISeedSequence):
    """Philox's key as it is; given `key=` instead, it first asks the system for entropy, and drops it."""

    def __init__(self, *words: int) -> None:
        self._words = words

    def generate_state(self, n_words: int, dtype: type = np.uint64) -> np.ndarray:
        """The key's words."""
        return np.array(self._words, dtype)
