"""One hand as one crop shows it, turned into the axes of the camera that took the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, CropCamera, box_around
from lgnet_ros.inference import NetworkPrediction
from lgnet_ros.jit import exactly
from lgnet_ros.network.heatmap import CELLS, DEPTH_HALF_RANGE, cells_to_depth, cells_to_pixels
from lgnet_ros.pipeline.placement import HandEvidence, hand_length

# A soft-argmax cannot pass the outermost cells' centers: close to them it only says "out there".
_FIRST_REACHABLE, _LAST_REACHABLE = 0.3, CELLS - 1 - 0.3
_NEEDED = ("joints_25d", "joints_25d_std", "rotations", "shape", "vertices", "joints", "relative_translation")
_UNREACHABLE_STD_CELLS = float(CELLS)
_ENOUGH_JOINTS = 3  # in reach, to tell by them alone how sure the network is


@dataclass(frozen=True)
class Observation:
    """One hand in one crop.

    side: 0 right, 1 left. score: presence. box: center (2,) and side, px of the image, around the joints.
    rotations: (16, 3, 3) local, the root in the image camera's axes. relative: (3,) m, left wrist − right
    wrist as this crop shows it: of use for two observations of one crop.
    """

    side: int
    score: float
    evidence: HandEvidence
    rotations: np.ndarray
    shape: np.ndarray
    relative: np.ndarray
    joints_image: np.ndarray
    box: tuple[np.ndarray, float]

    def shares_crop(self, other: Observation) -> bool:
        """Whether both come from one crop, whose `relative` then says how the two hands lie."""
        return self.evidence.crop is other.evidence.crop


def observe(
    prediction: NetworkPrediction,
    index: int,
    side: int,
    crop: CropCamera,
    intrinsics: CameraIntrinsics,
    joint_std_m: float,
) -> Observation | None:
    """One hand of the crop at `index`; None when the network's numbers are not finite, or too few of its
    joints project into the image's plane to tell where it is.

    joint_std_m: of the mesh's joints, against which the heat maps' depths are weighed.
    """
    cells, std = prediction.joints_25d[index, side], prediction.joints_25d_std[index, side]
    if not all(np.isfinite(getattr(prediction, name)[index]).all() for name in _NEEDED):
        return None
    pixels = np.asarray(cells_to_pixels(cells[:, :2], crop.size_px), dtype=np.float64)
    joints_image = crop.image_pixels(pixels, intrinsics)
    if np.isfinite(joints_image).all(axis=1).sum() < 2:
        return None
    reached = ((cells[:, :2] > _FIRST_REACHABLE) & (cells[:, :2] < _LAST_REACHABLE)).all(axis=1)
    heatmap_std = std[:, :2] * np.float64(crop.size_px / CELLS)
    pixel_std = np.where(reached[:, None], heatmap_std, _UNREACHABLE_STD_CELLS * (crop.size_px / CELLS))
    joints = prediction.joints[index, side].astype(np.float64)
    length = hand_length(joints)
    joints = _with_heatmap_depths(joints, cells, std, joint_std_m)
    vertices = crop.to_camera(prediction.vertices[index, side].astype(np.float64))
    rotations = prediction.rotations[index, side].astype(np.float64)
    rotations[0] = crop.rotation_crop_camera.T @ rotations[0]
    return Observation(
        side=side,
        score=float(prediction.presence[index, side]),
        evidence=HandEvidence(
            crop, crop.to_camera(joints), vertices, pixels, pixel_std, usual_std(heatmap_std, reached), length
        ),
        rotations=rotations,
        shape=prediction.shape[index, side].astype(np.float64),
        relative=crop.to_camera(prediction.relative_translation[index].astype(np.float64)),
        joints_image=joints_image,
        box=box_around(joints_image, margin=1.0),
    )


@exactly
def usual_std(heatmap_std, reached):
    """The median of heat maps' standard deviations (21, 2) over the joints that are `reached` (21,), or over
    all if those are too few: how sure the network is of this hand.
    """
    enough, count, kept = reached.sum() >= _ENOUGH_JOINTS, 0, np.empty(heatmap_std.size)
    for j in range(len(heatmap_std)):
        if reached[j] or not enough:
            kept[count], kept[count + 1] = heatmap_std[j, 0], heatmap_std[j, 1]
            count += 2
    return np.median(kept[:count])


def _with_heatmap_depths(
    joints: np.ndarray, cells: np.ndarray, std: np.ndarray, joint_std_m: float
) -> np.ndarray:
    """The mesh's joints, their depth the weighted mean of the mesh's and the heat map's; the wrist stays."""
    heatmap_std = std[1:, 2] * (2 * DEPTH_HALF_RANGE / CELLS)
    weight = joint_std_m**2 / (joint_std_m**2 + heatmap_std**2)
    joints[1:, 2] += weight * (cells_to_depth(cells[1:, 2]) - joints[1:, 2])
    return joints
