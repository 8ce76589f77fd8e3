"""From ROS image messages to arrays: every encoding to RGB, depth to metres, each defect to a named fault.

Nothing here needs ROS: a message is anything with the fields of sensor_msgs/Image. Plain encodings are read
in place by NumPy (0 copies for rgb8); Bayer and YUV go through cv_bridge where it is installed, else
OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from lgnet_ros.node.faults import FaultKind, InputFault


class ImageMessage(Protocol):
    """The fields of sensor_msgs/Image that are read."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: object


Decoder = Callable[[ImageMessage], np.ndarray]
"""Turns a message that has passed the checks into (H, W, 3) uint8 RGB."""


@dataclass(frozen=True)
class _Layout:
    """How the bytes of an encoding lie, and which conversion makes RGB of them."""

    channels: int
    bytes_per_channel: int
    to_rgb: int | None  # a cv2.COLOR_ code; None: is RGB already
    rows_per_height: float = 1.0  # 1.5 where a chroma plane follows the luma


# The names OpenCV gives to Bayer patterns start at the second row's second pixel: ROS's rggb is OpenCV's BG.
_BAYER = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}
_PLAIN = {
    "rgb": (3, None),
    "bgr": (3, cv2.COLOR_BGR2RGB),
    "rgba": (4, cv2.COLOR_RGBA2RGB),
    "bgra": (4, cv2.COLOR_BGRA2RGB),
    "mono": (1, cv2.COLOR_GRAY2RGB),
}
_LAYOUTS: dict[str, _Layout] = {
    **{f"{name}8": _Layout(channels, 1, code) for name, (channels, code) in _PLAIN.items()},
    **{f"{name}16": _Layout(channels, 2, code) for name, (channels, code) in _PLAIN.items()},
    # OpenCV's own names, which drivers use too; OpenCV's order of colors is BGR.
    "8UC1": _Layout(1, 1, cv2.COLOR_GRAY2RGB),
    "8UC3": _Layout(3, 1, cv2.COLOR_BGR2RGB),
    "8UC4": _Layout(4, 1, cv2.COLOR_BGRA2RGB),
    "16UC1": _Layout(1, 2, cv2.COLOR_GRAY2RGB),
    "16UC3": _Layout(3, 2, cv2.COLOR_BGR2RGB),
}
_CONVERTED_LAYOUTS: dict[str, _Layout] = {
    **{f"bayer_{name}8": _Layout(1, 1, code) for name, code in _BAYER.items()},
    **{f"bayer_{name}16": _Layout(1, 2, code) for name, code in _BAYER.items()},
    "yuv422": _Layout(2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": _Layout(2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": _Layout(2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": _Layout(2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "nv12": _Layout(1, 1, cv2.COLOR_YUV2RGB_NV12, rows_per_height=1.5),
    "nv21": _Layout(1, 1, cv2.COLOR_YUV2RGB_NV21, rows_per_height=1.5),
}
_DEPTH_LAYOUTS = {
    "32FC1": _Layout(1, 4, None),
    "16UC1": _Layout(1, 2, None),
    "mono16": _Layout(1, 2, None),
}
ENCODINGS = (*_LAYOUTS, *_CONVERTED_LAYOUTS)
DEPTH_ENCODINGS = tuple(_DEPTH_LAYOUTS)


def decode_image(image: ImageMessage, cv_bridge_decoder: Decoder | None = None) -> np.ndarray:
    """The picture of `image`.

    Args:
        image: as it came; nothing in it is trusted.
        cv_bridge_decoder: what turns Bayer and YUV into RGB in OpenCV's place, where cv_bridge is installed.

    Returns:
        (H, W, 3) uint8 RGB; for rgb8 without padding a view of the message's own bytes.

    Raises:
        InputFault: zero size, a wrong step, too little data, or an encoding that nobody here can read.
    """
    if image.encoding in _LAYOUTS:
        return _decode(image, _LAYOUTS[image.encoding])
    layout = _CONVERTED_LAYOUTS.get(image.encoding)
    if layout is None:
        raise InputFault(
            FaultKind.UNKNOWN_ENCODING,
            f"'{_shortened(image.encoding)}' is none of {', '.join(ENCODINGS)}",
        )
    pixel_bytes = layout.channels * layout.bytes_per_channel
    # cv_bridge rounds a step down to whole pixels, and takes half a pair of YUV pixels for a whole one.
    misread = image.step % pixel_bytes or (layout.channels == 2 and image.width % 2)
    if cv_bridge_decoder is None or misread:
        return _decode(image, layout)
    _checked_rows(image, layout)
    try:
        return cv_bridge_decoder(image)
    except Exception:  # cv_bridge knows fewer encodings than OpenCV, and says so in several exception types
        return _decode(image, layout)


def decode_depth(image: ImageMessage) -> np.ndarray:
    """Distances along z (REP 118).

    Returns:
        (H, W) float32 metres; NaN where the sensor saw nothing (0, negative or infinite in the message).

    Raises:
        InputFault: of kind BAD_DEPTH, whatever is wrong.
    """
    layout = _DEPTH_LAYOUTS.get(image.encoding)
    if layout is None:
        encodings = ", ".join(DEPTH_ENCODINGS)
        raise InputFault(
            FaultKind.BAD_DEPTH, f"encoding '{_shortened(image.encoding)}' is none of {encodings}"
        )
    try:
        values = _numbers(image, layout, np.float32 if layout.bytes_per_channel == 4 else np.uint16)[..., 0]
    except InputFault as fault:
        raise InputFault(FaultKind.BAD_DEPTH, f"{fault.kind.value}: {fault}") from None
    metres = values.astype(np.float32)
    if values.dtype == np.uint16:
        metres *= np.float32(1e-3)
    metres[~((metres > 0) & (metres < np.inf))] = np.nan
    return metres


def _decode(image: ImageMessage, layout: _Layout) -> np.ndarray:
    pixels = _numbers(image, layout, np.uint8 if layout.bytes_per_channel == 1 else np.uint16)
    if layout.to_rgb is None:
        return _to_eight_bits(pixels)
    if image.encoding.startswith("bayer") or layout.rows_per_height > 1:
        return _to_eight_bits(_converted(pixels[..., 0], layout.to_rgb, image.encoding))
    return _converted(_to_eight_bits(pixels), layout.to_rgb, image.encoding)


def _converted(pixels: np.ndarray, code: int, encoding: str) -> np.ndarray:
    try:
        return cv2.cvtColor(pixels, code)
    except cv2.error:
        height, width = pixels.shape[:2]
        raise InputFault(FaultKind.ODD_SIZE, f"{width}x{height} in '{encoding}'") from None


def _to_eight_bits(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _numbers(image: ImageMessage, layout: _Layout, dtype: type[np.generic]) -> np.ndarray:
    """(rows, W, channels) array in the machine's byte order."""
    rows = _checked_rows(image, layout)
    if rows.shape[1] % layout.bytes_per_channel or rows.strides[0] % layout.bytes_per_channel:
        rows = np.ascontiguousarray(rows)
    order = np.dtype(dtype).newbyteorder(">" if image.is_bigendian else "<")
    numbers = rows.view(order) if rows.flags.c_contiguous else np.ascontiguousarray(rows).view(order)
    return numbers.astype(dtype, copy=False).reshape(rows.shape[0], image.width, layout.channels)


def _checked_rows(image: ImageMessage, layout: _Layout) -> np.ndarray:
    """The used bytes of each row, (rows, bytes) uint8, as a view of the message's data.

    Raises:
        InputFault: zero size, wrong step, or an amount of data that does not go with them.
    """
    if image.width <= 0 or image.height <= 0:
        raise InputFault(FaultKind.ZERO_SIZE, f"{image.width}x{image.height}")
    row_bytes = image.width * layout.channels * layout.bytes_per_channel
    if image.step < row_bytes:
        raise InputFault(
            FaultKind.WRONG_STEP,
            f"{image.step} is less than the {row_bytes} bytes of {image.width} pixels '{image.encoding}'",
        )
    rows = int(image.height * layout.rows_per_height)
    data = np.frombuffer(image.data, np.uint8)
    if data.size < rows * image.step:
        raise InputFault(
            FaultKind.TRUNCATED_DATA, f"{data.size} bytes instead of {rows} rows x step {image.step}"
        )
    if data.size > rows * image.step:
        raise InputFault(
            FaultKind.WRONG_STEP, f"{data.size} bytes are more than {rows} rows x step {image.step}"
        )
    return data.reshape(rows, image.step)[:, :row_bytes]


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
