"""From a scene to samples: a whole frame, or straight the crop that will be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np

from lgnet_ros.data.augment import (
    MIN_JOINTS_INSIDE,
    CropSample,
    jittered_colors,
    jittered_crop,
    labels_in_crop,
)
from lgnet_ros.data.pinhole import mark_inside
from lgnet_ros.data.sample import MASK_OTHER, HandSample
from lgnet_ros.data.synthetic.behind import blank_beyond
from lgnet_ros.data.synthetic.camera import CameraLook, metered_gain, photograph, with_motion_and_metering
from lgnet_ros.data.synthetic.framing import project
from lgnet_ros.data.synthetic.lookups import SAMPLES
from lgnet_ros.data.synthetic.mixtures import Mixture
from lgnet_ros.data.synthetic.posing import Posed
from lgnet_ros.data.synthetic.raster import View, rasterize
from lgnet_ros.data.synthetic.shading import (
    Backdrop,
    Light,
    Picture,
    ShadowMap,
    Surface,
    Textures,
    far_picture,
    shade,
)
from lgnet_ros.data.synthetic.vertex_light import Environment, light_vertices
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.crops import BORDER_RGB, CropCamera
from lgnet_ros.hand_model.topology import JOINT_COUNT, ROTATION_COUNT, SHAPE_COUNT, VERTEX_COUNT
from lgnet_ros.jit import compiled

# A joint lies inside the flesh, up to so far behind the skin that one sees: a finger's, and the palm's.
_FINGER_M, _PALM_M = 0.022, 0.040
_IN_PALM = np.isin(np.arange(JOINT_COUNT), (0, 1, 5, 9, 13, 17))  # wrist, root of the thumb, knuckles
_NO_TURN = np.eye(3)
_BORDER = np.array(BORDER_RGB, np.uint8)
_UNTURNED = np.tile(np.eye(3, dtype=np.float32), (2, ROTATION_COUNT, 1, 1))


@dataclass(frozen=True)
class HandState:
    """A hand in a scene: posed in the camera frame, with the shape (10,) that it was posed with."""

    posed: Posed
    shape: np.ndarray


@dataclass(frozen=True)
class Scene:
    """All that a picture of it needs; the frame of everything is the camera's. hands: right, left, None =
    absent."""

    intrinsics: CameraIntrinsics
    hands: tuple[HandState | None, HandState | None]
    surface: Surface
    light: Light
    environment: Environment
    shadow: ShadowMap
    backdrop: Backdrop
    textures: Textures
    camera: CameraLook
    key: str


def photograph_scene(
    scene: Scene, rng: np.random.Generator, far: np.ndarray | None = None, gain: float | None = None
) -> HandSample:
    """The full frame with all labels; a film gives its backdrop and exposure, which do not change."""
    camera = scene.intrinsics
    picture = picture_of(scene, frame_view(camera), far)
    image = photograph(
        picture.color, scene.camera, rng, metered_gain(picture.color) if gain is None else gain
    )
    pixels = _projected(scene, frame_view(camera))
    return _labels(scene, image, _visibility(scene, picture, pixels), picture.label, picture.depth)


def photograph_crop(
    scene: Scene,
    size_px: int,
    rng: np.random.Generator,
    mixture: Mixture,
    margin: float = 1.0,
) -> CropSample:
    """A jittered crop of the scene, rendered through the crop camera itself.

    Where the crop enlarges the camera's pixels, the picture is made with the camera's and enlarged after, so
    that blur and noise are as coarse as they would be.

    Args:
        mixture: how many crops are wide, show one of two hands, and how sharp they are at least.
        margin: widens the picture about its middle to round(size_px · margin) pixels at the same focal
            length.
    """
    sample = _labels(scene, np.empty((0, 0, 3), np.uint8), np.ones((2, JOINT_COUNT), bool), None, None)
    tight = jittered_crop(
        sample,
        rng,
        size_px,
        wide_share=mixture.wide_crops,
        alone_share=mixture.alone,
        upright_share=mixture.upright,
    )
    crop = CropCamera(tight.rotation_crop_camera, tight.focal_px, int(round(size_px * margin)))
    image, mask, visibility = _crop_picture(scene, crop, rng, mixture.least_zoom)
    sample.visibility[:] &= visibility
    return labels_in_crop(sample, crop, image, mask)


def _crop_picture(
    scene: Scene, crop: CropCamera, rng: np.random.Generator, least_zoom: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image (S, S, 3) uint8, mask (S, S) uint8 and visibility (2, 21) of a crop."""
    # Camera pixels per crop pixel, at the middle.
    zoom = max(float(scene.intrinsics.matrix[0, 0]) / crop.focal_px, least_zoom)
    render_px = min(max(ceil(crop.size_px * zoom), 24), crop.size_px)
    small = CropCamera(crop.rotation_crop_camera, crop.focal_px * render_px / crop.size_px, render_px)
    picture = picture_of(scene, crop_view(small))
    shrunk = max(zoom * crop.size_px / render_px, 1.0)
    look = with_motion_and_metering(scene.camera, rng)
    image = photograph(picture.color, look, rng, metered_gain(picture.color), shrunk)
    visibility = _visibility(scene, picture, _projected(scene, crop_view(small)))
    size = (crop.size_px, crop.size_px)
    mask = picture.label
    if render_px < crop.size_px:
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    image = jittered_colors(image, rng)
    _blank_outside(image, mask, crop, scene.intrinsics)
    return image, mask, visibility


def frame_view(camera: CameraIntrinsics) -> View:
    """The whole image of a camera without distortion."""
    k = camera.matrix
    focal_center = float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2])
    return View(np.eye(3), np.zeros(3), *focal_center, camera.width, camera.height)


def crop_view(crop: CropCamera) -> View:
    """The picture of a crop camera."""
    middle = (crop.size_px - 1) / 2
    size = crop.size_px
    return View(
        crop.rotation_crop_camera, np.zeros(3), crop.focal_px, crop.focal_px, middle, middle, size, size
    )


def picture_of(scene: Scene, view: View, far: np.ndarray | None = None) -> Picture:
    """Linear colors, labels and depth; `far` is the view's backdrop where the caller has it already."""
    surface = scene.surface
    seen = rasterize(view.to_view(surface.vertices), surface.faces, view, SAMPLES)
    light_vertices(
        seen.drawn, surface.faces, surface.shaded, surface.vertices, surface.attributes, *scene.environment
    )
    far = far_picture(view, scene.backdrop, seen) if far is None else far
    return shade(seen, surface, view, scene.light, scene.shadow, far, scene.textures)


def _projected(scene: Scene, view: View) -> np.ndarray:
    """(2, 21, 2) pixels of the joints of present hands; far outside for absent ones and behind the camera."""
    pixels = np.full((2, JOINT_COUNT, 2), -1e6)
    for side, hand in enumerate(scene.hands):
        if hand is not None:
            pixels[side] = project(hand.posed.joints, view)
    return pixels


def _visibility(scene: Scene, picture: Picture, pixels: np.ndarray) -> np.ndarray:
    """(2, 21) bool: in the picture, and nothing nearer in front than the joint's own flesh."""
    result = np.zeros((2, JOINT_COUNT), bool)
    for side, hand in enumerate(scene.hands):
        if hand is None:
            continue
        _see(pixels[side], hand.posed.joints, side + 1, picture.label, picture.depth, result[side])
    return result


@compiled
def _see(pixels, joints, own_label, labels, depths, seen):
    for j in range(seen.shape[0]):
        column, row = np.rint(pixels[j, 0]), np.rint(pixels[j, 1])
        if column < 0 or column >= labels.shape[1] or row < 0 or row >= labels.shape[0]:
            continue
        label, depth = labels[int(row), int(column)], depths[int(row), int(column)]
        if label == own_label:
            behind = _PALM_M if _IN_PALM[j] else _FINGER_M
        elif j == 0 and label == MASK_OTHER:
            # The wrist lies at the border of hand and forearm: skin of the arm does not hide it.
            behind = 1.3 * _FINGER_M
        else:
            behind = 0.003
        seen[j] = depth > joints[j, 2] - behind or (depth == 0 and label != own_label)


def _labels(
    scene: Scene, image: np.ndarray, visibility: np.ndarray, mask: np.ndarray | None, depth: np.ndarray | None
) -> HandSample:
    camera = scene.intrinsics
    presence = np.zeros(2, bool)
    vertices = np.zeros((2, VERTEX_COUNT, 3), np.float32)
    joints = np.zeros((2, JOINT_COUNT, 3), np.float32)
    rotations = _UNTURNED.copy()
    shape = np.zeros((2, SHAPE_COUNT), np.float32)
    for side, hand in enumerate(scene.hands):
        if hand is not None and _joints_in_frame(hand, camera) >= MIN_JOINTS_INSIDE:
            presence[side] = True
            vertices[side], joints[side] = hand.posed.vertices, hand.posed.joints
            rotations[side], shape[side] = hand.posed.rotations, hand.shape
    return HandSample(
        image=image,
        intrinsics=scene.intrinsics,
        presence=presence,
        vertices=vertices,
        joints=joints,
        rotations=rotations,
        shape=shape,
        joints_valid=np.repeat(presence[:, None], JOINT_COUNT, axis=1),
        mesh_valid=presence.copy(),
        visibility=visibility & presence[:, None],
        mask=mask,
        depth=depth,
        key=scene.key,
    )


def _joints_in_frame(hand: HandState, camera: CameraIntrinsics) -> int:
    inside = np.ones(JOINT_COUNT, bool)
    mark_inside(hand.posed.joints, _NO_TURN, camera.matrix, camera.width, camera.height, inside)
    return int(np.count_nonzero(inside))


def _blank_outside(image: np.ndarray, mask: np.ndarray, crop: CropCamera, camera: CameraIntrinsics) -> None:
    """Paints what lies beyond the camera's image as `CropCamera.warp` does."""
    last = crop.size_px - 1.0
    per_px, edge = 1.0 / crop.focal_px, -0.5 * last / crop.focal_px
    to_ray = np.array([[per_px, 0.0, edge], [0.0, per_px, edge], [0.0, 0.0, 1.0]])
    to_image = camera.matrix @ crop.rotation_crop_camera.T @ to_ray
    blank_beyond(to_image, camera.width, camera.height, _BORDER, image, mask)
