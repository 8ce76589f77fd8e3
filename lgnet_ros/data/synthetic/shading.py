"""From what each sample sees to linear colors: skin, cloth and textured things under one key light and an
environment, with a soft shadow; and the background where nothing is seen.

Each pixel is shaded once per surface in it, not once per sample: samples of one part at about one depth
share a color, and the pixel mixes its surfaces by their share of samples. That is what smooths outlines at
the price of little more than one sample.
"""

from __future__ import annotations

from math import log2
from typing import NamedTuple

import numpy as np

from lgnet_ros.data.synthetic.behind import paint_far
from lgnet_ros.data.synthetic.columns import ATTRIBUTES
from lgnet_ros.data.synthetic.lookups import SAMPLES
from lgnet_ros.data.synthetic.paint import paint_surfaces
from lgnet_ros.data.synthetic.raster import View, Visibility, rasterize
from lgnet_ros.geometry.vectors import cross, unit

UNMIXED = 280.0

_SHADOW_SIZE = 160
_NOTHING_SEEN = np.empty((0, 0), np.int32)


class Light(NamedTuple):
    """A key light far away. `direction` (3,) points towards it; `color` (3,) is linear irradiance."""

    direction: np.ndarray
    color: np.ndarray


class ShadowMap(NamedTuple):
    """Inverse depth seen from the light; `frame` (3, 4) takes scene points to the light's view, m."""

    inverse_depth: np.ndarray
    frame: np.ndarray
    focal: float
    center: float
    bias: float


class Backdrop(NamedTuple):
    """The far background: two pictures mixed by a third, all looked up by viewing direction.

    Attributes:
        images: three pictures (256, 256, 3) uint8 sRGB, each with its three smaller copies behind it.
        maps: (3, 2, 3) affine from the direction (x/z, y/z, 1) to picture coordinates in whole pictures.
        blur: how many sizes smaller than sharp each is taken.
        tint: (2, 3) gain of the first two, linear.
        edge: the third's threshold, 0 to 255; from `UNMIXED` on, the first picture fills all.
        gradient: (3,) brightness = g0 + g1·x/z + g2·y/z.
    """

    images: tuple[tuple[np.ndarray, ...], ...]
    maps: np.ndarray
    blur: tuple[int, int, int]
    tint: np.ndarray
    edge: float
    gradient: np.ndarray


class Surface(NamedTuple):
    """All triangles of a scene; the columns of the tables are named in `columns`.

    vertices (N, 3) float32 m; faces (M, 3) int32; part (M,) uint8, row of `materials`; detail (M,) int16,
    row of `details` or -1; attributes (N, 12) float32; materials (P, 12) float32; details (D, 15) float32;
    shaded (N,) bool, whether hands nearby keep the environment's light from a vertex.
    """

    vertices: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    detail: np.ndarray
    attributes: np.ndarray
    materials: np.ndarray
    details: np.ndarray
    shaded: np.ndarray


class Textures(NamedTuple):
    """Pictures, and noise.

    Attributes:
        count: how many pictures.
        pictures: picture by picture, (256, 256, 3) uint8 sRGB and three smaller copies, each half as wide.
        on_surfaces: (count, 128, 128, 3) uint8, the same for use on objects and cloth.
        noise: (64³, 4) int8, cells of a volume that repeats in all axes, in the order of `lookups.cell`:
            brightness, then a perturbation of the normal.
    """

    count: int
    pictures: tuple[tuple[np.ndarray, ...], ...]
    on_surfaces: np.ndarray
    noise: np.ndarray


class Picture(NamedTuple):
    """color (h, w, 3) float32, linear; label (h, w) uint8, the part's LABEL; depth (h, w) float32 m, 0 =
    nothing."""

    color: np.ndarray
    label: np.ndarray
    depth: np.ndarray


def shadow_map(
    vertices: np.ndarray, casting: np.ndarray, center: np.ndarray, radius: float, light: Light
) -> ShadowMap:
    """Depth of the `casting` (K, 3) faces as the light sees a ball around `center`."""
    distance = 8.0 * radius
    forward = -light.direction
    side = unit(cross(forward, np.array([0.31, 0.59, 0.74])))
    rotation = np.array([side, cross(forward, side), forward])
    origin = center + distance * light.direction
    focal = 0.5 * _SHADOW_SIZE * distance / radius
    middle = (_SHADOW_SIZE - 1) / 2
    view = View(rotation, origin, focal, focal, middle, middle, _SHADOW_SIZE, _SHADOW_SIZE)
    seen = rasterize(view.to_view(vertices), casting, view, 1)
    frame = np.concatenate([rotation, -(rotation @ origin)[:, None]], axis=1).astype(np.float32)
    return ShadowMap(
        seen.inverse_depth, frame, np.float32(focal), np.float32(middle), np.float32(0.02 * radius)
    )


def no_shadow() -> ShadowMap:
    """A map that shadows nothing."""
    return ShadowMap(
        np.zeros((2, 2), np.float32),
        np.zeros((3, 4), np.float32),
        np.float32(1),
        np.float32(-9),
        np.float32(0),
    )


def shade(
    seen: Visibility,
    surface: Surface,
    view: View,
    light: Light,
    shadow: ShadowMap,
    far: np.ndarray,
    textures: Textures,
) -> Picture:
    """Colors, labels and depths of a view from its samples; `far` is the view's `far_picture`."""
    picture = Picture(
        np.empty((view.height, view.width, 3), np.float32),
        np.empty((view.height, view.width), np.uint8),
        np.empty((view.height, view.width), np.float32),
    )
    focal, center = np.float32([view.focal_x, view.focal_y]), np.float32([view.center_x, view.center_y])
    first = 0.5 / SAMPLES - 0.5
    lens = np.concatenate([1.0 / (SAMPLES * focal), (first - center) / focal])
    turn = np.ascontiguousarray(view.rotation.T, dtype=np.float32)
    lamp = np.concatenate([light.direction, light.color]).astype(np.float32)
    room = SAMPLES**2 * view.width
    paint_surfaces(
        *seen[:3], *surface[1:7], far, lens, turn, view.origin.astype(np.float32), lamp,
        *shadow, textures.on_surfaces, textures.noise, *picture,
        np.empty((room, 5), np.int32), np.empty((room, ATTRIBUTES + 1), np.float32),
    )  # fmt: skip
    return picture


def far_picture(view: View, backdrop: Backdrop, seen: Visibility | None = None) -> np.ndarray:
    """(h, w, 3) float32 linear: the backdrop alone, as the view sees it.

    Pixels in which `seen` has surfaces only are not set.
    """
    to_ray = view.rotation.T @ np.array(
        [
            [1.0 / view.focal_x, 0.0, -view.center_x / view.focal_x],
            [0.0, 1.0 / view.focal_y, -view.center_y / view.focal_y],
            [0.0, 0.0, 1.0],
        ]
    )
    to_picture = np.empty((3, 3, 3), np.float32)
    to_picture[:, :2] = backdrop.maps @ to_ray
    to_picture[:, 2] = to_ray[2]
    # The gradient is given over directions; over a view's pixels it is linear enough, from its middle.
    middle = view.rotation.T[:, 2]
    across, down = backdrop.gradient[1] / view.focal_x, backdrop.gradient[2] / view.focal_y
    center = backdrop.gradient @ np.array([1.0, middle[0] / middle[2], middle[1] / middle[2]])
    gradient = np.array([center - across * view.center_x - down * view.center_y, across, down], np.float32)
    pictures = (_fitting_size(k, view, backdrop) for k in range(3))
    far = np.empty((view.height, view.width, 3), np.float32)
    face = _NOTHING_SEEN if seen is None else seen.face
    paint_far(
        to_picture, *pictures, backdrop.tint.astype(np.float32), np.float32(backdrop.edge), gradient,
        face, far,
    )  # fmt: skip
    return far


def _fitting_size(k: int, view: View, backdrop: Backdrop) -> np.ndarray:
    """The copy of a backdrop's picture whose pixels suit the view's, or a smaller one: out of focus."""
    (a, b, _), (c, d, _) = backdrop.maps[k].tolist()
    scale = (abs(a) + abs(b) + abs(c) + abs(d)) / 2.0
    sharp = int(log2(max(256.0 * scale / view.focal_x, 1.0)) + 0.5)
    return backdrop.images[k][min(sharp + backdrop.blur[k], len(backdrop.images[k]) - 1)]
