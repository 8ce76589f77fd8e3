"""`~/overlay`: drawn where it will be sent from, in the bytes of a serialised message."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from lgnet_ros.node.templates import TEXT_STAND_IN, SerializedTemplate, TemplateCache, stand_in_header

_KEPT_TEMPLATES = 1  # as large as an image


class OverlayImages:
    """Serialised sensor_msgs/Images, rgb8."""

    def __init__(self) -> None:
        self._templates = TemplateCache[SerializedTemplate](_KEPT_TEMPLATES)

    def message(self, image: np.ndarray, draw: Callable[[np.ndarray], None], header: Header) -> bytes:
        """The image (H, W, 3) uint8 RGB with what `draw` adds to it; the image itself stays as it is."""
        key = (image.shape, header.frame_id)
        template = self._templates.get(key, lambda: _template(image.shape, header.frame_id))
        picture = np.frombuffer(template.texts[0], np.uint8).reshape(image.shape)
        picture[...] = image
        draw(picture)
        return template.stamped(header)


def _template(shape: tuple[int, ...], frame_id: str) -> SerializedTemplate:
    height, width, channels = shape
    size = height * width * channels
    message = Image(
        header=stand_in_header(frame_id), height=height, width=width, encoding="rgb8", step=channels * width
    )
    message.data.frombytes(TEXT_STAND_IN.encode() * size)
    return SerializedTemplate(message, [], 1, [size])
