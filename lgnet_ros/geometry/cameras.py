"""Camera models as ROS's CameraInfo states them: projection, rays, binning and regions of interest.

Camera optical frame (REP-103): x right, y down, z forward, metres. Pixel centers are at integer coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgnet_ros.errors import UserError
from lgnet_ros.jit import exactly

# How many coefficients each model takes (sensor_msgs/distortion_models.hpp; the longer ones are OpenCV's).
DISTORTION_COUNTS: dict[str, tuple[int, ...]] = {
    "none": (0,),
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (0, 8, 12, 14),
    "equidistant": (0, 4),
}
_UNDISTORT_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-10)
_WIDEST_RAD = np.radians(89.99)  # of a ray to the axis
_NEWTON_STEPS, _CLOSE_RAD, _FLATTEST = 20, 1e-12, 1e-9


@dataclass(frozen=True, eq=False)
class CameraIntrinsics:
    """A camera's size, matrix K and lens distortion.

    A lens model holds only up to some angle, and no model here sees backwards: `project` gives NaN for points
    behind the camera or beyond that angle, and `rays` gives NaN for pixels that no ray with z > 0 reaches
    (a fisheye's beyond 90°).

    Attributes:
        width, height: image size, px.
        matrix: (3,3) float64, K of the raw (distorted) image.
        distortion_model: "none", "plumb_bob", "rational_polynomial" or "equidistant" (ROS's names).
        distortion: coefficients in ROS's (OpenCV's) order; empty means no distortion.

    Raises:
        UserError: a focal length or coefficient is not finite or not positive, or their number is wrong.
    """

    width: int
    height: int
    matrix: NDArray[np.float64] = field(repr=False)
    distortion_model: str = "none"
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64).reshape(-1)
        if matrix.size != 9 or not np.isfinite(matrix).all():
            raise UserError("camera: the matrix K is not nine finite numbers; is the camera calibrated?")
        if matrix[0] <= 0 or matrix[4] <= 0:
            raise UserError(f"camera: focal lengths {matrix[0]:g}, {matrix[4]:g} px; is it calibrated?")
        if self.width <= 0 or self.height <= 0:
            raise UserError(f"camera: image size {self.width}×{self.height} is empty")
        object.__setattr__(self, "matrix", matrix.reshape(3, 3))
        object.__setattr__(self, "distortion", tuple(float(value) for value in self.distortion))
        self._check_distortion()

    def _check_distortion(self) -> None:
        counts = DISTORTION_COUNTS.get(self.distortion_model)
        if counts is None:
            known = ", ".join(DISTORTION_COUNTS)
            raise UserError(f"camera: unknown distortion model '{self.distortion_model}'; known are {known}")
        if len(self.distortion) not in counts:
            raise UserError(
                f"camera: distortion model '{self.distortion_model}' takes {' or '.join(map(str, counts))}"
                f" coefficients, not {len(self.distortion)}"
            )
        if not np.isfinite(self.distortion).all():
            raise UserError("camera: a distortion coefficient is not finite")

    @classmethod
    def from_field_of_view(cls, width: int, height: int, horizontal_fov_rad: float) -> CameraIntrinsics:
        """An undistorted camera with square pixels that sees `horizontal_fov_rad` from edge to edge."""
        if not 0 < horizontal_fov_rad < np.pi:
            raise UserError(f"camera: field of view {horizontal_fov_rad:g} rad is not between 0 and π")
        focal = width / 2 / np.tan(horizontal_fov_rad / 2)
        matrix = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        return cls(width, height, matrix)

    @property
    def is_pinhole(self) -> bool:
        """Whether the lens has no distortion, so that crops are plain homographies."""
        return not any(self.distortion) and self.distortion_model != "equidistant"

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """The coefficients as OpenCV takes them: never empty."""
        return np.array(self.distortion or (0.0,) * 4)

    @cached_property
    def largest_tangent(self) -> float:
        """tan of the largest angle from the optical axis up to which the lens model holds.

        Beyond it the distorted radius would shrink again, and far directions would be folded into the image.
        """
        if self.is_pinhole:
            return np.inf
        angles = np.linspace(0, np.pi / 2, 2002)[1:-1]
        points = np.stack([np.tan(angles), np.zeros_like(angles), np.ones_like(angles)], -1)
        radial = CameraIntrinsics(2, 2, np.eye(3), self.distortion_model, self._radial_distortion())
        radii = radial._distort(points)[:, 0]
        folded = np.flatnonzero(np.diff(radii, prepend=0.0) <= 0)
        return float(np.tan(angles[folded[0] - 1])) if folded.size else np.inf

    def _radial_distortion(self) -> tuple[float, ...]:
        """The coefficients without the tangential, prism and tilt terms, which do not fold."""
        if self.distortion_model == "equidistant":
            return self.distortion
        tangential = (2, 3)
        return tuple(0.0 if i in tangential or i > 7 else value for i, value in enumerate(self.distortion))

    def project(self, points_camera: ArrayLike) -> NDArray[np.float64]:
        """Pixels of points, with distortion.

        Args:
            points_camera: (…,3) in the optical frame, m.

        Returns:
            (…,2) px; NaN for points behind the camera (z ≤ 0) and beyond `largest_tangent`.
        """
        points = np.ascontiguousarray(points_camera, dtype=np.float64)
        if self.is_pinhole:
            pixels = np.empty((*points.shape[:-1], 2))
            _project_through_pinhole(points.reshape(-1, 3), self.matrix, pixels.reshape(-1, 2))
            return pixels
        seen = self.sees(points)
        safe = np.where(seen[..., None], points, (0.0, 0.0, 1.0))
        pixels = self._distort(safe.reshape(-1, 3)).reshape(*points.shape[:-1], 2)
        return np.where(seen[..., None], pixels, np.nan)

    def sees(self, points_camera: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(…,) whether each (…,3) point is in front of the camera and within `largest_tangent`."""
        forward = points_camera[..., 2]
        sideways = np.hypot(points_camera[..., 0], points_camera[..., 1])
        with np.errstate(invalid="ignore"):
            reach = sideways <= self.largest_tangent * forward if np.isfinite(self.largest_tangent) else True
            return (forward > 0) & reach & np.isfinite(sideways)

    def rays(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Undistorted viewing rays.

        Args:
            pixels: (…,2) px.

        Returns:
            (…,3) with z = 1; NaN where no ray with z > 0 leads to the pixel.
        """
        pixels = np.asarray(pixels, dtype=np.float64)
        rays = np.ones((*pixels.shape[:-1], 3))
        if self.is_pinhole:
            (fx, skew, cx), (_, fy, cy), _ = self.matrix.tolist()
            rays[..., 1] = (pixels[..., 1] - cy) / fy
            rays[..., 0] = (pixels[..., 0] - cx - skew * rays[..., 1]) / fx
            return rays
        rays[..., :2] = self._undistort(pixels.reshape(-1, 1, 2)).reshape(pixels.shape)
        # The iterative inverse need not have converged, nor exist: ask the forward model.
        reached = np.linalg.norm(self.project(rays) - pixels, axis=-1) < 0.1
        return np.where(reached[..., None], rays, np.nan)

    def binned_and_cropped(
        self, binning_x: int = 1, binning_y: int = 1, roi: tuple[int, int, int, int] = (0, 0, 0, 0)
    ) -> CameraIntrinsics:
        """The camera of an image that the driver has cut and binned (REP-104).

        CameraInfo states K for the full-resolution, uncut image. Binning averages blocks, so with pixel
        centers at integers u' = (u − x_offset + 0.5) / binning − 0.5.

        Args:
            binning_x, binning_y: block size, px; 0 is the same as 1.
            roi: (x_offset, y_offset, width, height), full-resolution px; width = height = 0: the whole image.
        """
        scale = np.array([max(binning_x, 1), max(binning_y, 1)], dtype=np.float64)
        x, y, width, height = roi
        if width == 0 and height == 0:
            x, y, width, height = 0, 0, self.width, self.height
        matrix = self.matrix.copy()
        matrix[:2, :2] /= scale[:, None]
        matrix[:2, 2] = (matrix[:2, 2] - (x, y) + 0.5) / scale - 0.5
        size = (int(width // scale[0]), int(height // scale[1]))
        return CameraIntrinsics(*size, matrix, self.distortion_model, self.distortion)

    def _distort(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,2) pixels of (N,3) points that the model sees."""
        if len(points) == 0:
            return np.zeros((0, 2))
        still = np.zeros(3)
        lens = cv2.fisheye if self.distortion_model == "equidistant" else cv2
        pixels, _ = lens.projectPoints(points[:, None], still, still, self.matrix, self.coefficients)
        return pixels.reshape(-1, 2)

    def _undistort(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,1,2) tangents of (N,1,2) pixels."""
        if len(pixels) == 0:
            return pixels
        camera = (self.matrix, self.coefficients)
        if self.distortion_model == "equidistant":
            tangents = np.empty_like(pixels)
            _straighten(pixels[:, 0], *camera, tangents[:, 0])
            return tangents
        return cv2.undistortPointsIter(pixels, *camera, np.eye(3), np.eye(3), _UNDISTORT_CRITERIA)


@exactly
def _straighten(pixels, matrix, coefficients, tangents):
    """(N,2) pixels of a fisheye to (N,2) tangents: Newton's steps from what the lens bends a ray's angle to,
    back to the angle, θ_d = θ (1 + k₁θ² + k₂θ⁴ + k₃θ⁶ + k₄θ⁸) (Kannala and Brandt, 2006). OpenCV's own
    inverse takes no θ_d beyond 90°, where lenses with positive k still see.
    """
    k1, k2, k3, k4 = coefficients[0], coefficients[1], coefficients[2], coefficients[3]
    for n in range(len(pixels)):
        x = (pixels[n, 0] - matrix[0, 2]) / matrix[0, 0]
        y = (pixels[n, 1] - matrix[1, 2]) / matrix[1, 1]
        bent = math.sqrt(x * x + y * y)
        angle = min(bent, _WIDEST_RAD)
        for _ in range(_NEWTON_STEPS):
            s = angle * angle
            excess = angle * (1 + s * (k1 + s * (k2 + s * (k3 + s * k4)))) - bent
            slope = 1 + s * (3 * k1 + s * (5 * k2 + s * (7 * k3 + s * 9 * k4)))
            step = excess / max(slope, _FLATTEST)
            angle = min(max(angle - step, 0.0), _WIDEST_RAD)
            if abs(step) < _CLOSE_RAD:
                break
        longer = math.tan(angle) / bent if bent > 0 else 1.0
        tangents[n, 0], tangents[n, 1] = x * longer, y * longer


@exactly
def _project_through_pinhole(points, matrix, pixels):
    """(N,3) points to (N,2) pixels, NaN where a point is not in front of the camera or not finite."""
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        if z > 0 and math.isfinite(x) and math.isfinite(y):
            x, y = x / z, y / z
            pixels[n, 0] = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
            pixels[n, 1] = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
        else:
            pixels[n, 0] = pixels[n, 1] = np.nan
