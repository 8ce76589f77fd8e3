"""How errors depend on how much of a hand is to be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from lgnet_ros.evaluation import metrics
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth

VISIBLE_JOINTS = (0, 1, 5, 11, 16, 22)
"""From so many of a hand's 21 joints in sight on, to one less than the next."""


class VisibilityErrors(Metric):
    """MPJPE and misses by how many joints of a hand are in sight."""

    full_state_update = False
    rows: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("rows", default=[], dist_reduce_fx="cat")

    def update(self, filled: HandsEstimate, found: np.ndarray, truth: HandsTruth) -> None:
        """`filled`: with the mean pose where a hand was missed. found: (2,) bool."""
        for side in np.flatnonzero(truth.presence):
            joints = (filled.joints[side], truth.joints[side])
            error_mm = metrics.aligned_errors(*joints, *joints, metrics.WRIST).mean()
            row = [float(truth.visible_joints[side]), float(error_mm), float(found[side])]
            self.rows.append(torch.tensor([row], dtype=torch.float64, device=self.device))

    def compute(self) -> list[dict[str, Any]]:
        """Per span of joints in sight: hands, share missed, mean and median MPJPE (wrist root, mm)."""
        rows = self.rows if isinstance(self.rows, list) else [self.rows]
        visible, error_mm, found = (torch.cat(rows).cpu().numpy() if rows else np.zeros((0, 3))).T
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
