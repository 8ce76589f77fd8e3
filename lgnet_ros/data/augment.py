"""Cutting a sample to a crop, with every label turned, scaled and mirrored along with the image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from lgnet_ros.data.sample import HandSample
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.crops import CropCamera, box_around

# A hand counts as present in a crop from this many of its 21 joints inside crop and image: a palm, or three
# fingers. Less than that, nobody could say which hand it is.
MIN_JOINTS_INSIDE = 7

_MIRROR = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class CropSample:
    """A square crop and its truth in the crop camera's frame; axis 0 of per-hand arrays is right, left.

    Attributes as in `HandSample`, with absent hands' `mesh_valid` and `joints_valid` False, and:
        image: (S, S, 3) uint8, RGB.
        focal_px: the crop camera's focal length; its principal point is (S - 1) / 2.
        crop: the camera; for a flipped sample, the camera before the flip.
        flipped: whether image and labels were mirrored after the crop.
        mask: (S, S) uint8 or None.
    """

    image: np.ndarray
    focal_px: float
    presence: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray
    rotations: np.ndarray
    shape: np.ndarray
    joints_valid: np.ndarray
    mesh_valid: np.ndarray
    visibility: np.ndarray
    mask: np.ndarray | None
    crop: CropCamera
    flipped: bool
    key: str

    def to_target(self) -> dict[str, np.ndarray]:
        """The arrays of `lgnet_ros.network.losses.Target` for this sample, without the batch axis."""
        return {
            "presence": self.presence.astype(np.float32),
            "vertices": self.vertices,
            "joints": self.joints,
            "rotations": self.rotations,
            "shape": self.shape,
            "joints_valid": self.joints_valid,
            "mesh_valid": self.mesh_valid,
            "focal_px": np.float32(self.focal_px),
        }


def crop_sample(sample: HandSample, crop: CropCamera, flip: bool = False) -> CropSample:
    """What the crop camera sees of a sample; `flip` mirrors the result and swaps the hands."""
    image = crop.warp(sample.image, sample.intrinsics)
    mask = None if sample.mask is None else crop.warp_labels(sample.mask, sample.intrinsics)
    cropped = labels_in_crop(sample, crop, image, mask)
    return flipped(cropped) if flip else cropped


def labels_in_crop(
    sample: HandSample, crop: CropCamera, image: np.ndarray, mask: np.ndarray | None
) -> CropSample:
    """The truth of `sample` in the crop camera's frame, beside the image (and mask) of that crop."""
    rotation = crop.rotation_crop_camera.astype(np.float32)
    rotations = sample.rotations.copy()
    rotations[:, 0] = rotation @ rotations[:, 0]
    inside = joints_inside(sample, crop)
    presence = sample.presence & (inside.sum(axis=1) >= MIN_JOINTS_INSIDE)
    return CropSample(
        image=image,
        focal_px=float(crop.focal_px),
        presence=presence,
        vertices=sample.vertices @ rotation.T,
        joints=sample.joints @ rotation.T,
        rotations=rotations,
        shape=sample.shape,
        joints_valid=sample.joints_valid & presence[:, None],
        mesh_valid=sample.mesh_valid & presence,
        visibility=sample.visibility & inside,
        mask=mask,
        crop=crop,
        flipped=False,
        key=sample.key,
    )


def joints_inside(sample: HandSample, crop: CropCamera) -> np.ndarray:
    """(2, 21) bool: which joints of present hands lie inside both the crop and the image."""
    joints = sample.joints.reshape(-1, 3).astype(np.float64)
    camera = sample.intrinsics
    inside = _inside(_projected(camera, joints), camera.width, camera.height)
    turned = joints @ crop.rotation_crop_camera.T
    inside &= _inside(_pinhole(crop.matrix, turned), crop.size_px, crop.size_px)
    return inside.reshape(sample.joints_valid.shape) & sample.joints_valid & sample.presence[:, None]


def flipped(sample: CropSample) -> CropSample:
    """The mirror image: u becomes S - 1 - u, the hands change places, x changes sign in every label."""
    return replace(
        sample,
        image=np.ascontiguousarray(sample.image[:, ::-1]),
        presence=sample.presence[::-1].copy(),
        vertices=_mirrored_points(sample.vertices),
        joints=_mirrored_points(sample.joints),
        # M R M mirrors a rotation: of its axis-angle, y and z change sign. All 16 are mirrored, since the
        # left hand model is the right one mirrored.
        rotations=np.ascontiguousarray((_MIRROR @ sample.rotations @ _MIRROR)[::-1]),
        shape=sample.shape[::-1].copy(),
        joints_valid=sample.joints_valid[::-1].copy(),
        mesh_valid=sample.mesh_valid[::-1].copy(),
        visibility=sample.visibility[::-1].copy(),
        mask=None if sample.mask is None else _mirrored_mask(sample.mask),
        flipped=not sample.flipped,
    )


def jittered_crop(
    sample: HandSample, rng: np.random.Generator, size_px: int, max_roll_rad: float = 0.6
) -> CropCamera:
    """A training crop: around one or both hands, from tight to the full frame, shifted, and, if tight,
    rolled.

    Three in four are as tight as a tracker's (the hands fill 0.55 to 0.95 of the side), the rest wide (down
    to a sixth), one in ten the full frame unless the hands would be lost in it. Without a hand, a box
    anywhere.
    """
    width, height = sample.intrinsics.width, sample.intrinsics.height
    full = float(max(width, height))
    pixels = _target_pixels(sample, rng)
    roll = float(np.clip(rng.normal(0.0, max_roll_rad / 2), -max_roll_rad, max_roll_rad))
    upright = 0.15 * roll  # wide crops look for hands: nothing has told them yet how to turn
    kind = rng.random()
    if pixels is None:
        center, side = rng.uniform([0, 0], [width, height]), full * np.exp(rng.uniform(np.log(0.15), 0.0))
        return CropCamera.from_box(
            sample.intrinsics, _held_in(center, side, width, height), side, size_px, upright
        )
    center, extent = box_around(pixels, margin=1.0)
    if kind < 0.1 and extent > full / 6:
        center = np.array([(width - 1) / 2, (height - 1) / 2])
        return CropCamera.from_box(sample.intrinsics, center, full, size_px, upright)
    low, high = (0.55, 0.95) if kind < 0.75 else (1 / 6, 0.55)
    side = min(extent / np.exp(rng.uniform(np.log(low), np.log(high))), max(full, 1.1 * extent))
    freedom = 0.5 * max(side - extent, 0.0) + 0.05 * side
    shifted = center + rng.uniform(-1.0, 1.0, 2) * freedom
    # Tight crops stay where the hands are; wide ones need not show much of what lies beyond the image.
    if side < 1.9 * extent:
        return CropCamera.from_box(sample.intrinsics, shifted, side, size_px, roll)
    center = _held_in(shifted, side, width, height)
    return CropCamera.from_box(sample.intrinsics, center, side, size_px, upright)


def _held_in(center: np.ndarray, side: float, width: int, height: int) -> np.ndarray:
    """The center of a box, moved so that no more than a fifth of it overhangs the image where it fits
    inside."""
    size = np.array([width - 1.0, height - 1.0])
    low = np.minimum(0.3 * side, size / 2)
    return np.clip(center, low, size - low)


def tracked_crop(sample: HandSample, rng: np.random.Generator, size_px: int) -> CropCamera:
    """The crop that a tracker makes from its last mesh: around all present hands, margin 0.8, a little
    stale."""
    pixels = _hand_pixels(sample, np.flatnonzero(sample.presence))
    if pixels is None:
        return jittered_crop(sample, rng, size_px, max_roll_rad=0.0)
    center, side = box_around(pixels)
    center = center + rng.normal(0.0, 0.03, 2) * side
    return CropCamera.from_box(sample.intrinsics, center, side * np.exp(rng.normal(0.0, 0.05)), size_px)


def jittered_colors(image: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """A (H, W, 3) uint8 image with brightness, contrast, saturation and channel gains changed at random."""
    gains = np.exp(rng.normal(0.0, 0.05, 3) * strength) * np.exp(rng.normal(0.0, 0.15) * strength)
    contrast = np.exp(rng.normal(0.0, 0.12) * strength)
    saturation = np.exp(rng.normal(0.0, 0.15) * strength)
    # One 3x3 matrix and an offset hold all four changes: one pass over the image.
    saturate = saturation * np.eye(3) + (1.0 - saturation) * np.tile(_LUMA, (3, 1))
    matrix = contrast * np.diag(gains) @ saturate
    offset = 118.0 * (1.0 - contrast)
    affine = np.concatenate([matrix, np.full((3, 1), offset)], axis=1)
    return cv2.transform(image, affine)


def _target_pixels(sample: HandSample, rng: np.random.Generator) -> np.ndarray | None:
    """Pixels of the hands that a crop is made for: all of them, or, of two, sometimes one."""
    present = np.flatnonzero(sample.presence)
    if len(present) == 2 and rng.random() < 0.3:
        present = present[rng.integers(2) :][:1]
    return _hand_pixels(sample, present)


def _hand_pixels(sample: HandSample, sides: np.ndarray) -> np.ndarray | None:
    """(N, 2) image pixels of these hands' vertices, every third of them (joints where no mesh is known),
    clipped to the image."""
    points = [
        sample.vertices[s, ::3] if sample.mesh_valid[s] else sample.joints[s][sample.joints_valid[s]]
        for s in sides
    ]
    if not points:
        return None
    stacked = np.concatenate(points).astype(np.float64)
    stacked = stacked[stacked[:, 2] > 0.01]
    if not len(stacked):
        return None
    limit = np.array([sample.intrinsics.width - 1.0, sample.intrinsics.height - 1.0])
    return np.clip(_projected(sample.intrinsics, stacked), 0.0, limit)


def _projected(camera: CameraIntrinsics, points: np.ndarray) -> np.ndarray:
    """(N, 2) image pixels of (N, 3) points; what is behind the camera lies nowhere in it."""
    if camera.is_pinhole:
        return _pinhole(camera.matrix, points)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(camera.project(points), nan=-1e6)


def _pinhole(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The same for a camera without distortion, at a tenth of the price: this runs for every training
    sample."""
    depth = points[:, 2:]
    pixels = points[:, :2] / np.where(depth > 1e-3, depth, 1.0) * matrix[[0, 1], [0, 1]] + matrix[:2, 2]
    return np.where(depth > 1e-3, pixels, -1e6)


def _mirrored_points(points: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray((points @ _MIRROR)[::-1])


def _mirrored_mask(mask: np.ndarray) -> np.ndarray:
    swap = np.array([0, 2, 1, 3], dtype=np.uint8)
    return swap[mask[:, ::-1]]


def _inside(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    low, high = -0.5, np.array([width - 0.5, height - 0.5])
    return ((pixels >= low) & (pixels < high)).all(axis=-1)
