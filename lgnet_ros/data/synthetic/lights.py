"""Light: one key lamp and an environment of a few broad sources, as spherical harmonics of irradiance."""

from __future__ import annotations

from math import exp

import numpy as np

from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.data.synthetic.shading import Light
from lgnet_ros.geometry.vectors import unit


def sample_light(rng: np.random.Generator) -> tuple[Light, np.ndarray]:
    """A key light in the camera frame, and (9, 3) irradiance coefficients of the environment.

    Together they light a surface that faces them to about 1; the camera's exposure comes later.
    """
    hardness = rng.beta(1.1, 1.3)  # 0: overcast, 1: a bare lamp
    warmth = rng.normal(0.0, 0.12)
    key = Light(_lamp_direction(rng), hardness * 1.1 * _tint(warmth))
    ambient = 0.25 + 0.75 * (1.0 - hardness)
    harmonics = np.zeros((9, 3))
    harmonics[0] = ambient * 0.55 * _tint(rng.normal(0, 0.1))
    for _ in range(int(rng.integers(1, 4))):
        lobe_color = ambient * uniform(rng, 0.2, 0.8) * _tint(rng.normal(0, 0.15))
        harmonics += _lobe(_lamp_direction(rng))[:, None] * lobe_color
    return key, harmonics


def _lamp_direction(rng: np.random.Generator) -> np.ndarray:
    """(3,) unit vector to a lamp: above more often than below, behind the camera more often than before
    it."""
    direction = rng.normal(0, 1, 3) + np.array([0.0, -0.8, -0.7])
    return unit(direction)


def _tint(warmth: float) -> np.ndarray:
    """(3,) a lamp's color, 0 neutral, positive warm."""
    return np.array([exp(warmth), 1.0, exp(-1.2 * warmth)])


def _lobe(d: np.ndarray) -> np.ndarray:
    """(9,) irradiance of a distant lamp towards d: max(0, n · d) ≈ 1/4 + (n · d)/2 + 5/32 (3 (n · d)² − 1).

    In the basis of `irradiance`: 1, y, z, x, xy, yz, 3z² − 1, xz, x² − y².
    """
    x, y, z = d.tolist()
    c = 15.0 / 32.0
    # (n·d)² = 1/3 + the second-order terms; x² and y² of the normal are written with z² and x² − y².
    second = 2 * x * y, 2 * y * z, (3 * z * z - 1) / 6.0, 2 * x * z, (x * x - y * y) / 2.0
    constant = 0.25 - 5.0 / 32.0 + c / 3.0
    return np.array([constant, 0.5 * y, 0.5 * z, 0.5 * x, *(c * value for value in second)])
