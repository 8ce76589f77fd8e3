"""Shaded, translucent triangle meshes painted on an image, compiled: a z-buffer, then one blend."""

from __future__ import annotations

import math

import numpy as np

from lgnet_ros.jit import compiled, exactly

_OPACITY, _OUTLINE_OPACITY = 0.72, 0.8
_FAR_OUT = 8.0  # image sizes from the image beyond which a corner is too far out to be drawn


class Canvas:
    """Meshes gather here before they are blended with the picture, so that nearer ones hide farther ones."""

    def __init__(self, picture: np.ndarray, pixels: list[np.ndarray], thickness: int) -> None:
        """
        Args:
            picture: (H, W, 3) uint8 RGB, on which `blend` paints.
            pixels: per mesh, (V, 2) where its vertices are seen; NaN where the camera cannot see.
            thickness: of the outline, px.
        """
        size = np.array([picture.shape[1], picture.shape[0]])
        corners = np.concatenate(pixels)
        ends = np.stack([np.fmin.reduce(corners), np.fmax.reduce(corners)])  # these two pass over NaN
        low, high = np.nan_to_num(ends).clip(0, size).astype(int)
        left, top = (low - 1 - thickness).clip(0).tolist()
        right, bottom = (high + 2 + thickness).tolist()
        self._window = picture[top:bottom, left:right]
        self._corner = np.array([left, top], dtype=np.float64)
        self._thickness, self._farthest = thickness, float(_FAR_OUT * size.max())
        self._nearness = np.zeros(self._window.shape[:2], np.float32)  # 1 / depth; 0: nothing painted
        self._colors = np.empty(self._window.shape, np.uint8)

    def paint(self, vertices: np.ndarray, pixels: np.ndarray, faces: np.ndarray, colors: np.ndarray) -> None:
        """The faces (F, 3) int64, wound outward, of a mesh that the camera sees from outside.

        vertices: (V, 3) m. pixels: (V, 2), NaN where the camera cannot see. colors: (V, 3) RGB, 0 to 255.
        """
        corners = np.concatenate([pixels - self._corner, vertices[:, 2:], colors], axis=1)
        _paint(corners, np.ascontiguousarray(faces), self._farthest, self._nearness, self._colors)

    def blend(self) -> None:
        """Lay what has been painted over the picture, with a white outline."""
        _blend(self._nearness, self._colors, self._thickness, self._window)


@exactly  # knows NaN
def _paint(
    corners: np.ndarray,
    faces: np.ndarray,
    farthest: float,
    nearness: np.ndarray,
    painted: np.ndarray,
) -> None:
    """corners: (V, 6) column, row, depth, RGB. Fills `nearness` (h, w) and `painted` (h, w, 3)."""
    height, width = nearness.shape
    for face in range(len(faces)):
        a, b, c = corners[faces[face, 0]], corners[faces[face, 1]], corners[faces[face, 2]]
        low_x, high_x = min(a[0], b[0], c[0]), max(a[0], b[0], c[0])
        low_y, high_y = min(a[1], b[1], c[1]), max(a[1], b[1], c[1])
        # Counter-clockwise to the eye: clockwise in numbers, for y points down.
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if not (area < 0 and max(-low_x, high_x, -low_y, high_y) <= farthest):
            continue
        # Shares of a and b at a pixel: linear in its column and row.
        a_right, a_down = (b[1] - c[1]) / area, (c[0] - b[0]) / area
        b_right, b_down = (c[1] - a[1]) / area, (a[0] - c[0]) / area
        near_a, near_b, near_c = 1 / a[2], 1 / b[2], 1 / c[2]
        first, last = max(math.ceil(low_x), 0), min(math.floor(high_x), width - 1)
        for row in range(max(math.ceil(low_y), 0), min(math.floor(high_y), height - 1) + 1):
            for column in range(first, last + 1):
                of_a = (column - c[0]) * a_right + (row - c[1]) * a_down
                of_b = (column - c[0]) * b_right + (row - c[1]) * b_down
                of_c = 1 - of_a - of_b
                if of_a < 0 or of_b < 0 or of_c < 0:
                    continue
                near = of_a * near_a + of_b * near_b + of_c * near_c
                if near > nearness[row, column]:
                    nearness[row, column] = near
                    for k in range(3):
                        color = of_a * a[3 + k] + of_b * b[3 + k] + of_c * c[3 + k]
                        painted[row, column, k] = np.uint8(color)


@compiled
def _blend(nearness: np.ndarray, painted: np.ndarray, thickness: int, picture: np.ndarray) -> None:
    height, width = nearness.shape
    for row in range(height):
        above, below = max(row - thickness, 0), min(row + thickness, height - 1)
        for column in range(width):
            if nearness[row, column] == 0:
                continue
            before, after = max(column - thickness, 0), min(column + thickness, width - 1)
            inside = (
                nearness[above, column] * nearness[below, column]
                * nearness[row, before] * nearness[row, after]
            )  # fmt: skip
            for k in range(3):
                under, over, opacity = picture[row, column, k], float(painted[row, column, k]), _OPACITY
                if inside == 0:
                    over, opacity = 255.0, _OUTLINE_OPACITY
                picture[row, column, k] = np.uint8(under + opacity * (over - under) + 0.5)
