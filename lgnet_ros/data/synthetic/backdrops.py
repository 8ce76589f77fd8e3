"""What lies behind the hands, as far as it is flat: pictures by viewing direction."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.shading import UNMIXED, Backdrop, Textures


def sample_backdrop(rng: np.random.Generator, textures: Textures) -> Backdrop:
    """One picture, or two mixed in patches, each scaled, turned, tinted and perhaps out of focus."""
    maps = np.empty((3, 2, 3))
    for k in range(3):
        scale, angle = np.exp(rng.uniform(np.log(0.25), np.log(1.1))), rng.normal(0.0, 0.25)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        maps[k] = np.concatenate([turn, rng.uniform(0, 2, (2, 1))], axis=1)
    mixed = rng.random() < 0.45
    blur = rng.integers(0, 4, 3)
    tint = np.exp(rng.normal(0.0, 0.3, (2, 1))) * np.exp(rng.normal(0.0, 0.06, (2, 3)))
    return Backdrop(
        tuple(textures.pictures[k] for k in rng.integers(0, textures.count, 3)),
        maps,
        blur,
        tint,
        float(rng.uniform(90, 190)) if mixed else UNMIXED,
        np.array([1.0, rng.normal(0, 0.25), rng.normal(0, 0.25)]),
    )
