"""How errors depend on how much of a hand is to be seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from lgnet_ros.evaluation.aggregate import Rows
from lgnet_ros.evaluation.records import HandsTruth

VISIBLE_JOINTS = (0, 1, 5, 11, 16, 22)
"""From so many of a hand's 21 joints in sight on, to one less than the next."""


class VisibilityErrors(Rows):
    """MPJPE and misses by how many joints of a hand are in sight."""

    def __init__(self) -> None:
        super().__init__(columns=3)

    def update(self, mpjpe_mm: np.ndarray, found: np.ndarray, truth: HandsTruth) -> None:
        """mpjpe_mm: (2,), see `metrics.mpjpe`, of the mean pose where a hand was missed. found: (2,) bool."""
        rows = np.stack([truth.visible_joints, mpjpe_mm, found], axis=1, dtype=np.float64)
        self.collect(list(rows[truth.presence]))

    def compute(self) -> list[dict[str, Any]]:
        """Per span of joints in sight: hands, share missed, mean and median MPJPE (wrist root, mm)."""
        visible, error_mm, found = self.all_rows().T
        spans = []
        for low, high in zip(VISIBLE_JOINTS[:-1], VISIBLE_JOINTS[1:], strict=True):
            within = (visible >= low) & (visible < high)
            spans.append(_of(low, high, error_mm[within], found[within]))
        return spans


def _of(low: int, high: int, error_mm: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    some = len(error_mm) > 0
    return {
        "from": low,
        "to": high - 1,
        "hands": len(error_mm),
        "missed": float(1 - found.mean()) if some else float("nan"),
        "mpjpe_mm": float(error_mm.mean()) if some else float("nan"),
        "median_mm": float(np.median(error_mm)) if some else float("nan"),
    }
