"""Virtual-camera crops: what a pinhole camera at the same place, turned to look at the hand, would see.

A shifted window shows one appearance for orientations tens of degrees apart at the image's edge; a turned
camera does not. Training, evaluation and run time all cut their crops here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgnet_ros.errors import UserError
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.jit import exactly

# Outside the image: ImageNet's mean color, RGB, which is zero once normalized.
BORDER_RGB = (124, 116, 104)

# Two hands are apart, and each has a crop of its own, when the square around both is more than so many times
# the larger of the squares around each. A hand in the middle, upright and as large as the crop allows is
# understood far better; only hands that lie on each other gain nothing by a second crop.
APART = 1.15

_IMAGE_UP = 0.05  # how far up the image's own up points; the palm of a hand seen flat is half its extent


def box_around(
    points_px: ArrayLike, margin: float = 0.8, roll_rad: float = 0.0
) -> tuple[NDArray[np.float64], float]:
    """The square box in which the points' larger extent takes the share `margin`.

    Args:
        points_px: (N,2) px; rows that are not finite are left out.
        roll_rad: by how much the box is turned, from x to y.

    Returns:
        center (2,) px and side, px: half of it is the largest extent / 2 / margin.

    Raises:
        ValueError: no finite point.
    """
    points = np.ascontiguousarray(points_px, dtype=np.float64).reshape(-1, 2)
    right, down = math.cos(roll_rad), math.sin(roll_rad)  # of the box's own x, in the image
    bounds = np.empty(4)
    if not _bound(points, right, down, bounds):
        raise ValueError("box_around: no finite point to put a box around")
    left, top, width, height = bounds.tolist()
    x, y = left + width / 2, top + height / 2
    return np.array([right * x - down * y, down * x + right * y]), max(width, height) / margin


@exactly
def _bound(points, right, down, bounds):
    """Writes left, top, width and height of the finite ones of points (N, 2) along turned axes to `bounds`
    (4,); whether there are any.
    """
    bounds[:2], bounds[2:] = np.inf, -np.inf
    for n in range(len(points)):
        x, y = points[n, 0], points[n, 1]
        if math.isfinite(x) and math.isfinite(y):
            across, along = right * x + down * y, right * y - down * x
            bounds[0], bounds[1] = min(bounds[0], across), min(bounds[1], along)
            bounds[2], bounds[3] = max(bounds[2], across), max(bounds[3], along)
    bounds[2], bounds[3] = bounds[2] - bounds[0], bounds[3] - bounds[1]
    return bounds[2] >= 0


def upright_roll(ends_px: NDArray[np.floating], extent_px: float) -> float:
    """The roll of a crop camera that shows hands with their fingers up, rad; see `CropCamera.from_box`.

    Hands that point at the camera, or in opposite directions, have next to no direction in common: the less
    they have, the more the image's own up counts. 0 where a position is not finite.

    Args:
        ends_px: (N,2,2) px, each hand's wrist and middle finger's knuckle.
        extent_px: of all the hands together.
    """
    across, down = ((ends_px[:, 1] - ends_px[:, 0]).sum(axis=0) / extent_px).tolist()
    roll = math.atan2(across, _IMAGE_UP - down)
    return roll if math.isfinite(roll) else 0.0


@dataclass(frozen=True, eq=False)
class CropCamera:
    """A pinhole camera at the image camera's center, turned to look through the crop's center.

    Attributes:
        rotation_crop_camera: (3,3) takes vectors of the camera's optical frame to the crop camera's.
        focal_px: focal length in crop pixels.
        size_px: S, the crop's width and height.
    """

    rotation_crop_camera: NDArray[np.float64] = field(repr=False)
    focal_px: float
    size_px: int

    @classmethod
    def from_box(
        cls,
        intrinsics: CameraIntrinsics,
        center_px: ArrayLike,
        side_px: float,
        size_px: int,
        roll_rad: float = 0.0,
    ) -> CropCamera:
        """The crop camera that a square box of the image fills.

        The camera turns the shortest way from the optical axis to the center's ray, then by `roll_rad` about
        that ray (positive from x to y; the picture turns the other way). The focal length is the image's
        magnification at the box's center, times size / side: exact for a box around the principal point; wide
        boxes far from it bulge, as in any flat picture.

        Args:
            center_px: (2,) image px; may lie outside the image.
            side_px: the box's side, image px.
            size_px: S, crop px.

        Raises:
            UserError: the box is empty, or no ray in front of the camera leads to its center.
        """
        x, y, _ = intrinsics.rays(center_px).tolist()
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(side_px) and side_px > 0):
            raise UserError(f"crop: no camera looks at the box around pixel {center_px} with side {side_px}")
        rotation = _rotation_to_roll(roll_rad) @ _shortest_rotation_to_forward(x, y)
        return cls(rotation, size_px / side_px * _magnification(intrinsics, rotation), size_px)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3,3) K = [[f, 0, (S−1)/2], [0, f, (S−1)/2], [0, 0, 1]]."""
        middle = (self.size_px - 1) / 2
        return np.array([[self.focal_px, 0, middle], [0, self.focal_px, middle], [0, 0, 1]])

    def to_crop(self, points_camera: ArrayLike) -> NDArray[np.floating]:
        """(…,3) points or vectors from the camera's frame to the crop camera's; keeps float32."""
        return _turned(points_camera, self.rotation_crop_camera)

    def to_camera(self, points_crop: ArrayLike) -> NDArray[np.floating]:
        """(…,3) points or vectors from the crop camera's frame to the camera's; keeps float32."""
        return _turned(points_crop, self.rotation_crop_camera.T)

    def project(self, points_camera: ArrayLike) -> NDArray[np.float64]:
        """(…,2) crop pixels of (…,3) points of the camera's frame, m; NaN behind the crop camera."""
        return self._pinhole.project(self.to_crop(np.asarray(points_camera, dtype=np.float64)))

    def crop_pixels(self, image_pixels: ArrayLike, intrinsics: CameraIntrinsics) -> NDArray[np.float64]:
        """(…,2) crop pixels of (…,2) image pixels; NaN where the crop camera cannot see."""
        return self.project(intrinsics.rays(image_pixels))

    def image_pixels(self, crop_pixels: ArrayLike, intrinsics: CameraIntrinsics) -> NDArray[np.float64]:
        """(…,2) image pixels of (…,2) crop pixels; NaN where the image's camera cannot see."""
        pixels = np.asarray(crop_pixels, dtype=np.float64)
        rays = np.ones((*pixels.shape[:-1], 3))
        rays[..., :2] = (pixels - (self.size_px - 1) / 2) / self.focal_px
        return intrinsics.project(rays @ self.rotation_crop_camera)

    def warp(self, image: NDArray[np.uint8], intrinsics: CameraIntrinsics) -> NDArray[np.uint8]:
        """The crop, bilinear, averaged over blocks beforehand where it shrinks the image.

        Args:
            image: (H,W,3) RGB, of `intrinsics`' size.

        Returns:
            (S,S,3) RGB; `BORDER_RGB` where the image ends or its lens model does.
        """
        _check_size(image, intrinsics)
        blocks = max(1, round(_magnification(intrinsics, self.rotation_crop_camera) / self.focal_px))
        small, camera = self._averaged(image, intrinsics, blocks) if blocks > 1 else (image, intrinsics)
        crop = self._warped(small, camera, cv2.INTER_LINEAR, BORDER_RGB)
        return self._blank_unseen(crop, intrinsics, BORDER_RGB)

    def warp_labels(self, labels: NDArray[np.generic], intrinsics: CameraIntrinsics) -> NDArray[np.generic]:
        """(S,S) nearest neighbors of a (H,W) uint8 or float32 label image (a mask, a depth); 0 outside it."""
        _check_size(labels, intrinsics)
        crop = self._warped(labels, intrinsics, cv2.INTER_NEAREST, 0)
        return self._blank_unseen(crop, intrinsics, 0)

    @property
    def _matrix_inverse(self) -> NDArray[np.float64]:
        """(3,3) K⁻¹: from homogeneous crop pixels to rays."""
        one, middle = 1 / self.focal_px, (self.size_px - 1) / 2 / self.focal_px
        return np.array([[one, 0, -middle], [0, one, -middle], [0, 0, 1]])

    @cached_property
    def _pinhole(self) -> CameraIntrinsics:
        return CameraIntrinsics(self.size_px, self.size_px, self.matrix)

    def _averaged(
        self, image: NDArray[np.uint8], intrinsics: CameraIntrinsics, blocks: int
    ) -> tuple[NDArray[np.uint8], CameraIntrinsics]:
        """The part of the image that the crop sees, blocks of pixels averaged to one, and its camera."""
        edge = self.image_pixels(self._outline(), intrinsics)
        size = np.array([intrinsics.width, intrinsics.height])
        if np.isfinite(edge).all():
            low = np.clip(np.floor(edge.min(0)) - 2 * blocks, 0, size).astype(int)
            high = np.clip(np.ceil(edge.max(0)) + 2 * blocks, 0, size).astype(int)
        else:  # part of the crop looks where the lens model does not hold: its outline tells nothing
            low, high = np.zeros(2, dtype=int), size
        width, height = ((high - low) // blocks).tolist()
        if width < 1 or height < 1:
            return image, intrinsics
        (x, y), span = low.tolist(), (width * blocks, height * blocks)
        part = image[y : y + span[1], x : x + span[0]]
        small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
        return small, intrinsics.binned_and_cropped(blocks, blocks, (x, y, *span))

    def _outline(self) -> NDArray[np.float64]:
        """(64,2) crop pixels along the border."""
        along = np.linspace(-0.5, self.size_px - 0.5, 16)
        low, high = np.full(16, -0.5), np.full(16, self.size_px - 0.5)
        sides = [(along, low), (along, high), (low, along), (high, along)]
        return np.concatenate([np.stack(side, -1) for side in sides])

    def _warped(
        self,
        image: NDArray[np.generic],
        intrinsics: CameraIntrinsics,
        interpolation: int,
        border: tuple[int, ...] | int,
    ) -> NDArray[np.generic]:
        outside = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": border}
        if intrinsics.is_pinhole:
            to_image = intrinsics.matrix @ self.rotation_crop_camera.T @ self._matrix_inverse
            flags = interpolation | cv2.WARP_INVERSE_MAP
            return cv2.warpPerspective(image, to_image, (self.size_px, self.size_px), flags=flags, **outside)
        return cv2.remap(image, *self._map(intrinsics), interpolation, **outside)

    def _map(self, intrinsics: CameraIntrinsics) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(S,S) image columns and (S,S) image rows of the crop's pixels, through the lens distortion."""
        fisheye = intrinsics.distortion_model == "equidistant"
        rectify = cv2.fisheye.initUndistortRectifyMap if fisheye else cv2.initUndistortRectifyMap
        camera = (intrinsics.matrix, intrinsics.coefficients, self.rotation_crop_camera, self.matrix)
        return rectify(*camera, (self.size_px, self.size_px), cv2.CV_32FC1)

    def _blank_unseen(
        self, crop: NDArray[np.generic], intrinsics: CameraIntrinsics, border: tuple[int, ...] | int
    ) -> NDArray[np.generic]:
        """Paint over directions behind the camera or beyond its lens model: they would show a ghost."""
        last = self.size_px - 1
        corners = self.to_camera(self._pinhole.rays([(0, 0), (last, 0), (0, last), (last, last)]))
        if intrinsics.sees(corners).all():  # what is seen is a convex cone: all between the corners is too
            return crop
        columns, rows = np.meshgrid(np.arange(self.size_px), np.arange(self.size_px))
        seen = intrinsics.sees(self.to_camera(self._pinhole.rays(np.stack([columns, rows], -1))))
        crop[~seen] = border
        return crop


def _magnification(intrinsics: CameraIntrinsics, rotation_crop_camera: NDArray[np.float64]) -> float:
    """Image pixels per unit tangent on the turned camera's axis: its focal length at image scale."""
    cosine = float(rotation_crop_camera[2, 2])
    if intrinsics.is_pinhole and cosine > 1e-2:
        # The root of the determinant of the homography K Rᵀ's derivative on the axis, det(K) / cos³.
        return math.sqrt(float(intrinsics.matrix[0, 0] * intrinsics.matrix[1, 1]) / cosine**3)
    step = 1e-3
    probes = np.array([[step, 0, 1], [-step, 0, 1], [0, step, 1], [0, -step, 1]])
    pixels = intrinsics.project(probes @ rotation_crop_camera)
    jacobian = np.stack([pixels[0] - pixels[1], pixels[2] - pixels[3]]) / (2 * step)
    if not np.isfinite(jacobian).all():  # at the very end of the lens model, where probes are not seen
        jacobian = intrinsics.matrix[:2, :2]
    return float(np.sqrt(abs(np.linalg.det(jacobian))))


def _shortest_rotation_to_forward(right: float, down: float) -> NDArray[np.float64]:
    """(3,3) rotation that takes the direction of the ray (right, down, 1) to (0, 0, 1) the shortest way."""
    # Rodrigues with the axis ray × z, whose length is the sine. Written out: it runs per sample.
    z = 1.0 / math.sqrt(right * right + down * down + 1.0)
    x, y, k = right * z, down * z, 1.0 / (1.0 + z)
    return np.array([[z + y * y * k, -x * y * k, -x], [-x * y * k, z + x * x * k, -y], [x, y, z]])


def _rotation_to_roll(roll_rad: float) -> NDArray[np.float64]:
    """(3,3) from the unrolled camera's frame to that of a camera rolled about its optical axis."""
    c, s = math.cos(roll_rad), math.sin(roll_rad)
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def _turned(points: ArrayLike, rotation: NDArray[np.float64]) -> NDArray[np.floating]:
    points = np.asarray(points)
    dtype = points.dtype if points.dtype in (np.float32, np.float64) else np.float64
    return (points @ rotation.T).astype(dtype, copy=False)


def _check_size(image: NDArray[np.generic], intrinsics: CameraIntrinsics) -> None:
    if image.shape[:2] != (intrinsics.height, intrinsics.width):
        height, width = image.shape[:2]
        camera = f"{intrinsics.width}×{intrinsics.height}"
        raise UserError(f"crop: the image is {width}×{height} px, its camera {camera}")
