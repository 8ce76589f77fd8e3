"""From CameraInfo messages to intrinsics that can be trusted, or to a named fault."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.node.faults import FaultKind, InputFault

# How drivers of undistorted cameras fill the field.
_NO_DISTORTION = {"": "none", "None": "none"}


def intrinsics_of(info: Any) -> CameraIntrinsics:
    """The camera as the image has it: binning and region of interest applied (REP 104).

    Args:
        info: sensor_msgs/CameraInfo, or anything with its fields.

    Raises:
        InputFault: of kind BAD_INTRINSICS: NaN, zero focal length (which in REP 104 says "uncalibrated"),
        an unknown
            distortion model or a wrong number of coefficients.
    """
    model = _NO_DISTORTION.get(info.distortion_model, info.distortion_model)
    distortion = () if model == "none" else tuple(info.d)
    region = (info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height)
    try:
        full = CameraIntrinsics(info.width, info.height, info.k, model, distortion)
        return full.binned_and_cropped(info.binning_x, info.binning_y, region)
    except UserError as error:
        raise InputFault(FaultKind.BAD_INTRINSICS, str(error)) from None


def assumed_intrinsics(width: int, height: int, horizontal_fov_deg: float) -> CameraIntrinsics:
    """A camera without distortion, for images that come without a CameraInfo."""
    return CameraIntrinsics.from_field_of_view(width, height, math.radians(horizontal_fov_deg))


class IntrinsicsCache:
    """The intrinsics of the newest CameraInfo, worked out once for as long as its values stay."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] | None = None
        self._intrinsics: CameraIntrinsics | str = ""  # or why there are none

    def lookup(self, info: Any, width: int, height: int) -> CameraIntrinsics:
        """Intrinsics for an image of `width` x `height` px.

        Raises:
            InputFault: the CameraInfo is unusable (BAD_INTRINSICS) or is of another size (SIZE_MISMATCH).
        """
        intrinsics = self._of(info)
        if (intrinsics.width, intrinsics.height) != (width, height):
            raise InputFault(
                FaultKind.SIZE_MISMATCH,
                f"image {width}x{height}, CameraInfo {intrinsics.width}x{intrinsics.height}",
            )
        return intrinsics

    def _of(self, info: Any) -> CameraIntrinsics:
        roi = info.roi
        region = (roi.x_offset, roi.y_offset, roi.width, roi.height)
        size = (info.width, info.height, info.binning_x, info.binning_y)
        key = (
            size,
            region,
            info.distortion_model,
            np.asarray(info.k).tobytes(),
            np.asarray(info.d).tobytes(),
        )
        if key != self._key:
            self._key = key
            try:
                self._intrinsics = intrinsics_of(info)
            except InputFault as fault:
                self._intrinsics = str(fault)
        if isinstance(self._intrinsics, str):
            # A new one each time: one that is raised again holds on to what it passed before, images too.
            raise InputFault(FaultKind.BAD_INTRINSICS, self._intrinsics)
        return self._intrinsics
