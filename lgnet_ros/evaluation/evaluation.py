"""All numbers of the protocol in one object: feed it image by image, then ask for the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from lgnet_ros.evaluation import alignment, metrics
from lgnet_ros.evaluation.aggregate import (
    AlignedErrors,
    MeanError,
    MedianError,
    PresenceScores,
    finite_or_none,
)
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.evaluation.coverage import WristCoverage
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth, with_missed_hands_filled
from lgnet_ros.evaluation.visibility import VisibilityErrors
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES

NEAR_M, FAR_M = 0.3, 1.0
"""Wrist positions are judged for hands at these distances: a robot's workspace."""


@dataclass(frozen=True)
class Row:
    """One image's outcome, for plots and for choosing pictures.

    mpjpe_mm: over its present hands (wrist root), missed ones included; NaN without hands. asymmetry_deg:
    None unless two hands. missed, swapped: whether any hand was. extra: whether a hand was found that is not
    there.
    """

    key: str
    mpjpe_mm: float
    asymmetry_deg: float | None
    missed: bool
    swapped: bool
    extra: bool


class Evaluation(nn.Module):
    """Collects estimates against truths; `report()` has the keys of `lgnet eval --json`.

    A module only so that its torchmetrics move and synchronise together. `images=False` leaves out
    silhouettes and penetration, which take most of the time.
    """

    def __init__(self, hand_model: HandModel, mean_pose: MeanPose, images: bool = True) -> None:
        super().__init__()
        self._hand_model, self._mean_pose, self._images = (hand_model,), mean_pose, images
        faces = tuple(hand_model.faces(side) for side in SIDES)
        self._faces, self._topologies = faces, metrics.topologies_of(faces)
        self.aligned = nn.ModuleDict({root: AlignedErrors(root) for root in metrics.ROOTS})
        self.baseline = nn.ModuleDict({root: AlignedErrors(root) for root in metrics.ROOTS})
        self.presence = PresenceScores()
        self.coverage = WristCoverage()
        self.visibility = VisibilityErrors()
        means = ("mrrpe", "baseline_mrrpe", "swap", "missed", "palm", "penetration", "true_penetration")
        projections = [f"{what}_{mesh}" for what in ("vertex_px", "iou") for mesh in ("rough", "final")]
        self.means = nn.ModuleDict({name: MeanError() for name in (*means, *projections)})
        self.wrists = nn.ModuleDict({size: MedianError() for size in ("known_size", "unknown_size")})
        for metric in (*self.means.values(), *self.wrists.values()):
            metric.update([])  # a quantity that never occurs is NaN, not a mistake
        self.rows: list[Row] = []

    def add(self, estimate: HandsEstimate, truth: HandsTruth) -> Row:
        """One image's estimate and truth, in the same camera's frame."""
        baseline = self._mean_pose.estimate(self._hand_model[0], float(truth.camera.matrix[0, 0]))
        filled = with_missed_hands_filled(estimate, truth, baseline)
        swapped = metrics.is_swapped(estimate, truth)
        missed = truth.presence & ~estimate.found
        self.presence.update(estimate.found, truth.presence)
        self.coverage.update(estimate, truth)
        mpjpe_mm = metrics.mpjpe(filled, truth)
        self.visibility.update(mpjpe_mm, estimate.found, truth)
        self.means["swap"].update(swapped[truth.presence])
        self.means["missed"].update(missed[truth.presence])
        for root in metrics.ROOTS:
            self.aligned[root].update(filled, truth)
            self.baseline[root].update(baseline, truth)
        self._add_placement(filled, baseline, truth)
        if self._images:
            self._add_images(estimate, filled, truth)
        row = Row(
            key=truth.key,
            mpjpe_mm=float(mpjpe_mm[truth.presence].mean()) if truth.presence.any() else float("nan"),
            asymmetry_deg=metrics.pose_asymmetry(truth),
            missed=bool(missed.any()),
            swapped=bool(swapped.any()),
            extra=bool((estimate.found & ~truth.presence).any()),
        )
        self.rows.append(row)
        return row

    def report(self) -> dict[str, Any]:
        """Millimetres, pixels of the estimator's input, degrees, shares; None where nothing could be
        measured.
        """
        mean = {name: metric.compute() for name, metric in self.means.items()}
        report = {
            "count": len(self.rows),
            **{root: metric.compute() for root, metric in self.aligned.items()},
            "mrrpe_mm": mean["mrrpe"],
            **self.presence.compute(),
            "swap_rate": mean["swap"],
            "missed_rate": mean["missed"],
            "by_visible_joints": self.visibility.compute(),
            "wrist_position_mm": {size: metric.compute() for size, metric in self.wrists.items()},
            "ellipsoid_95": self.coverage.compute(),
            "palm_orientation_deg": mean["palm"],
            "mean_pose": {
                **self.baseline["wrist"].compute(),
                "middle_mcp": self.baseline["middle_mcp"].compute(),
                "mrrpe_mm": mean["baseline_mrrpe"],
            },
            "vertex_px": {mesh: mean[f"vertex_px_{mesh}"] for mesh in ("rough", "final")},
            "mask_iou": {mesh: mean[f"iou_{mesh}"] for mesh in ("rough", "final")},
            "penetration_mm": {"estimate": mean["penetration"], "truth": mean["true_penetration"]},
        }
        return finite_or_none(report)

    def _add_placement(self, filled: HandsEstimate, baseline: HandsEstimate, truth: HandsTruth) -> None:
        self.means["mrrpe"].update([_or_nan(metrics.relative_root_error(filled, truth))])
        self.means["baseline_mrrpe"].update([_or_nan(metrics.relative_root_error(baseline, truth))])
        distance = np.linalg.norm(truth.joints[:, metrics.WRIST], axis=-1)
        near = (distance >= NEAR_M) & (distance <= FAR_M)
        for size, positions in (
            ("known_size", filled.wrist_known_size),
            ("unknown_size", filled.wrist_unknown_size),
        ):
            self.wrists[size].update(np.where(near, metrics.wrist_position_errors(positions, truth), np.nan))
        for side in np.flatnonzero(truth.presence):
            joints = filled.joints[side], truth.joints[side]
            self.means["palm"].update([metrics.palm_orientation_error(*joints, SIDES[side])])

    def _add_images(self, estimate: HandsEstimate, filled: HandsEstimate, truth: HandsTruth) -> None:
        true_masks = [
            alignment.silhouette(v, f, truth.camera) for v, f in zip(truth.vertices, self._faces, strict=True)
        ]
        for mesh, vertices in (("rough", filled.rough_vertices), ("final", filled.vertices)):
            placed = filled.placed(vertices)
            for side in np.flatnonzero(truth.presence):
                pixels = alignment.vertex_pixel_error(placed[side], truth.vertices[side], truth.camera)
                mask = alignment.silhouette(placed[side], self._faces[side], truth.camera)
                self.means[f"vertex_px_{mesh}"].update([pixels])
                self.means[f"iou_{mesh}"].update([alignment.mask_iou(mask, true_masks[side])])
        if truth.presence.all():
            wrists = truth.joints[:, : metrics.WRIST + 1]
            apart = wrists[1, 0] - wrists[0, 0]
            self.means["true_penetration"].update(
                [metrics.penetration(truth.vertices - wrists, apart, self._topologies)]
            )
            if estimate.found.all():
                relative = estimate.vertices - estimate.joints[:, :1]
                depth = metrics.penetration(relative, estimate.relative_translation, self._topologies)
                self.means["penetration"].update([depth])


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
