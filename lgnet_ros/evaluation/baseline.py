"""The mean pose: what an estimator knows that never looks at the image. It stands beside every result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.data.augment import CropSample
from lgnet_ros.evaluation.records import HandsEstimate
from lgnet_ros.hand_model import HandModel
from lgnet_ros.network.precision import full_precision


@dataclass(frozen=True)
class MeanPose:
    """The mean over a training split, per side; absent hands do not count.

    Attributes:
        rotations: (2, 16, 3, 3) chordal means (the rotation nearest to the mean matrix), root included.
        shape: (2, 10).
        relative_translation: (3,) median of left wrist − right wrist, m.
        wrist_direction: (2, 3) median wrist over its depth, in the crop camera.
        distance_px: (2,) median of depth over focal length: what makes a hand appear as large as it usually
        does, m/px.
    """

    rotations: np.ndarray
    shape: np.ndarray
    relative_translation: np.ndarray
    wrist_direction: np.ndarray
    distance_px: np.ndarray

    @classmethod
    def of(cls, samples: Iterable[CropSample]) -> MeanPose:
        """From training samples; at least one of each hand and one pair are needed."""
        samples = [sample for sample in samples if sample.mesh_valid.any()]
        per_side = [[s for s in samples if s.mesh_valid[side]] for side in (0, 1)]
        pairs = [s.joints[1, 0] - s.joints[0, 0] for s in samples if s.mesh_valid.all()]
        if not pairs or not all(per_side):
            raise ValueError("the mean pose needs samples with both hands")
        return cls(
            rotations=np.stack([_mean_rotations(per_side[side], side) for side in (0, 1)]),
            shape=np.stack([np.mean([s.shape[side] for s in per_side[side]], axis=0) for side in (0, 1)]),
            relative_translation=np.median(pairs, axis=0),
            wrist_direction=np.stack(
                [
                    np.median([s.joints[side, 0] / s.joints[side, 0, 2] for s in per_side[side]], axis=0)
                    for side in (0, 1)
                ]
            ),
            distance_px=np.array(
                [np.median([s.joints[side, 0, 2] / s.focal_px for s in per_side[side]]) for side in (0, 1)]
            ),
        )

    def estimate(self, hand_model: HandModel, focal_px: float) -> HandsEstimate:
        """The same hands for every image, claimed to be there; only the crop's focal length is used, for
        distance.
        """
        device = hand_model.mean_pose.device
        held = (torch.from_numpy(values).float().to(device) for values in (self.rotations, self.shape))
        with torch.no_grad(), full_precision(hand_model.mean_pose):
            posed = hand_model.both(*held)
        vertices, joints = (values.double().cpu().numpy() for values in (posed.vertices, posed.joints))
        wrists = self.wrist_direction * (self.distance_px * focal_px)[:, None]
        return HandsEstimate(
            score=np.ones(2),
            vertices=vertices - joints[:, :1],
            joints=joints - joints[:, :1],
            rough_vertices=vertices - joints[:, :1],
            relative_translation=self.relative_translation,
            wrist_unknown_size=wrists,
            wrist_known_size=wrists,
        )


def _mean_rotations(samples: list[CropSample], side: int) -> np.ndarray:
    """(16, 3, 3) chordal means."""
    rotations = np.stack([sample.rotations[side] for sample in samples]).astype(np.float64)
    return np.stack([Rotation.from_matrix(rotations[:, joint]).mean().as_matrix() for joint in range(16)])
