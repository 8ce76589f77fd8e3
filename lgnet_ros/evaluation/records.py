"""What metrics compare: the truth about one image, and an estimate of it, both in one camera's frame.

Metrics know nothing of networks: whoever fills a `HandsEstimate` (LGNet, a landmark detector, a constant) can
be evaluated. Axis 0 of per-hand arrays is right, left; metres; the camera's optical frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lgnet_ros.data.augment import CropSample
from lgnet_ros.data.sample import HandSample
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.pipeline.tracking import TrackingSettings

PRESENCE_THRESHOLD = TrackingSettings().stay
"""From here on the tracker goes on following a hand."""


@dataclass(frozen=True)
class HandsTruth:
    """The truth: presence (2,) bool, vertices (2, 778, 3) and joints (2, 21, 3) absolute, rotations (2, 16,
    3, 3) parent-relative; `camera` projects them onto the image that the estimator was given. visible_joints:
    (2,) how many of a hand's 21 are in the image with nothing before them, where the data set knows."""

    presence: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray
    rotations: np.ndarray
    camera: CameraIntrinsics
    key: str
    visible_joints: np.ndarray

    @classmethod
    def of_crop(cls, sample: CropSample) -> HandsTruth:
        """In the crop camera's frame. A hand without a mesh is not evaluated, so it must not be in the
        sample.
        """
        return cls(
            presence=sample.presence & sample.mesh_valid,
            vertices=sample.vertices.astype(np.float64),
            joints=sample.joints.astype(np.float64),
            rotations=sample.rotations.astype(np.float64),
            camera=crop_intrinsics(sample),
            key=sample.key,
            visible_joints=sample.visibility.sum(axis=1),
        )

    @classmethod
    def of_image(cls, sample: HandSample) -> HandsTruth:
        """In the image camera's frame."""
        return cls(
            presence=sample.presence & sample.mesh_valid,
            vertices=sample.vertices.astype(np.float64),
            joints=sample.joints.astype(np.float64),
            rotations=sample.rotations.astype(np.float64),
            camera=sample.intrinsics,
            key=sample.key,
            visible_joints=sample.visibility.sum(axis=1),
        )


def _none_stated() -> np.ndarray:
    return np.full((2, 3, 3), np.nan)


@dataclass(frozen=True)
class HandsEstimate:
    """An estimate, for both hands whether it believes in them or not.

    Attributes:
        score: (2,) belief that each hand is there; from `PRESENCE_THRESHOLD` on it counts as found.
        vertices: (2, 778, 3), final mesh; only its form and orientation count, not where it is.
        joints: (2, 21, 3), the joint regressor times `vertices` (a landmark estimator's own landmarks),
        likewise.
        rough_vertices: (2, 778, 3), the mesh before refinement, in the same place as `vertices`; the same
        array
            for estimators without refinement.
        relative_translation: (3,) left wrist − right wrist.
        wrist_unknown_size: (2, 3) the wrists' absolute positions, from the image alone.
        wrist_known_size: (2, 3) the same when the hands' true length is told.
        covariance_unknown_size, covariance_known_size: (2, 3, 3) m², stated of those positions; NaN: none is.
    """

    score: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray
    rough_vertices: np.ndarray
    relative_translation: np.ndarray
    wrist_unknown_size: np.ndarray
    wrist_known_size: np.ndarray
    covariance_unknown_size: np.ndarray = field(default_factory=_none_stated)
    covariance_known_size: np.ndarray = field(default_factory=_none_stated)

    @property
    def found(self) -> np.ndarray:
        """(2,) bool."""
        return self.score >= PRESENCE_THRESHOLD

    def placed(self, vertices: np.ndarray) -> np.ndarray:
        """(2, N, 3) points of the final or rough mesh, moved to where the wrist is estimated to be."""
        return vertices - self.joints[:, :1] + self.wrist_unknown_size[:, None]


def crop_intrinsics(sample: CropSample) -> CameraIntrinsics:
    """The crop camera as plain intrinsics; the same for a flipped sample, since its principal point is the
    centre.
    """
    size = sample.image.shape[0]
    return CameraIntrinsics(size, size, sample.crop.matrix)


def with_missed_hands_filled(
    estimate: HandsEstimate, truth: HandsTruth, baseline: HandsEstimate
) -> HandsEstimate:
    """The estimate in which hands that are there but were not found are the baseline's (the mean pose's).

    So a missed hand counts as an error and never as a skipped sample. The relative translation is the
    baseline's as soon as one of two hands was missed.
    """
    missed = truth.presence & ~estimate.found
    if not missed.any():
        return estimate
    per_hand = ("vertices", "joints", "rough_vertices", "wrist_unknown_size", "wrist_known_size")
    filled = {}
    for name in per_hand:
        ours, theirs = getattr(estimate, name), getattr(baseline, name)
        filled[name] = np.where(missed.reshape(2, *[1] * (ours.ndim - 1)), theirs, ours)
    return replace(estimate, relative_translation=baseline.relative_translation, **filled)
