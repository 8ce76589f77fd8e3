"""What a camera publishes, as messages: image, depth and CameraInfo. Pure builders."""

from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from lgnet_ros.geometry.cameras import CameraIntrinsics


def stamped_header(stamp_s: float, frame_id: str) -> Header:
    """A header of that time, s ≥ 0."""
    stamped = Header(frame_id=frame_id)
    stamped.stamp.sec, stamped.stamp.nanosec = int(stamp_s), int(stamp_s % 1 * 1e9)
    return stamped


def image_message(image: np.ndarray, header: Header) -> Image:
    """An rgb8 image from (H, W, 3) uint8."""
    return _image(image, header, "rgb8")


def depth_message(depth: np.ndarray, header: Header) -> Image:
    """A 32FC1 depth image (REP 118: metres along z, NaN where unknown) from (H, W) m, 0 where unknown."""
    return _image(np.where(depth > 0, depth, np.nan).astype(np.float32), header, "32FC1")


def camera_info_message(intrinsics: CameraIntrinsics, header: Header) -> CameraInfo:
    """The camera as CameraInfo; undistorted models go as plumb_bob with zeros, which is what tools expect."""
    no_distortion = intrinsics.distortion_model == "none"
    projection = np.zeros((3, 4))
    projection[:, :3] = intrinsics.matrix
    return CameraInfo(
        header=header,
        width=intrinsics.width,
        height=intrinsics.height,
        distortion_model="plumb_bob" if no_distortion else intrinsics.distortion_model,
        d=[0.0] * 5 if no_distortion else list(intrinsics.distortion),
        k=intrinsics.matrix.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=projection.reshape(-1),
    )


def _image(pixels: np.ndarray, header: Header, encoding: str) -> Image:
    height, width = pixels.shape[:2]
    step = width * pixels.itemsize * (pixels.shape[2] if pixels.ndim == 3 else 1)
    message = Image(header=header, height=height, width=width, encoding=encoding, step=step)
    message.data = array.array(
        "B", np.ascontiguousarray(pixels).tobytes()
    )  # any other type is checked byte by byte
    return message
