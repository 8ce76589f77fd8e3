"""Where a fit begins when nothing is known from the last frame: closed forms that stand a few wild points."""

from __future__ import annotations

import numpy as np

from lgnet_ros.geometry.information import positive_inverse

_PALM = np.array([0, 1, 5, 9, 13, 17])  # the joints that hardly move against one another
_FINGER_SHARE = 0.05  # of a finger's weight against the palm's: its pose is not known yet
_WILD_M = 0.03  # a point so far from where it should be counts a quarter
_ROUNDS = 3
_NEAREST_M, _FURTHEST_M = 0.05, 20.0
_LEAST = 4


def turned(rest: np.ndarray, world: np.ndarray) -> np.ndarray | None:
    """(3, 3) rotation that takes a resting hand (21, 3) onto world points (21, 3); NaN: not seen.

    Kabsch's solution, reweighted. None with too few points.
    """
    seen = np.isfinite(world).all(axis=1)
    if seen.sum() < _LEAST:
        return None
    base = np.full(21, _FINGER_SHARE)
    base[_PALM] = 1.0
    base, world = base * seen, np.nan_to_num(world)
    weight, rotation = base, np.eye(3)
    for _ in range(_ROUNDS):
        weight = weight / weight.sum()
        from_center, to_center = weight @ rest, weight @ world
        u, _, vt = np.linalg.svd(((world - to_center) * weight[:, None]).T @ (rest - from_center))
        rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
        off = np.linalg.norm((rest - from_center) @ rotation.T - (world - to_center), axis=1)
        weight = base / (1 + (off / _WILD_M) ** 2) ** 2
    return rotation


def placed(points: np.ndarray, tangents: np.ndarray) -> np.ndarray | None:
    """(3,) m: where points (21, 3) must be put for a camera to see them at tangents (21, 2); NaN: not seen.

    From medians of extent and place, then linear least squares on (p + x)_xy = t (p + x)_z, reweighted. None
    when that is not in front of the camera.
    """
    seen = np.isfinite(tangents).all(axis=1)
    if seen.sum() < _LEAST:
        return None
    points, tangents = points[seen], tangents[seen]
    rows = np.zeros((len(points), 2, 3))
    rows[:, 0, 0] = rows[:, 1, 1] = 1.0
    rows[:, :, 2] = -tangents
    target = tangents * points[:, 2:] - points[:, :2]
    position = _by_medians(points, tangents)
    for _ in range(_ROUNDS):
        off = np.linalg.norm(rows @ position - target, axis=1)
        weight = 1 / (1 + (off / _WILD_M) ** 2) ** 2
        weighted = rows * weight[:, None, None]
        normal = np.einsum("nij,nik->jk", weighted, rows) + 1e-9 * np.eye(3)
        position = positive_inverse(normal) @ np.einsum("nij,ni->j", weighted, target)
    return position if _NEAREST_M < position[2] < _FURTHEST_M else None


def _by_medians(points: np.ndarray, tangents: np.ndarray) -> np.ndarray:
    """(3,) m, as `placed`, as if all points were equally far."""
    center, seen_center = np.median(points, axis=0), np.median(tangents, axis=0)
    extent = np.median(np.linalg.norm(points[:, :2] - center[:2], axis=1))
    depth = extent / max(float(np.median(np.linalg.norm(tangents - seen_center, axis=1))), 1e-6)
    return np.append(seen_center, 1.0) * depth - center
