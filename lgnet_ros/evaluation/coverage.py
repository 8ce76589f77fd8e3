"""Whether a stated uncertainty is true: how many true wrists lie in ellipsoids that should hold 95 %."""

from __future__ import annotations

from typing import Any

import numpy as np

from lgnet_ros.evaluation import metrics
from lgnet_ros.evaluation.aggregate import Rows
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth

CHI2_95_3DOF = 7.815
"""The squared Mahalanobis distance within which 95 % of a normal distribution in space lie."""
DISTANCES_M = (0.3, 0.5, 0.75, 1.0, 2.0)
_SIZES = ("unknown_size", "known_size")
_COLUMNS = 1 + 3 * len(_SIZES)  # distance, then of each size: squared Mahalanobis distance, error, stated std


class WristCoverage(Rows):
    """Of hands that are there, were found, and have a covariance; overall and by distance."""

    def __init__(self) -> None:
        super().__init__(_COLUMNS)

    def update(self, estimate: HandsEstimate, truth: HandsTruth) -> None:
        """One image's hands."""
        rows = [_row(estimate, truth, int(side)) for side in np.flatnonzero(truth.presence & estimate.found)]
        self.collect([row for row in rows if np.isfinite(row).all()])

    def compute(self) -> dict[str, Any]:
        """Shares inside; by distance with the median error and the median stated standard deviation along the
        ellipsoid's longest axis beside them, mm.
        """
        rows = self.all_rows()
        near, far = np.array(DISTANCES_M[:-1]), np.array(DISTANCES_M[1:])
        parts = [
            (float(a), float(b), rows[(rows[:, 0] >= a) & (rows[:, 0] < b)])
            for a, b in zip(near, far, strict=True)
        ]
        by_distance = [{"from_m": a, "to_m": b, **_of(part, details=True)} for a, b, part in parts]
        return {**_of(rows, details=False), "by_distance": by_distance}


def squared_distance(error: np.ndarray, covariance: np.ndarray) -> float:
    """Squared Mahalanobis distance of an error (3,) under a covariance (3, 3)."""
    return float(error @ np.linalg.solve(covariance, error))


def _row(estimate: HandsEstimate, truth: HandsTruth, side: int) -> np.ndarray:
    true = truth.joints[side, metrics.WRIST]
    row = [float(np.linalg.norm(true))]
    for size in _SIZES:
        covariance = getattr(estimate, f"covariance_{size}")[side]
        if not np.isfinite(covariance).all():
            return np.full(_COLUMNS, np.nan)
        error = getattr(estimate, f"wrist_{size}")[side] - true
        stated_m = float(np.sqrt(np.linalg.eigvalsh(covariance)[-1]))
        row += [squared_distance(error, covariance), 1e3 * float(np.linalg.norm(error)), 1e3 * stated_m]
    return np.array(row)


def _of(rows: np.ndarray, details: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"hands": len(rows)}
    for k, size in enumerate(_SIZES):
        distance, error, stated = rows[:, 3 * k + 1 : 3 * k + 4].T
        found[size] = float((distance < CHI2_95_3DOF).mean()) if len(rows) else float("nan")
        if details:
            found[f"error_mm_{size}"] = float(np.median(error)) if len(rows) else float("nan")
            found[f"stated_mm_{size}"] = float(np.median(stated)) if len(rows) else float("nan")
    return found
