"""What lies behind the hands, as far as it is flat: pictures by viewing direction."""

from __future__ import annotations

from math import cos, exp, log, sin

import numpy as np

from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.data.synthetic.shading import UNMIXED, Backdrop, Textures

_LOG_SCALE = log(0.25), log(1.1)


def sample_backdrop(rng: np.random.Generator, textures: Textures) -> Backdrop:
    """One picture, or two mixed in patches, each scaled, turned, tinted and perhaps out of focus."""
    maps = np.empty((3, 2, 3))
    for k in range(3):
        scale, angle = exp(uniform(rng, *_LOG_SCALE)), rng.normal(0.0, 0.25)
        c, s = scale * cos(angle), scale * sin(angle)
        maps[k] = (c, -s, uniform(rng, 0, 2)), (s, c, uniform(rng, 0, 2))
    mixed = rng.random() < 0.45
    blur = tuple(int(rng.integers(4)) for _ in range(3))
    tint = np.exp(rng.normal(0.0, 0.3, (2, 1))) * np.exp(rng.normal(0.0, 0.06, (2, 3)))
    return Backdrop(
        tuple(textures.pictures[rng.integers(textures.count)] for _ in range(3)),
        maps,
        blur,
        tint,
        uniform(rng, 90, 190) if mixed else UNMIXED,
        np.array([1.0, rng.normal(0, 0.25), rng.normal(0, 0.25)]),
    )
