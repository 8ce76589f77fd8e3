"""A picture of what was seen: meshes, skeletons, names and the network's crops on the image."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model.mesh import vertex_normals
from lgnet_ros.hand_model.topology import BONES
from lgnet_ros.pipeline.records import Frame, Hand

SIDE_COLORS = {"right": (238, 132, 76), "left": (72, 146, 224)}
"""RGB of either hand."""

_MESH_OPACITY = 0.72
_CROP_COLOR = (235, 235, 235)
_BONE_COLOR = (250, 250, 245)
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
    thickness = max(1, round(image_rgb.shape[0] / _REFERENCE_HEIGHT))
    picture = _with_meshes(image_rgb, frame.hands, intrinsics, faces, thickness)
    for corners in frame.crops:
        _draw_crop(picture, corners, thickness)
    for hand in frame.hands:
        _draw_skeleton(picture, hand, thickness)
    for hand in frame.hands:
        _draw_label(picture, hand)
    return picture


def _with_meshes(
    image: np.ndarray,
    hands: tuple[Hand, ...],
    intrinsics: CameraIntrinsics,
    faces: Callable[[str], np.ndarray],
    thickness: int,
) -> np.ndarray:
    """The image with shaded, translucent meshes and their outlines; nearer faces cover farther ones."""
    if not hands:
        return image.copy()
    # A fourth channel tells afterwards which pixels have been painted.
    layer = np.dstack([image, np.zeros(image.shape[:2], np.uint8)])
    parts = [_visible_triangles(hand, intrinsics, faces(hand.side)) for hand in hands]
    triangles, depths, colors = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    for index in np.argsort(-depths):
        color = (*colors[index].tolist(), 255)
        cv2.fillConvexPoly(layer, triangles[index], color, cv2.LINE_8, _SUBPIXEL_BITS)
    painted = np.ascontiguousarray(layer[..., 3])
    picture = cv2.addWeighted(
        np.ascontiguousarray(layer[..., :3]), _MESH_OPACITY, image, 1 - _MESH_OPACITY, 0
    )
    outlines, _ = cv2.findContours(painted, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, (255, 255, 255), thickness, cv2.LINE_AA)
    return picture


def _visible_triangles(
    hand: Hand, intrinsics: CameraIntrinsics, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The triangles of one hand that face the camera.

    Returns:
        (N,3,2) int32 image points in subpixel units, (N,) depths in metres, (N,3) uint8 shaded colors.
    """
    corners = hand.vertices[faces].astype(np.float64)  # (1538,3,3)
    pixels = intrinsics.project(hand.vertices)[faces]  # (1538,3,2)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces_camera = (normals * corners[:, 0]).sum(axis=1) < 0
    near = (np.abs(pixels) < 8 * max(intrinsics.width, intrinsics.height)).all(axis=(1, 2))  # NaN is not
    kept = faces_camera & near
    # Light at the corners, averaged, hides the facets.
    light_at = np.clip(vertex_normals(hand.vertices, faces) @ _TO_LIGHT, 0, 1)
    light = _AMBIENT + _DIFFUSE * light_at[faces[kept]].mean(axis=1)
    colors = np.clip(np.array(SIDE_COLORS[hand.side]) * light[:, None], 0, 255).astype(np.uint8)
    triangles = np.round(pixels[kept] * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    return triangles, corners[kept].mean(axis=1)[:, 2], colors


def _draw_skeleton(picture: np.ndarray, hand: Hand, thickness: int) -> None:
    if not np.isfinite(hand.joints_image).all():
        return
    points = [_subpixel(joint) for joint in hand.joints_image]
    for start, end in BONES:
        _line(picture, points[start], points[end], (40, 40, 40), thickness + 2)
    for start, end in BONES:
        _line(picture, points[start], points[end], _BONE_COLOR, thickness)
    for point in points:
        radius = (2 * thickness + 1) << _SUBPIXEL_BITS
        cv2.circle(picture, point, radius, (40, 40, 40), -1, cv2.LINE_AA, _SUBPIXEL_BITS)
        radius -= thickness << _SUBPIXEL_BITS
        cv2.circle(picture, point, radius, SIDE_COLORS[hand.side], -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_crop(picture: np.ndarray, corners: np.ndarray, thickness: int) -> None:
    """The crop's corners only: a whole box would cover what matters."""
    if not np.isfinite(corners).all():
        return
    for corner, before, after in zip(corners, np.roll(corners, 1, 0), np.roll(corners, -1, 0), strict=True):
        for neighbor in (before, after):
            _line(
                picture,
                _subpixel(corner),
                _subpixel(corner + 0.12 * (neighbor - corner)),
                _CROP_COLOR,
                thickness,
            )


def _draw_label(picture: np.ndarray, hand: Hand) -> None:
    """Side and score on a plate of the hand's color, beyond the wrist."""
    wrist, middle = hand.joints_image[0], hand.joints_image[9]
    if not np.isfinite([wrist, middle]).all():
        return
    scale = 0.5 * picture.shape[0] / _REFERENCE_HEIGHT
    text = f"{hand.side} {hand.score:.2f}"
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, scale, 1)
    away = (wrist - middle) / max(np.linalg.norm(wrist - middle), 1e-6)
    left, bottom = wrist + away * 2.0 * height + (-width / 2, height / 2)
    left = int(np.clip(left, 4, max(4, picture.shape[1] - width - 4)))
    bottom = int(np.clip(bottom, height + 6, max(height + 6, picture.shape[0] - base - 4)))
    corner, opposite = (left - 4, bottom - height - 4), (left + width + 4, bottom + base)
    cv2.rectangle(picture, corner, opposite, SIDE_COLORS[hand.side], -1)
    cv2.putText(
        picture, text, (left, bottom), cv2.FONT_HERSHEY_DUPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA
    )


def _line(picture: np.ndarray, start: tuple, end: tuple, color: tuple[int, int, int], thickness: int) -> None:
    cv2.line(picture, start, end, color, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _subpixel(point: np.ndarray) -> tuple[int, int]:
    """A point as OpenCV takes it with `shift`; far ones are brought within the range of its integers."""
    x, y = np.round(np.clip(point, -30000, 30000) * (1 << _SUBPIXEL_BITS)).astype(int)
    return int(x), int(y)
