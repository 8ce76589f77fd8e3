"""Posing both hands of one crop and looking up what the image shows under their vertices, as compiled loops.

The arithmetic is that of `hand_model.skinning`, `network.projection` and `network.heatmap.sample_bilinear`.
As operations of a network it is some hundred small ones, each of which costs more to start than to do.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import (
    JOINT_COUNT,
    MANO_PARENTS,
    ROTATION_COUNT,
    SHAPE_COUNT,
    SIDES,
    VERTEX_COUNT,
)
from lgnet_ros.jit import compiled
from lgnet_ros.network.projection import NEAREST_DEPTH

_FAST = {"reassoc", "contract", "nsz"}  # sums in any order; what is not a number stays so
_PARENTS = np.array(MANO_PARENTS)


class HandPoser:
    """The hand model's arrays as the loops take them: both hands, right first, float32."""

    def __init__(self, hand_model: HandModel) -> None:
        hands = [hand_model.arrays(side) for side in SIDES]
        self._template = _stacked(hand.v_template.T.reshape(-1) for hand in hands)  # (2,3·778)
        blended = [np.concatenate([hand.shapedirs.T, hand.posedirs.T]) for hand in hands]  # (145,3,778)
        self._directions = _stacked(part.reshape(len(part), -1) for part in blended)  # (2,145,3·778)
        self._weights = _stacked(hand.weights.T for hand in hands)  # (2,16,778)
        regressors = [hand.J_regressor.astype(np.float64) for hand in hands]
        pairs = list(zip(regressors, hands, strict=True))
        self._rest = _stacked(regressor @ hand.v_template for regressor, hand in pairs)  # (2,16,3)
        self._rest_directions = _stacked(
            np.einsum("jv,vcs->sjc", regressor, hand.shapedirs) for regressor, hand in pairs
        )  # (2,10,16,3)
        rows = [hand_model.joint_regressor(side).detach().cpu().numpy() for side in SIDES]
        self._regressor = _sparse_rows(np.concatenate(rows))

    def pose(self, sixd: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rough meshes of what the network regressed.

        Args:
            sixd: (2,16,6), see `geometry.rotations.sixd_to_matrix`. shape: (2,10). Both float32.

        Returns:
            local rotations (2,16,3,3), and vertices (2,778,3) m relative to the wrist that the joint
            regressor finds in them.
        """
        rotations = np.empty((2, ROTATION_COUNT, 3, 3), np.float32)
        vertices = np.empty((2, VERTEX_COUNT, 3), np.float32)
        for side in range(2):
            _orthonormalize(sixd[side], rotations[side])
            _pose(
                rotations[side], shape[side], self._template[side], self._directions[side],
                self._weights[side], self._rest[side], self._rest_directions[side], vertices[side],
            )  # fmt: skip
        vertices -= self.joints(vertices)[:, :1]
        return rotations, vertices

    def joints(self, vertices: np.ndarray) -> np.ndarray:
        """(2,778,3) to (2,21,3): the joint regressor applied to them."""
        joints = np.empty((2, JOINT_COUNT, 3), np.float32)
        _regress(*self._regressor, vertices, joints)
        return joints


def projected(vertices: np.ndarray, wrists: np.ndarray, focal_px: float, size_px: int) -> np.ndarray:
    """Crop pixels (2,778,2) of vertices (2,778,3) that are relative to wrists (2,3) in the crop camera, m."""
    pixels = np.empty((*vertices.shape[:2], 2), np.float32)
    _project(vertices, wrists, np.float32(focal_px), np.float32((size_px - 1) / 2), pixels)
    return pixels


def sample_into(
    found: np.ndarray, features: np.ndarray, pixels: np.ndarray, size_px: int, base: np.ndarray | None = None
) -> None:
    """Features at crop pixels, bilinear between cell centers, zero outside.

    Args:
        found: (2,N,C) float32, written.
        features: (2,H,W,C) float32 maps that cover the crop, one for each hand; or (1,H,W,C), one for both.
        pixels: (2,N,2). size_px: the crop's.
        base: (2,C), what to add to all of a hand's.
    """
    if base is None:
        base = np.zeros((2, features.shape[-1]), np.float32)
    _sample(features, pixels, np.float32(size_px), base, found)


@compiled
def _orthonormalize(sixd: np.ndarray, rotations: np.ndarray) -> None:
    """Gram-Schmidt: (16,6) to (16,3,3), columns written."""
    tiny = np.float32(1e-12)
    for k in range(sixd.shape[0]):
        a0, a1, a2, b0, b1, b2 = sixd[k]
        length = max(np.sqrt(a0 * a0 + a1 * a1 + a2 * a2), tiny)
        a0, a1, a2 = a0 / length, a1 / length, a2 / length
        along = a0 * b0 + a1 * b1 + a2 * b2
        b0, b1, b2 = b0 - along * a0, b1 - along * a1, b2 - along * a2
        length = max(np.sqrt(b0 * b0 + b1 * b1 + b2 * b2), tiny)
        b0, b1, b2 = b0 / length, b1 / length, b2 / length
        out = rotations[k]
        out[0, 0], out[1, 0], out[2, 0] = a0, a1, a2
        out[0, 1], out[1, 1], out[2, 1] = b0, b1, b2
        out[0, 2], out[1, 2], out[2, 2] = a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0


@compiled
def _pose(
    rotations: np.ndarray,
    shape: np.ndarray,
    template: np.ndarray,
    directions: np.ndarray,
    weights: np.ndarray,
    rest_template: np.ndarray,
    rest_directions: np.ndarray,
    vertices: np.ndarray,
) -> None:
    """One hand, the steps of `hand_model.skinning` in their order; vertices (778,3) are written."""
    blended = template.copy()
    for s in range(SHAPE_COUNT):
        for i in range(blended.size):
            blended[i] += shape[s] * directions[s, i]
    for joint in range(1, ROTATION_COUNT):
        _blend_pose(rotations[joint], directions[SHAPE_COUNT + 9 * (joint - 1) :], blended)
    rest = rest_template.copy()
    for s in range(SHAPE_COUNT):
        rest += shape[s] * rest_directions[s]
    transforms = _transforms(rotations, rest)
    moved = np.zeros((12, VERTEX_COUNT), np.float32)
    for joint in range(ROTATION_COUNT):
        for entry in range(12):
            value = transforms[joint, entry]
            for v in range(VERTEX_COUNT):
                moved[entry, v] += value * weights[joint, v]
    for v in range(VERTEX_COUNT):
        x, y, z = blended[v], blended[VERTEX_COUNT + v], blended[2 * VERTEX_COUNT + v]
        for axis in range(3):
            row = 4 * axis
            turned = moved[row, v] * x + moved[row + 1, v] * y + moved[row + 2, v] * z
            vertices[v, axis] = turned + moved[row + 3, v]


@compiled
def _blend_pose(rotation: np.ndarray, directions: np.ndarray, blended: np.ndarray) -> None:
    """Add the nine directions of one rotation minus identity."""
    one = np.float32(1)
    a, b, c = rotation[0, 0] - one, rotation[0, 1], rotation[0, 2]
    d, e, f = rotation[1, 0], rotation[1, 1] - one, rotation[1, 2]
    g, h, k = rotation[2, 0], rotation[2, 1], rotation[2, 2] - one
    for i in range(blended.size):
        upper = a * directions[0, i] + b * directions[1, i] + c * directions[2, i]
        middle = d * directions[3, i] + e * directions[4, i] + f * directions[5, i]
        lower = g * directions[6, i] + h * directions[7, i] + k * directions[8, i]
        blended[i] += upper + middle + lower


@compiled
def _transforms(rotations: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(16,3,3) local rotations and (16,3) rest joints to (16,12): [global rotation | offset], row by row."""
    turned = np.empty((ROTATION_COUNT, 3, 3), np.float32)
    placed = np.empty((ROTATION_COUNT, 3), np.float32)
    transforms = np.empty((ROTATION_COUNT, 12), np.float32)
    turned[0], placed[0] = rotations[0], rest[0]
    for joint in range(ROTATION_COUNT):
        if joint > 0:
            parent = _PARENTS[joint]
            for i in range(3):
                place = placed[parent, i]
                for k in range(3):
                    place += turned[parent, i, k] * (rest[joint, k] - rest[parent, k])
                    turned[joint, i, k] = (
                        turned[parent, i, 0] * rotations[joint, 0, k]
                        + turned[parent, i, 1] * rotations[joint, 1, k]
                        + turned[parent, i, 2] * rotations[joint, 2, k]
                    )
                placed[joint, i] = place
        for i in range(3):
            offset = placed[joint, i]
            for k in range(3):
                offset -= turned[joint, i, k] * rest[joint, k]
                transforms[joint, 4 * i + k] = turned[joint, i, k]
            transforms[joint, 4 * i + 3] = offset
    return transforms


@compiled
def _regress(
    starts: np.ndarray, columns: np.ndarray, values: np.ndarray, vertices: np.ndarray, joints: np.ndarray
) -> None:
    """Sparse rows, right hand's then left hand's, times (2,778,3)."""
    for side in range(2):
        for joint in range(JOINT_COUNT):
            row = side * JOINT_COUNT + joint
            x = y = z = np.float32(0)
            for entry in range(starts[row], starts[row + 1]):
                value, vertex = values[entry], columns[entry]
                x += value * vertices[side, vertex, 0]
                y += value * vertices[side, vertex, 1]
                z += value * vertices[side, vertex, 2]
            joints[side, joint, 0], joints[side, joint, 1], joints[side, joint, 2] = x, y, z


def _project(
    vertices: np.ndarray, wrists: np.ndarray, focal_px: float, center_px: float, pixels: np.ndarray
) -> None:
    nearest = np.float32(NEAREST_DEPTH)
    for side in range(2):
        for v in range(vertices.shape[1]):
            scale = focal_px / max(vertices[side, v, 2] + wrists[side, 2], nearest)
            for axis in range(2):
                pixels[side, v, axis] = scale * (vertices[side, v, axis] + wrists[side, axis]) + center_px


def _sample(
    features: np.ndarray, pixels: np.ndarray, size_px: float, base: np.ndarray, found: np.ndarray
) -> None:
    half, one = np.float32(0.5), np.float32(1)
    height, width, channels = features.shape[1:]
    for side in range(2):
        own = features[side % features.shape[0]]
        for v in range(pixels.shape[1]):
            x = (pixels[side, v, 0] + half) * (np.float32(width) / size_px) - half
            y = (pixels[side, v, 1] + half) * (np.float32(height) / size_px) - half
            out = found[side, v]
            if not (-one < x < np.float32(width) and -one < y < np.float32(height)):
                for c in range(channels):
                    out[c] = base[side, c]
                continue
            left, top = int(np.floor(x)), int(np.floor(y))
            right_share, lower_share = x - np.float32(left), y - np.float32(top)
            left_share = one - right_share if left >= 0 else np.float32(0)
            upper_share = one - lower_share if top >= 0 else np.float32(0)
            right_share = right_share if left + 1 < width else np.float32(0)
            lower_share = lower_share if top + 1 < height else np.float32(0)
            west, east = max(left, 0), min(left + 1, width - 1)
            north, south = max(top, 0), min(top + 1, height - 1)
            a, b = upper_share * left_share, upper_share * right_share
            d, e = lower_share * left_share, lower_share * right_share
            for c in range(channels):
                upper = a * own[north, west, c] + b * own[north, east, c]
                out[c] = base[side, c] + upper + d * own[south, west, c] + e * own[south, east, c]


_project = compiled(_project, fastmath=_FAST)
_sample = compiled(_sample, fastmath=_FAST)


def _stacked(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.ascontiguousarray(np.stack(list(parts)), dtype=np.float32)


def _sparse_rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """starts (R+1,), columns (K,), values (K,) of the entries that are not zero."""
    rows, columns = np.nonzero(matrix)
    starts = np.searchsorted(rows, np.arange(len(matrix) + 1))
    return starts, columns, matrix[rows, columns].astype(np.float32)
