"""The protocol's numbers over many images, as torchmetrics: they add up over batches and processes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from lgnet_ros.evaluation import metrics
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth


class _Errors(Metric):
    """Values collected one by one; NaN is left out. An empty collection gives NaN, never 0."""

    full_state_update = False
    values: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("values", default=[], dist_reduce_fx="cat")

    def update(self, values: Iterable[float] | np.ndarray) -> None:
        array = np.asarray(values, dtype=np.float64).ravel()
        self.values.append(torch.from_numpy(array[~np.isnan(array)]).to(self.device))

    def all_values(self) -> np.ndarray:
        """(N,) everything collected so far (on every process, after a synchronisation)."""
        values = self.values if isinstance(self.values, list) else [self.values]
        return np.concatenate([v.cpu().numpy() for v in values]) if values else np.zeros(0)


class MeanError(_Errors):
    """The mean."""

    def compute(self) -> float:
        values = self.all_values()
        return float(values.mean()) if len(values) else math.nan


class MedianError(_Errors):
    """The median."""

    def compute(self) -> float:
        values = self.all_values()
        return float(np.median(values)) if len(values) else math.nan


class Rows(Metric):
    """Rows of so many numbers, added hand by hand, for subclasses to sum up."""

    full_state_update = False
    rows: list[Tensor]

    def __init__(self, columns: int) -> None:
        super().__init__()
        self._columns = columns
        self.add_state("rows", default=[], dist_reduce_fx="cat")

    def collect(self, rows: list[np.ndarray]) -> None:
        """Add rows (columns,)."""
        self.rows.append(torch.tensor(np.array(rows).reshape(-1, self._columns), device=self.device))

    def all_rows(self) -> np.ndarray:
        """(N, columns) everything collected so far (on every process, after a synchronisation)."""
        rows = self.rows if isinstance(self.rows, list) else [self.rows]
        return torch.cat(rows).cpu().numpy() if rows else np.zeros((0, self._columns))


class AlignedErrors(Metric):
    """MPJPE, MPVPE [mm] and AUC for one root: the mean over points, then over hands (all have as many
    points).
    """

    full_state_update = False
    joint_errors: list[Tensor]
    vertex_errors: list[Tensor]

    def __init__(self, root: str) -> None:
        super().__init__()
        self.root = metrics.ROOTS[root]
        self.add_state("joint_errors", default=[], dist_reduce_fx="cat")
        self.add_state("vertex_errors", default=[], dist_reduce_fx="cat")

    def update(self, estimate: HandsEstimate, truth: HandsTruth) -> None:
        for side in np.flatnonzero(truth.presence):
            joints = (estimate.joints[side], truth.joints[side])
            of_joints = metrics.aligned_errors(*joints, *joints, self.root)
            of_vertices = metrics.aligned_errors(
                estimate.vertices[side], truth.vertices[side], *joints, self.root
            )
            self.joint_errors.append(torch.from_numpy(of_joints)[None].to(self.device))
            self.vertex_errors.append(torch.tensor([of_vertices.mean()], device=self.device))

    def all_joint_errors(self) -> np.ndarray:
        """(hands, 21) mm."""
        found = self.joint_errors if isinstance(self.joint_errors, list) else [self.joint_errors]
        return torch.cat(found).cpu().numpy() if len(found) else np.zeros((0, 21))

    def compute(self) -> dict[str, float]:
        joints = self.all_joint_errors()
        if not len(joints):
            return {"mpjpe_mm": math.nan, "mpvpe_mm": math.nan, "auc": math.nan}
        found = self.vertex_errors if isinstance(self.vertex_errors, list) else [self.vertex_errors]
        return {
            "mpjpe_mm": float(joints.mean()),
            "mpvpe_mm": float(torch.cat(found).mean()),
            "auc": metrics.area_under_pck(joints),
        }


class PresenceScores(Metric):
    """Precision, recall and F1 of "this hand is in the image", over all hand slots of all images."""

    full_state_update = False
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("counts", default=torch.zeros(3, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, found: np.ndarray, presence: np.ndarray) -> None:
        """Both (2,) bool."""
        outcome = (found & presence, found & ~presence, ~found & presence)
        self.counts += torch.tensor([int(part.sum()) for part in outcome], device=self.counts.device)

    def compute(self) -> dict[str, float]:
        right, wrong, missed = (int(count) for count in self.counts)
        return {
            "presence_precision": right / (right + wrong) if right + wrong else math.nan,
            "presence_recall": right / (right + missed) if right + missed else math.nan,
            "presence_f1": 2 * right / (2 * right + wrong + missed) if right + wrong + missed else math.nan,
        }


def finite_or_none(report: Any) -> Any:
    """The same nested report with NaN as None, since JSON has no NaN."""
    if isinstance(report, dict):
        return {key: finite_or_none(value) for key, value in report.items()}
    if isinstance(report, list):
        return [finite_or_none(value) for value in report]
    if isinstance(report, float) and not math.isfinite(report):
        return None
    return report
