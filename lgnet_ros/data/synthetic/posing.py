"""The hand model's skinning for one hand at a time, in NumPy and compiled loops.

The same numbers as `HandModel.forward` (a test holds them together), without torch's cost per call, which at
778 vertices would be larger than the work. Angles are those of `lgnet_ros.hand_model.anatomy`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lgnet_ros.hand_model.anatomy import HandAxes, anatomical_axes
from lgnet_ros.hand_model.model import HandModel
from lgnet_ros.hand_model.topology import MANO_TO_OURS, ROTATION_COUNT, SIDES, VERTEX_COUNT
from lgnet_ros.jit import compiled, exactly

_MANO_TO_OURS = np.array(MANO_TO_OURS)


class Posed(NamedTuple):
    """A hand at its place: vertices (778, 3), joints (21, 3) our order, chain (16, 3) MANO's order,
    turned (16, 3, 3) orientation of each joint, rotations (16, 3, 3) parent-relative. float32, m."""

    vertices: np.ndarray
    joints: np.ndarray
    chain: np.ndarray
    turned: np.ndarray
    rotations: np.ndarray

    def shifted(self, offset: np.ndarray) -> Posed:
        """The same hand elsewhere, by (3,) float32."""
        vertices, joints, chain = (
            np.empty_like(points) for points in (self.vertices, self.joints, self.chain)
        )
        _shift(self.vertices, offset, vertices)
        _shift(self.joints, offset, joints)
        _shift(self.chain, offset, chain)
        return Posed(vertices, joints, chain, self.turned, self.rotations)


@exactly
def _shift(points, offset, shifted):
    for i in range(points.shape[0]):
        for c in range(3):
            shifted[i, c] = points[i, c] + offset[c]


class FastHand:
    """One side of a hand model, laid out for posing single hands.

    Attributes:
        faces: (1538, 3) int32, outward.
        template: (778, 3) float32; template_joints: (16, 3), MANO's order.
        axes: (3, 15, 3) float32, flexion, abduction and twist axes.
    """

    def __init__(self, model: HandModel, side: str) -> None:
        arrays = model.arrays(side)
        self.side = SIDES.index(side)
        self.faces = np.ascontiguousarray(arrays.f, dtype=np.int32)
        self.template = arrays.v_template.astype(np.float32)
        self.fingertips = np.asarray(arrays.fingertip_vertices)
        self._shape_directions = _directions(arrays.shapedirs)
        self._pose_directions = _directions(arrays.posedirs)
        self._regressor = arrays.J_regressor.astype(np.float32)
        self._regressor21 = np.ascontiguousarray(model.joint_regressor(side).numpy(), dtype=np.float32)
        self._skinning = _sparse(arrays.weights)
        self.template_joints = self._regressor @ self.template
        axes: HandAxes = anatomical_axes(model, side)
        self.axes = np.stack([axes.flexion_axes, axes.abduction_axes, axes.twist_axes]).astype(np.float32)

    def shaped(self, shape: np.ndarray) -> np.ndarray:
        """(778, 3) the unposed hand of a shape (10,)."""
        return _blended(self.template, shape.astype(np.float32), *self._shape_directions)

    def rest_joints(self, shaped: np.ndarray) -> np.ndarray:
        """(16, 3) joints of an unposed hand (778, 3), MANO's order."""
        return self._regressor @ shaped

    def rotations(self, angles: np.ndarray, root: np.ndarray) -> np.ndarray:
        """(16, 3, 3) local rotations of joint angles (15, 3) [flexion, abduction, twist] under a root (3,
        3)."""
        result = np.empty((ROTATION_COUNT, 3, 3), np.float32)
        result[0] = root
        rotations_from_angles(angles.astype(np.float32), self.axes, result)
        return result

    def pose(
        self, rotations: np.ndarray, shaped: np.ndarray, rest: np.ndarray, wrist: np.ndarray | None = None
    ) -> Posed:
        """Poses an unposed hand (778, 3) with joints (16, 3) by local rotations (16, 3, 3), float32.

        `wrist` (3,) float32: where the root joint goes; None: it stays.
        """
        turned, chain, vertices = np.empty_like(rotations), np.empty_like(rest), np.empty_like(shaped)
        _pose(
            rotations, shaped, rest, rest[0] if wrist is None else wrist, self._pose_directions,
            self._skinning, turned, chain, vertices,
        )  # fmt: skip
        return Posed(vertices, self._regressor21 @ vertices, chain, turned, rotations)

    def ours(self, joints: np.ndarray, shaped: np.ndarray) -> np.ndarray:
        """(21, 3) unposed joints in our order: MANO's 16 and the fingertips."""
        return np.concatenate([joints, shaped[self.fingertips]])[_MANO_TO_OURS]


@lru_cache(maxsize=4)
def fast_hands(path: str | None = None) -> tuple[FastHand, FastHand]:
    """Right and left of the model at `path` (default: the one that ships), loaded once per process."""
    model = HandModel.load(path)
    return FastHand(model, "right"), FastHand(model, "left")


def _sparse(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of a (778, 16) matrix as (start (779,), column, value) of its non-zeros."""
    rows, columns = np.nonzero(weights)
    start = np.searchsorted(rows, np.arange(VERTEX_COUNT + 1)).astype(np.int32)
    return start, columns.astype(np.int32), weights[rows, columns].astype(np.float32)


def _directions(displacements: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of (778, 3, K): rows (K, 2334), and (K, 2) from where to where each is not zero: most of a hand does
    not move with a joint."""
    rows = np.ascontiguousarray(displacements.reshape(VERTEX_COUNT * 3, -1).T, dtype=np.float32)
    spans = np.zeros((len(rows), 2), np.int32)
    for span, row in zip(spans, rows, strict=True):
        if row.any():
            span[:] = np.flatnonzero(row)[[0, -1]] + [0, 1]
    return rows, spans


def _blended(
    base: np.ndarray, coefficients: np.ndarray, directions: np.ndarray, spans: np.ndarray
) -> np.ndarray:
    """(778, 3) base plus the sum of directions (K, 2334), see `_directions`, times coefficients (K,).

    Not a matrix product: for one of this size NumPy's library starts threads, which would fight over the
        cores of
    the other worker processes.
    """
    result = base.reshape(-1).copy()
    _add_scaled_rows(coefficients, directions, spans, result)
    return result.reshape(-1, 3)


@compiled
def _add_scaled_rows(coefficients, directions, spans, result):
    for k in range(directions.shape[0]):
        c = coefficients[k]
        # Unsigned: an index that may count from the end would keep the loop from being vectorized.
        for i in range(np.uint64(spans[k, 0]), np.uint64(spans[k, 1])):
            result[i] += c * directions[k, i]


@compiled
def _axis_rotation(axis, angle, out):
    """Rodrigues' formula for a unit axis."""
    s, c = np.sin(angle), np.cos(angle)
    x, y, z = axis[0], axis[1], axis[2]
    k = np.float32(1.0) - c
    out[0, 0], out[0, 1], out[0, 2] = c + x * x * k, x * y * k - z * s, x * z * k + y * s
    out[1, 0], out[1, 1], out[1, 2] = y * x * k + z * s, c + y * y * k, y * z * k - x * s
    out[2, 0], out[2, 1], out[2, 2] = z * x * k - y * s, z * y * k + x * s, c + z * z * k


@compiled
def _multiply(a, b, out):
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@compiled
def rotations_from_angles(angles, axes, out):
    """R = R_flexion · R_abduction · R_twist for joints 1 to 15."""
    first, second, third = (
        np.empty((3, 3), np.float32),
        np.empty((3, 3), np.float32),
        np.empty((3, 3), np.float32),
    )
    for joint in range(15):
        _axis_rotation(axes[0, joint], angles[joint, 0], first)
        _axis_rotation(axes[1, joint], angles[joint, 1], second)
        _multiply(first, second, third)
        _axis_rotation(axes[2, joint], angles[joint, 2], first)
        _multiply(third, first, out[joint + 1])


@compiled
def chain_joints(rotations, rest, wrist, turned, chain):
    """Global rotations and joints; the tree is five chains of three that hang on joint 0, at `wrist`."""
    for i in range(3):
        chain[0, i] = wrist[i]
        for j in range(3):
            turned[0, i, j] = rotations[0, i, j]
    for joint in range(1, 16):
        parent = joint - 1 if joint % 3 != 1 else 0
        _multiply(turned[parent], rotations[joint], turned[joint])
        for i in range(3):
            moved = chain[parent, i]
            for j in range(3):
                moved += turned[parent, i, j] * (rest[joint, j] - rest[parent, j])
            chain[joint, i] = moved


@compiled
def _skin(blended, skinning, turned, chain, rest, vertices):
    start, joint, weight = skinning
    for v in range(blended.shape[0]):
        x, y, z = np.float32(0), np.float32(0), np.float32(0)
        for k in range(start[v], start[v + 1]):
            j, w = np.uint32(joint[k]), weight[k]
            px, py, pz = blended[v, 0] - rest[j, 0], blended[v, 1] - rest[j, 1], blended[v, 2] - rest[j, 2]
            x += w * (turned[j, 0, 0] * px + turned[j, 0, 1] * py + turned[j, 0, 2] * pz + chain[j, 0])
            y += w * (turned[j, 1, 0] * px + turned[j, 1, 1] * py + turned[j, 1, 2] * pz + chain[j, 1])
            z += w * (turned[j, 2, 0] * px + turned[j, 2, 1] * py + turned[j, 2, 2] * pz + chain[j, 2])
        vertices[v, 0], vertices[v, 1], vertices[v, 2] = x, y, z


@compiled
def _pose(rotations, shaped, rest, wrist, pose_directions, skinning, turned, chain, vertices):
    """All of `FastHand.pose` but the regressed joints."""
    chain_joints(rotations, rest, wrist, turned, chain)
    feature = rotations[1:].copy().reshape(-1)
    for k in range(15):
        for i in range(3):
            feature[9 * k + 4 * i] -= np.float32(1)
    blended = shaped.copy()
    directions, spans = pose_directions
    _add_scaled_rows(feature, directions, spans, blended.reshape(-1))
    _skin(blended, skinning, turned, chain, rest, vertices)
