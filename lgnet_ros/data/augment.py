"""Cutting a sample to a crop, with every label turned, scaled and mirrored along with the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log

import cv2
import numpy as np

from lgnet_ros.data.pinhole import mark_inside, turn, widen_box
from lgnet_ros.data.sample import HandSample
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.crops import APART, CropCamera, box_around, upright_roll
from lgnet_ros.hand_model.topology import WRIST_AND_KNUCKLE

# A hand counts as present in a crop from this many of its 21 joints inside crop and image: a palm, or three
# fingers. Less than that, nobody could say which hand it is.
MIN_JOINTS_INSIDE = 7
_GREY_SHARE = 0.05
# Share of jittered crops that are wider than a tracker's; of these, two in seven are the full frame.
WIDE_SHARE = 0.35
# Share of crops of two hands that show one of them.
ALONE_SHARE = 0.3

Box = tuple[np.ndarray, float]  # center (2,) and side, px
_UNTURNED = np.eye(3)
_MIRROR = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)
_DIAGONAL = np.arange(3), np.arange(3)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class CropSample:
    """A square crop and its truth in the crop camera's frame; axis 0 of per-hand arrays is right, left.

    Attributes as in `HandSample`, with absent hands' `mesh_valid` and `joints_valid` False, and:
        image: (S, S, 3) uint8, RGB.
        focal_px: the crop camera's focal length; its principal point is (S - 1) / 2.
        crop: the camera; for a flipped sample, the camera before the flip.
        flipped: whether image and labels were mirrored after the crop.
        asked: of which hands, right and left, an estimator's word counts; of two hands with a crop each it is
            the one that the crop is made for, and the other one is absent from the truth.
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
    asked: tuple[bool, bool] = (True, True)

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
    vertices, joints = np.empty_like(sample.vertices), np.empty_like(sample.joints)
    turn(sample.vertices.reshape(-1, 3), rotation, vertices.reshape(-1, 3))
    turn(sample.joints.reshape(-1, 3), rotation, joints.reshape(-1, 3))
    inside = joints_inside(sample, crop)
    presence = sample.presence & (inside.sum(axis=1) >= MIN_JOINTS_INSIDE)
    return CropSample(
        image=image,
        focal_px=float(crop.focal_px),
        presence=presence,
        vertices=vertices,
        joints=joints,
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
    joints, camera = sample.joints.reshape(-1, 3), sample.intrinsics
    inside = (sample.joints_valid & sample.presence[:, None]).reshape(-1)
    if camera.is_pinhole:
        mark_inside(joints, _UNTURNED, camera.matrix, camera.width, camera.height, inside)
    else:
        inside &= _inside(camera.project(joints), camera.width, camera.height)
    mark_inside(joints, crop.rotation_crop_camera, crop.matrix, crop.size_px, crop.size_px, inside)
    return inside.reshape(sample.joints_valid.shape)


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
        asked=sample.asked[::-1],
    )


def jittered_crop(
    sample: HandSample,
    rng: np.random.Generator,
    size_px: int,
    max_roll_rad: float = 0.6,
    wide_share: float = WIDE_SHARE,
    alone_share: float = ALONE_SHARE,
    upright_share: float = 0.0,
) -> CropCamera:
    """A training crop: around one or both hands, from tight to the full frame, shifted, and, if tight,
    rolled.

    Most are as tight as a tracker's (the hands fill 0.55 to 0.95 of the side); a share, `wide_share`, is wide
    (down to a sixth), some of it the full frame unless the hands would be lost in it. Of two hands that are
    apart, a share, `alone_share`, is cropped one at a time, as a tracker does. A share of the tight crops,
    `upright_share`, is turned as a tracker turns them before it is rolled. Without a hand: anywhere.
    """
    width, height = sample.intrinsics.width, sample.intrinsics.height
    full = float(max(width, height))
    sides = _target_sides(sample, rng, alone_share)
    box = _hand_box(sample, sides, margin=1.0)
    roll = min(max(rng.normal(0.0, max_roll_rad / 2), -max_roll_rad), max_roll_rad)
    upright = 0.15 * roll  # wide crops look for hands: nothing has told them yet how to turn
    kind = rng.random()
    if box is None:
        center, side = rng.random(2) * (width, height), full * exp(rng.uniform(log(0.15), 0.0))
        return CropCamera.from_box(
            sample.intrinsics, _held_in(center, side, width, height), side, size_px, upright
        )
    center, extent = box
    if kind < wide_share * 2 / 7 and extent > full / 6:
        center = np.array([(width - 1) / 2, (height - 1) / 2])
        return CropCamera.from_box(sample.intrinsics, center, full, size_px, upright)
    low, high = (0.55, 0.95) if kind < 1.0 - wide_share * 5 / 7 else (1 / 6, 0.55)
    side = min(extent / exp(rng.uniform(log(low), log(high))), max(full, 1.1 * extent))
    freedom = 0.5 * max(side - extent, 0.0) + 0.05 * side
    shifted = center + rng.uniform(-1.0, 1.0, 2) * freedom
    # Tight crops stay where the hands are; wide ones need not show much of what lies beyond the image.
    if side < 1.9 * extent:
        if upright_share > 0 and rng.random() < upright_share:
            turned = _upright_roll(sample, sides, extent)
            (middle, turned_extent), roll = _turned_box(sample, sides, turned), roll + turned
            shifted = middle + (shifted - center) * turned_extent / extent
            side *= turned_extent / extent
        return CropCamera.from_box(sample.intrinsics, shifted, side, size_px, roll)
    center = _held_in(shifted, side, width, height)
    return CropCamera.from_box(sample.intrinsics, center, side, size_px, upright)


def _held_in(center: np.ndarray, side: float, width: int, height: int) -> np.ndarray:
    """The center of a box, moved so that no more than a fifth of it overhangs the image where it fits
    inside."""
    held = []
    for value, last in zip(center.tolist(), (width - 1.0, height - 1.0), strict=True):
        low = min(0.3 * side, last / 2)
        held.append(min(max(value, low), last - low))
    return np.array(held)


def tracked_crops(sample: HandSample, rng: np.random.Generator, size_px: int) -> list[CropSample]:
    """The crops that a tracker makes from its last meshes: around each hand, or around two that lie on each
    other, margin 0.8, turned upright, a little stale.
    """
    present = np.flatnonzero(sample.presence)
    groups = np.split(present, 2) if len(present) == 2 and are_apart(sample) else [present]
    crops = []
    for sides in groups:
        box = _hand_box(sample, sides, margin=0.8)
        if box is not None:
            roll = _upright_roll(sample, sides, box[1])
            center, side = _turned_box(sample, sides, roll, margin=0.8)
            center = center + rng.normal(0.0, 0.03, 2) * side
            side = side * np.exp(rng.normal(0.0, 0.05))
            roll += rng.normal(0.0, 0.2)
            crop = crop_sample(sample, CropCamera.from_box(sample.intrinsics, center, side, size_px, roll))
            crops.append(crop if len(groups) == 1 else _asked_for(crop, sides))
    return crops or [crop_sample(sample, jittered_crop(sample, rng, size_px, max_roll_rad=0.0))]


def _asked_for(crop: CropSample, sides: np.ndarray) -> CropSample:
    """The crop with these hands in its truth alone."""
    asked = np.isin((0, 1), sides)
    return replace(
        crop,
        presence=crop.presence & asked,
        joints_valid=crop.joints_valid & asked[:, None],
        mesh_valid=crop.mesh_valid & asked,
        asked=tuple(asked.tolist()),
    )


def jittered_colors(image: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """A (H, W, 3) uint8 image with brightness, contrast, saturation and channel gains changed at random, and
    every twentieth, or with less strength fewer, without color."""
    return cv2.transform(image, color_changes(rng, 1, strength)[0])


def color_changes(rng: np.random.Generator, count: int, strength: float) -> np.ndarray:
    """(N, 3, 4) matrices that do so: of each color (r, g, b, 1), values from 0 to 255."""
    channels = rng.normal(0.0, 0.05, (count, 3))
    gains = np.exp((channels + rng.normal(0.0, 0.15, (count, 1))) * strength)
    contrast = np.exp(rng.normal(0.0, 0.12, count) * strength)
    saturation = np.exp(rng.normal(0.0, 0.15, count) * strength)
    saturation *= rng.random(count) >= _GREY_SHARE * min(strength, 1.0)  # monochrome cameras
    # One 3x4 matrix holds all four changes: one pass over the image.
    affine = np.empty((count, 3, 4))
    affine[..., :3] = (1.0 - saturation)[:, None, None] * _LUMA
    affine[(slice(None), *_DIAGONAL)] += saturation[:, None]
    affine *= (contrast[:, None] * gains)[..., None]
    affine[..., 3] = 118.0 * (1.0 - contrast)[:, None]
    return affine


def _target_sides(sample: HandSample, rng: np.random.Generator, alone_share: float) -> np.ndarray:
    """The hands that a crop is made for: all of them, or, of two, sometimes one."""
    present = np.flatnonzero(sample.presence)
    if len(present) == 2:
        # To know whether they are apart takes three more boxes: asked only where it makes a difference.
        own_share = alone_share != ALONE_SHARE and are_apart(sample)
        if rng.random() < (alone_share if own_share else ALONE_SHARE):
            present = present[rng.integers(2) :][:1]
    return present


def _turned_box(sample: HandSample, sides: np.ndarray, roll_rad: float, margin: float = 1.0) -> Box:
    """`_hand_box`, turned; something of the hands has to be before the camera."""
    points = [
        sample.vertices[s][::3] if sample.mesh_valid[s] else sample.joints[s][sample.joints_valid[s]]
        for s in sides.tolist()
    ]
    pixels = sample.intrinsics.project(np.concatenate(points))
    last = (sample.intrinsics.width - 1.0, sample.intrinsics.height - 1.0)
    return box_around(np.clip(pixels, 0.0, last), margin, roll_rad)


def _upright_roll(sample: HandSample, sides: np.ndarray, extent_px: float) -> float:
    """`upright_roll` of these hands."""
    known = [s for s in sides.tolist() if sample.joints_valid[s, WRIST_AND_KNUCKLE].all()]
    return upright_roll(sample.intrinsics.project(sample.joints[known][:, WRIST_AND_KNUCKLE]), extent_px)


def are_apart(sample: HandSample) -> bool:
    """Whether two hands that are both present are seen so far from each other that each has a crop alone."""
    together, *each = (_hand_box(sample, np.array(sides), margin=1.0) for sides in ((0, 1), (0,), (1,)))
    sides = [box[1] for box in each if box is not None]
    return len(sides) == 2 and together[1] > APART * max(sides)


def _hand_box(sample: HandSample, sides: np.ndarray, margin: float) -> Box | None:
    """The square box, see `box_around`, of these hands' vertices in the image, every third of them (joints
    where no mesh is known); None where nothing of them is before the camera."""
    edges = np.array([np.inf, np.inf, -np.inf, -np.inf])
    for s in sides.tolist():
        if sample.mesh_valid[s]:
            _widen(edges, sample.vertices[s], 3, sample.intrinsics)
        else:
            _widen(edges, sample.joints[s][sample.joints_valid[s]], 1, sample.intrinsics)
    left, top, right, bottom = edges.tolist()
    if not left <= right:
        return None
    return np.array([(left + right) / 2, (top + bottom) / 2]), max(right - left, bottom - top) / margin


def _widen(edges: np.ndarray, points: np.ndarray, step: int, camera: CameraIntrinsics) -> None:
    """Widens edges (4,) [left, top, right, bottom] by each `step`-th of the points (N, 3), in the image."""
    if camera.is_pinhole:
        widen_box(points, step, camera.matrix, camera.width, camera.height, edges)
        return
    pixels = camera.project(points[::step])
    pixels = np.clip(pixels[np.isfinite(pixels).all(axis=1)], 0.0, [camera.width - 1.0, camera.height - 1.0])
    if len(pixels):
        edges[:2] = np.minimum(edges[:2], pixels.min(axis=0))
        edges[2:] = np.maximum(edges[2:], pixels.max(axis=0))


def _mirrored_points(points: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray((points @ _MIRROR)[::-1])


def _mirrored_mask(mask: np.ndarray) -> np.ndarray:
    swap = np.array([0, 2, 1, 3], dtype=np.uint8)
    return swap[mask[:, ::-1]]


def _inside(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    low, high = -0.5, np.array([width - 0.5, height - 0.5])
    return ((pixels >= low) & (pixels < high)).all(axis=-1)
