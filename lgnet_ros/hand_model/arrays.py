"""The arrays of one hand, in MANO's layout, and the mirror image of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model.topology import FACE_COUNT, ROTATION_COUNT, SHAPE_COUNT, VERTEX_COUNT

_SHAPES: dict[str, tuple[int, ...]] = {
    "v_template": (VERTEX_COUNT, 3),
    "shapedirs": (VERTEX_COUNT, 3, SHAPE_COUNT),
    "posedirs": (VERTEX_COUNT, 3, 9 * (ROTATION_COUNT - 1)),
    "J_regressor": (ROTATION_COUNT, VERTEX_COUNT),
    "weights": (VERTEX_COUNT, ROTATION_COUNT),
    "f": (FACE_COUNT, 3),
    "hands_mean": (3 * (ROTATION_COUNT - 1),),
    "hands_components": (3 * (ROTATION_COUNT - 1), 3 * (ROTATION_COUNT - 1)),
    "fingertip_vertices": (5,),
    "nail_vertices": (-1,),  # any number
}
_INTEGERS = ("f", "fingertip_vertices", "nail_vertices")


@dataclass(frozen=True)
class HandArrays:
    """One hand's model, under MANO's own keys; float32 and int64, checked at construction.

    v_template (778, 3) m; shapedirs (778, 3, 10) m per unit of shape; posedirs (778, 3, 135) m per entry of
    the 15 rotation matrices minus identity, row-major; J_regressor (16, 778); weights (778, 16); f (1538, 3)
    outward; hands_mean (45,) axis-angle of a relaxed pose; hands_components (45, 45), one component a row;
    fingertip_vertices (5,) thumb to little; nail_vertices (N,) where a renderer paints nails (MANO names
    none).

    Raises:
        UserError: an array has another shape, or holds NaN or infinity.
    """

    v_template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray
    J_regressor: np.ndarray  # noqa: N815 (MANO's key)
    weights: np.ndarray
    f: np.ndarray
    hands_mean: np.ndarray
    hands_components: np.ndarray
    fingertip_vertices: np.ndarray
    nail_vertices: np.ndarray

    def __post_init__(self) -> None:
        for name, shape in _SHAPES.items():
            array = np.ascontiguousarray(getattr(self, name), np.int64 if name in _INTEGERS else np.float32)
            if array.ndim != len(shape) or any(
                w not in (-1, n) for n, w in zip(array.shape, shape, strict=True)
            ):
                raise UserError(f"hand model: {name} is {array.shape}, a hand of MANO's layout has {shape}")
            if not np.isfinite(array).all():
                raise UserError(f"hand model: {name} holds values that are not finite")
            object.__setattr__(self, name, array)

    def mirrored(self) -> HandArrays:
        """The other side's hand: x → −x, rotations about y and z reversed, faces wound the other way."""
        mirror = np.array([-1.0, 1.0, 1.0], np.float32)
        feature = np.tile(np.outer(mirror, mirror).ravel(), ROTATION_COUNT - 1)  # M R M, entry by entry
        axis = np.tile(-mirror, ROTATION_COUNT - 1)  # a rotation axis is a pseudo-vector
        return replace(
            self,
            v_template=self.v_template * mirror,
            shapedirs=self.shapedirs * mirror[:, None],
            posedirs=self.posedirs * mirror[:, None] * feature,
            f=self.f[:, [0, 2, 1]],
            hands_mean=self.hands_mean * axis,
            hands_components=self.hands_components * axis,
        )

    def digest(self) -> bytes:
        """SHA-256 over all arrays, independent of how they are stored."""
        state = hashlib.sha256()
        for field in fields(self):
            state.update(field.name.encode())
            state.update(np.ascontiguousarray(getattr(self, field.name)).tobytes())
        return state.digest()
