"""From sensor_msgs/CompressedImage (JPEG or PNG) to pictures.

What the headers promise is checked before anything is decoded: a hundred damaged bytes may claim a
gigabyte, and the decoder would spend seconds on it.
"""

from __future__ import annotations

import struct
from typing import Protocol

import cv2
import numpy as np

from lgnet_ros.node.faults import FaultKind, InputFault

MOST_PIXELS = 40_000_000  # 8K video has 33 million

_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG_START = b"\xff\xd8"
# Start-of-frame markers, which carry the size; 0xC4, 0xC8 and 0xCC in their midst are something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class CompressedImageMessage(Protocol):
    """The fields of sensor_msgs/CompressedImage that are read."""

    format: str
    data: object


def decode_compressed(image: CompressedImageMessage) -> np.ndarray:
    """The picture of a JPEG or PNG.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputFault: the data is empty, cut off, damaged, of another format, or of absurd size.
    """
    data = bytes(image.data)
    size = _stated_size(data)
    if size is None:
        raise _fault(image, "is no whole JPEG or PNG")
    if not 0 < size[0] * size[1] <= MOST_PIXELS:
        raise _fault(image, f"claims {size[0]}x{size[1]} pixels")
    try:
        # Orientation tags are for photographs: turning the picture would part it from its CameraInfo.
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise _fault(image, "is damaged")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _fault(image: CompressedImageMessage, what: str) -> InputFault:
    explanation = f"{len(image.data)} bytes of format '{image.format[:40]}': the data {what}"
    return InputFault(FaultKind.CORRUPT_COMPRESSED, explanation)


def _stated_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the header states them; None if there is no such header."""
    if data.startswith(_PNG_START):
        return _png_size(data)
    return _jpeg_size(data) if data.startswith(_JPEG_START) else None


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Walks over the chunks: none may claim more bytes than there are, the decoder would allocate them."""
    place = 8
    while place + 12 <= len(data):
        if data[place + 4 : place + 8] == b"IEND":
            return struct.unpack(">II", data[16:24])
        place += 12 + struct.unpack(">I", data[place : place + 4])[0]
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walks from segment to segment until one states the size (ITU-T T.81, B.2)."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        place += 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
    return None
