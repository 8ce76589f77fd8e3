"""Where a hand model has palm, knuckles, nails and creases: maps on its template, computed from its own
joints."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lgnet_ros.data.synthetic.columns import CREASE, DETAIL_COLUMNS, NAIL
from lgnet_ros.data.synthetic.posing import FastHand, fast_hands
from lgnet_ros.data.synthetic.vertex_light import vertex_normals

_CREASE_WIDTH_M = 0.0009
_NAIL_HALF_M = (0.0058, 0.0056)
_THUMB_NAIL_HALF_M = (0.0070, 0.0068)


class SkinMap(NamedTuple):
    """Maps of one side's template.

    Attributes:
        palm (778,): 1 on the palmar, 0 on the dorsal side.
        knuckle, tip (778,): nearness to a knuckle's back, and to a fingertip, 0 to 1.
        detail (1538,) int16: row of `details`, or -1.
        details (20, 15) float32: five nails, then fifteen creases; see `columns`.
        wrist (778,): 1 at the wrist, 0 from 4 cm on: where hand and forearm share their color.
    """

    palm: np.ndarray
    knuckle: np.ndarray
    tip: np.ndarray
    detail: np.ndarray
    details: np.ndarray
    wrist: np.ndarray


@lru_cache(maxsize=4)
def skin_maps(path: str | None = None) -> tuple[SkinMap, SkinMap]:
    """The maps of the right and left hand of the model at `path`."""
    right, left = fast_hands(path)
    return skin_map(right), skin_map(left)


def skin_map(hand: FastHand) -> SkinMap:
    """All maps of one side."""
    joints = hand.rest_joints(hand.template)
    tips = hand.template[hand.fingertips]
    along, across, out, length = _bone_frames(hand, joints, tips)
    normals = vertex_normals(hand.template, hand.faces)
    nearest = np.argmin(np.linalg.norm(hand.template[:, None] - joints[None, 1:], axis=2), axis=1)
    back = out[nearest]
    in_palm = np.abs(hand.template[:, 0]) < 0.9 * np.abs(joints[[1, 4, 7, 10], 0]).min()
    back[in_palm] = np.array([0.0, 1.0, 0.0])
    palm = np.clip(0.5 - 0.9 * np.einsum("vc,vc->v", normals, back), 0.0, 1.0)
    to_knuckle = np.min(np.linalg.norm(hand.template[:, None] - joints[None, 1:13], axis=2), axis=1)
    to_tip = np.min(np.linalg.norm(hand.template[:, None] - tips[None], axis=2), axis=1)
    details = np.concatenate(
        [_nails(hand, joints, tips, along, across, out, length), _creases(joints, along, across, out)]
    )
    wrist = np.clip(1.0 - np.linalg.norm(hand.template - joints[0], axis=1) / 0.04, 0.0, 1.0)
    return SkinMap(
        palm.astype(np.float32),
        (np.clip(1.3 - to_knuckle / 0.012, 0.0, 1.0) * (1.0 - palm)).astype(np.float32),
        np.clip(1.0 - to_tip / 0.018, 0.0, 1.0).astype(np.float32),
        _assign(hand, details),
        details,
        wrist.astype(np.float32),
    )


def _bone_frames(hand: FastHand, joints: np.ndarray, tips: np.ndarray) -> tuple[np.ndarray, ...]:
    """Along (15, 3), across (15, 3), out of the back (15, 3) and length (15,) of the bones after joints 1 to
    15."""
    # MANO's order of fingers is index, middle, little, ring, thumb; tips come thumb to little.
    ends = np.concatenate([joints[1:], joints[:1]])[1:]
    ends[[2, 5, 8, 11, 14]] = tips[[1, 2, 4, 3, 0]]
    along = ends - joints[1:]
    length = np.linalg.norm(along, axis=1)
    along = along / length[:, None]
    across = hand.axes[0]
    return along, across, np.cross(along, across), length


def _nails(hand, joints, tips, along, across, out, length) -> np.ndarray:
    rows = np.zeros((5, DETAIL_COLUMNS), np.float32)
    for row, joint in enumerate((14, 2, 5, 11, 8)):
        half = _THUMB_NAIL_HALF_M if joint == 14 else _NAIL_HALF_M
        half = np.array(half) * (0.85 if joint == 8 else 1.0)
        center = tips[row] - along[joint] * half[0] * 1.25
        rows[row] = [NAIL, *center, *along[joint], *across[joint], *out[joint], *half]
    return rows


def _creases(joints, along, across, out) -> np.ndarray:
    rows = np.zeros((15, DETAIL_COLUMNS), np.float32)
    for joint in range(15):
        # A finger's basal crease lies at the web, well beyond the knuckle.
        shift = 0.016 if joint in (0, 3, 6, 9) else 0.0
        center = joints[joint + 1] + along[joint] * shift
        rows[joint] = [CREASE, *center, *along[joint], *across[joint], *out[joint], _CREASE_WIDTH_M, 1.0]
    rows[12, 13] = 1e-6  # the thumb's CMC lies deep in its ball: no crease
    return rows


def _assign(hand: FastHand, details: np.ndarray) -> np.ndarray:
    """The detail that each face carries: the nail it lies on, or the crease that it crosses."""
    corners = hand.template[hand.faces]
    middle = corners.mean(axis=1)
    result = np.full(len(middle), -1, np.int16)
    for row in reversed(range(len(details))):
        detail = details[row]
        offset = middle - detail[1:4]
        if detail[0] == NAIL:
            inside = (offset @ detail[10:13] > -0.002) & (np.linalg.norm(offset, axis=1) < 0.016)
        else:
            along = (corners - detail[1:4]) @ detail[4:7]
            crossing = (along.min(axis=1) < 0.003) & (along.max(axis=1) > -0.003)
            inside = crossing & (np.linalg.norm(offset, axis=1) < 0.017) & (offset @ detail[10:13] < 0.003)
        result[inside] = row
    return result
