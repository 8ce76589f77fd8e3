"""A picture of what was seen: meshes, skeletons, names and the network's crops on the image."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model.mesh import vertex_normals
from lgnet_ros.hand_model.topology import BONES
from lgnet_ros.pipeline.painting import Canvas
from lgnet_ros.pipeline.records import Frame, Hand

SIDE_COLORS = {"right": (238, 132, 76), "left": (72, 146, 224)}
"""RGB of either hand."""

_CROP_COLOR = (235, 235, 235)
_BONE_COLOR, _SHADOW_COLOR = (250, 250, 245), (40, 40, 40)
_BONES = np.array(BONES)
_TO_LIGHT = np.array([-0.35, -0.55, -0.76])  # from the surface up and left, to beside the camera; unit length
_AMBIENT, _DIFFUSE = 0.42, 0.75
_SUBPIXEL_BITS = 4  # OpenCV draws in 1/16 px
_REFERENCE_HEIGHT = 480  # of the image for which lines are one or two pixels thick


def draw_overlay(
    image_rgb: np.ndarray, frame: Frame, intrinsics: CameraIntrinsics, faces: Callable[[str], np.ndarray]
) -> np.ndarray:
    """The image with everything in `frame` drawn on it.

    Args:
        image_rgb: (H,W,3) uint8; is left as it is.
        frame: what the pipeline saw in it.
        intrinsics: of the camera that took it.
        faces: gives the (1538,3) vertex indices of one side's triangles, wound outwards.

    Returns:
        (H,W,3) uint8 RGB.
    """
    picture = image_rgb.copy()
    draw_on(picture, frame, intrinsics, faces)
    return picture


def draw_on(
    picture: np.ndarray, frame: Frame, intrinsics: CameraIntrinsics, faces: Callable[[str], np.ndarray]
) -> None:
    """Draw everything in `frame` on the picture (H,W,3) uint8 RGB itself; the rest as in `draw_overlay`."""
    thickness = max(1, round(picture.shape[0] / _REFERENCE_HEIGHT))
    if frame.hands:
        _draw_meshes(picture, frame.hands, intrinsics, faces, thickness)
    for corners in frame.crops:
        _draw_crop(picture, corners, thickness)
    for hand in frame.hands:
        _draw_skeleton(picture, hand, thickness)
    for hand in frame.hands:
        _draw_label(picture, hand)


def rehearse() -> None:
    """Load what is compiled, or compile it now: the first picture need not wait for it."""
    corner = np.zeros((3, 2))
    canvas = Canvas(np.zeros((9, 9, 3), np.uint8), [corner], 1)
    canvas.paint(np.ones((3, 3)), corner, np.zeros((1, 3), np.int64), np.ones((3, 3)))
    canvas.blend()


def _draw_meshes(
    picture: np.ndarray,
    hands: tuple[Hand, ...],
    intrinsics: CameraIntrinsics,
    faces: Callable[[str], np.ndarray],
    thickness: int,
) -> None:
    """Shaded, translucent meshes and the outline around all of them."""
    pixels = [intrinsics.project(hand.vertices) for hand in hands]
    canvas = Canvas(picture, pixels, thickness)
    for hand, seen_at in zip(hands, pixels, strict=True):
        light = vertex_normals(hand.vertices, faces(hand.side)) @ _TO_LIGHT
        shade = _AMBIENT + _DIFFUSE * np.clip(light, 0, 1)
        colors = np.minimum(np.array(SIDE_COLORS[hand.side]) * shade[:, None], 255)
        canvas.paint(hand.vertices, seen_at, faces(hand.side), colors)
    canvas.blend()


def _draw_skeleton(picture: np.ndarray, hand: Hand, thickness: int) -> None:
    if not np.isfinite(hand.joints_image).all():
        return
    points = _subpixel(hand.joints_image)
    bones = list(points[_BONES])
    for color, width in ((_SHADOW_COLOR, thickness + 2), (_BONE_COLOR, thickness)):
        cv2.polylines(picture, bones, False, color, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    for x, y in points.tolist():
        radius = (2 * thickness + 1) << _SUBPIXEL_BITS
        cv2.circle(picture, (x, y), radius, _SHADOW_COLOR, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
        radius -= thickness << _SUBPIXEL_BITS
        cv2.circle(picture, (x, y), radius, SIDE_COLORS[hand.side], -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_crop(picture: np.ndarray, corners: np.ndarray, thickness: int) -> None:
    """The crop's corners only: a whole box would cover what matters."""
    if not np.isfinite(corners).all():
        return
    before, after = np.roll(corners, 1, 0), np.roll(corners, -1, 0)
    ends = [corners + 0.12 * (before - corners), corners, corners + 0.12 * (after - corners)]
    hooks = list(_subpixel(np.stack(ends, axis=1)))
    cv2.polylines(picture, hooks, False, _CROP_COLOR, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_label(picture: np.ndarray, hand: Hand) -> None:
    """Side and score on a plate of the hand's color, beyond the wrist."""
    wrist, middle = hand.joints_image[0], hand.joints_image[9]
    if not np.isfinite([wrist, middle]).all():
        return
    scale = 0.5 * picture.shape[0] / _REFERENCE_HEIGHT
    stroke = math.ceil(scale)
    margin = 4 * stroke
    text = f"{hand.side} {hand.score:.2f}"
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, scale, stroke)
    away = (wrist - middle) / max(np.linalg.norm(wrist - middle), 1e-6)
    left, bottom = wrist + away * 2.0 * height + (-width / 2, height / 2)
    left = int(np.clip(left, margin, max(margin, picture.shape[1] - width - margin)))
    highest = height + 3 * margin // 2
    bottom = int(np.clip(bottom, highest, max(highest, picture.shape[0] - base - margin)))
    corner, opposite = (left - margin, bottom - height - margin), (left + width + margin, bottom + base)
    cv2.rectangle(picture, corner, opposite, SIDE_COLORS[hand.side], -1)
    cv2.putText(
        picture, text, (left, bottom), cv2.FONT_HERSHEY_DUPLEX, scale, (255, 255, 255), stroke, cv2.LINE_AA
    )


def _subpixel(points: np.ndarray) -> np.ndarray:
    """Points (…,2) as OpenCV takes them with `shift`; far ones come within the range of its integers."""
    return np.round(np.clip(points, -30000, 30000) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
