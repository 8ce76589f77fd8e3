"""What is known of hands before any landmark is seen, and how wrong fits are, as learned once and stored
beside the hand model.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.files import write_whole
from lgnet_ros.landmarks.articulation import FREEDOM_COUNT
from lgnet_ros.paths import weights_directory

PRIOR_FILE = "landmark_prior.npz"
_SHAPES = {"mean": (FREEDOM_COUNT,), "covariance": (FREEDOM_COUNT, FREEDOM_COUNT), "offsets": (21, 3)}
_ERRORS = "errors"  # JSON
_HOW = "`lgnet landmarks learn` makes it"
_SMALLEST_STD = np.deg2rad(0.5)  # an angle that the sampler hardly moves is still not known better


@dataclass(frozen=True)
class LandmarkPrior:
    """`lgnet landmarks learn` makes it.

    Attributes:
        mean, covariance: (27,), (27, 27) rad, of the angles that can move, over the sampler's poses.
        offsets: (21, 3) m, where MediaPipe puts a landmark relative to our joint, in the axes of the joint's
            bone at rest, right hand.
        errors: of hands fitted to MediaPipe's landmarks, by name; see `NetworkErrors`. Empty: not measured.
    """

    mean: np.ndarray
    covariance: np.ndarray
    offsets: np.ndarray
    errors: dict[str, float] = field(default_factory=dict)

    @property
    def information(self) -> np.ndarray:
        """(27, 27) 1/rad², the covariance's inverse."""
        return np.linalg.inv(self.covariance + _SMALLEST_STD**2 * np.eye(FREEDOM_COUNT))


def save_prior(path: Path, prior: LandmarkPrior) -> None:
    """Write the prior's arrays, float32, and errors as `load_prior` reads them."""
    content = io.BytesIO()
    arrays = {name: getattr(prior, name).astype(np.float32) for name in _SHAPES}
    np.savez(content, **arrays, **{_ERRORS: np.array(json.dumps(prior.errors))})
    write_whole(path, content.getvalue())


@lru_cache(maxsize=2)
def load_prior(path: Path | None = None) -> LandmarkPrior:
    """The prior that ships, or the one in a file.

    Raises:
        UserError: no such file, or not a prior.
    """
    path = path or weights_directory() / PRIOR_FILE
    try:
        with np.load(path) as stored:
            arrays = {name: stored[name].astype(np.float64) for name in _SHAPES}
            errors = json.loads(str(stored[_ERRORS]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a landmark prior ({error}); {_HOW}") from error
    for name, shape in _SHAPES.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise UserError(f"{path}: {name} is not {shape} finite numbers; {_HOW}")
    return LandmarkPrior(**arrays, errors=errors)
