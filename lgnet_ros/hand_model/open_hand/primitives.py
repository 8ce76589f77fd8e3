"""Implicit solids: negative inside, roughly a distance in mm near the surface. Points are (N, 3)."""

from __future__ import annotations

import numpy as np


def smooth_union(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """Union with a fillet about `blend` mm wide (polynomial smooth minimum)."""
    mix = np.clip(0.5 + 0.5 * (second - first) / blend, 0.0, 1.0)
    return second * (1 - mix) + first * mix - blend * mix * (1 - mix)


def smooth_cut(solid: np.ndarray, cutter: np.ndarray, blend: float) -> np.ndarray:
    """`solid` without `cutter`, its rim rounded over `blend` mm."""
    return -smooth_union(-solid, cutter, blend)


def round_cone(
    points: np.ndarray, start: np.ndarray, end: np.ndarray, radii: tuple[float, float]
) -> np.ndarray:
    """A capsule whose radius runs from radii[0] at `start` to radii[1] at `end`."""
    axis = end - start
    share = np.clip((points - start) @ axis / (axis @ axis), 0.0, 1.0)
    return np.linalg.norm(points - start - share[:, None] * axis, axis=1) - (
        radii[0] + (radii[1] - radii[0]) * share
    )


def ellipsoid(points: np.ndarray, center: np.ndarray, axes: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """An ellipsoid with semi-axes `radii` along the rows of `axes` (first-order distance)."""
    local = (points - center) @ axes.T
    level = np.linalg.norm(local / radii, axis=1)
    gradient = np.linalg.norm(local / radii**2, axis=1)
    return level * (level - 1.0) / np.maximum(gradient, 1e-6)


def oval_tube(
    local: np.ndarray, half_width: np.ndarray, dorsal: np.ndarray, palmar: np.ndarray, overshoot: np.ndarray
) -> np.ndarray:
    """A tube with an oval section, flatter or rounder above and below its axis.

    Args:
        local: (N, 3) along, dorsal, lateral from the axis, mm.
        half_width, dorsal, palmar: (N,) semi-axes of the section at each point's station.
        overshoot: (N,) how far the point lies beyond the tube's ends, mm.
    """
    height = np.where(local[:, 1] > 0, dorsal, palmar)
    power = 2.3  # a little squarer than an ellipse, as fingers are
    across = (np.abs(local[:, 2]) / half_width) ** power + (np.abs(local[:, 1]) / height) ** power
    level = across ** (1 / power)
    radius = np.hypot(local[:, 1], local[:, 2]) / np.maximum(level, 1e-6)
    # Near the axis the section's radius is undefined; any value between its semi-axes serves there.
    radius = np.where(level > 1e-3, radius, np.minimum(half_width, height))
    return np.hypot(np.maximum((level - 1.0) * radius, 0), overshoot) + np.minimum((level - 1.0) * radius, 0)
