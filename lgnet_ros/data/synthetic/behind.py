"""The loops over what no surface covers: the backdrop, and what lies beyond the camera's image."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.lookups import texel, uncovered
from lgnet_ros.jit import counting_nothing, inlined

_F = np.float32


@counting_nothing
def paint_far(to_picture, first, second, third, tint, edge, gradient, face, far):
    """The backdrop in linear light (h, w, 3): two pictures, mixed where the third passes the threshold
    `edge`.

    to_picture (3, 3, 3): homographies from pixels to picture coordinates in whole pictures; `gradient` (3,)
    brightens along the image. `face`: what the samples see; pixels that surfaces cover are left as they are.
    """
    mixed = edge < _F(256)
    for y in range(far.shape[0]):
        for x in range(far.shape[1]):
            if face.shape[0] > 0 and uncovered(x, y, face) == 0:
                continue
            bright = max(_F(0.1), gradient[0] + gradient[1] * _F(x) + gradient[2] * _F(y))
            part = _F(0)
            if mixed:
                u, v = _mapped(2, to_picture, x, y)
                green = np.sqrt(texel(u, v, third)[1]) * _F(255)
                part = min(_F(1), max(_F(0), (green - edge) * _F(1.0 / 24.0) + _F(0.5)))
            red, green, blue = _F(0), _F(0), _F(0)
            if part < _F(1):
                u, v = _mapped(0, to_picture, x, y)
                r, g, b = texel(u, v, first)
                rest = _F(1) - part
                red, green, blue = r * rest * tint[0, 0], g * rest * tint[0, 1], b * rest * tint[0, 2]
            if part > _F(0):
                u, v = _mapped(1, to_picture, x, y)
                r, g, b = texel(u, v, second)
                red, green, blue = (
                    red + r * part * tint[1, 0],
                    green + g * part * tint[1, 1],
                    blue + b * part * tint[1, 2],
                )
            far[y, x, 0], far[y, x, 1], far[y, x, 2] = red * bright, green * bright, blue * bright


@inlined
def _mapped(k, maps, x, y):
    """A homography's image of a pixel."""
    u = maps[k, 0, 0] * _F(x) + maps[k, 0, 1] * _F(y) + maps[k, 0, 2]
    v = maps[k, 1, 0] * _F(x) + maps[k, 1, 1] * _F(y) + maps[k, 1, 2]
    w = _F(1) / max(maps[k, 2, 0] * _F(x) + maps[k, 2, 1] * _F(y) + maps[k, 2, 2], _F(0.05))
    return u * w, v * w


@counting_nothing
def blank_beyond(to_image, width, height, border, image, mask):
    """Paints the pixels that a homography takes beyond a width × height image, or behind the camera."""
    beyond, last_x, last_y = 0, mask.shape[1] - 1, mask.shape[0] - 1
    for y in (0, last_y):
        for x in (0, last_x):
            beyond += _beyond(x, y, to_image, width, height)
    if beyond == 0:  # what the image shows is convex: all between the corners is in it too
        return
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if _beyond(x, y, to_image, width, height):
                mask[y, x] = 0
                for c in range(3):
                    image[y, x, c] = border[c]


@inlined
def _beyond(x, y, to_image, width, height):
    u = to_image[0, 0] * x + to_image[0, 1] * y + to_image[0, 2]
    v = to_image[1, 0] * x + to_image[1, 1] * y + to_image[1, 2]
    w = to_image[2, 0] * x + to_image[2, 1] * y + to_image[2, 2]
    return w < 1e-3 or u < -0.5 * w or v < -0.5 * w or u >= (width - 0.5) * w or v >= (height - 0.5) * w
