"""Which part of a hand each cell of a crop shows: a task for the backbone, gone when training ends.

Left or right is an exclusive or of two questions, where the thumb is and whether palm or back is seen: as
long as a network answers neither, it has nothing to gain from the other. Here both are asked cell by cell,
for fingers and palm, palmar and dorsal, of whichever hand; and beside them the side itself.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.data.augment import CropSample
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.anatomy import FINGER_JOINT_NAMES, anatomical_axes
from lgnet_ros.hand_model.mesh import vertex_normals
from lgnet_ros.hand_model.topology import LEFT, RIGHT, SIDES
from lgnet_ros.jit import compiled

CELLS = 16  # per side of the crop
BACKGROUND, UNKNOWN = 0, -1
_FINGERS = ("palm", "thumb", "index", "middle", "ring", "little")
PARTS = 1 + 2 * len(_FINGERS)  # background, and those of one hand
# Shares of a cell's pixels that a hand covers: below the first it is background, from the second on a part.
_CLEAR, _COVERED = 0.1, 0.4


def vertex_parts(model: HandModel) -> np.ndarray:
    """(778,) int64 in [1, 12]: 1 + 2 · (palm, thumb, index, middle, ring or little) + dorsal."""
    right = model.arrays(SIDES[RIGHT])
    axes = anatomical_axes(model, SIDES[RIGHT])
    back_of_finger = np.cross(axes.flexion_axes, axes.twist_axes)
    back_of_palm = back_of_finger[[name.endswith("mcp") for name in FINGER_JOINT_NAMES]].mean(axis=0)
    back = np.concatenate([back_of_palm[None], back_of_finger])
    finger = np.array([0, *(_FINGERS.index(name.split("_")[0]) for name in FINGER_JOINT_NAMES)])
    bone = right.weights.argmax(axis=1)
    dorsal = (vertex_normals(right.v_template, right.f) * back[bone]).sum(axis=1) > 0
    return 1 + 2 * finger[bone] + dorsal


def cell_parts(sample: CropSample, parts: np.ndarray) -> np.ndarray:
    """(16, 16) int64 parts of a crop's cells, by `vertex_parts`, plus 12 for a left hand's; BACKGROUND; or
    UNKNOWN where a hand's border, a thing before it or, without a mask, no vertex leaves it open.
    """
    seen = np.full((CELLS, CELLS), UNKNOWN, np.int64)
    side = np.full((CELLS, CELLS), -1, np.int64)
    present = sample.presence & sample.mesh_valid
    _nearest_vertices(sample.vertices, present, sample.focal_px, sample.image.shape[0], parts, seen, side)
    if sample.mask is not None:
        _check_with_mask(sample.mask, seen, side)
    return np.where((seen > BACKGROUND) & (side == LEFT), seen + PARTS - 1, seen)


class PartsHead(nn.Module):
    """The backbone's last map (B,C,8,8) to the cross-entropies of its cells' parts and sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.classify = nn.Conv2d(channels, 4 * (PARTS + 2), 1)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B,13+2,16,16), of part and of side."""
        return F.pixel_shuffle(self.classify(features), 2)

    def loss(self, features: Tensor, parts: Tensor) -> Tensor:
        """Mean over the known cells of `cell_parts` (B,16,16), nats."""
        of_part, of_side = self(features).float().split((PARTS, 2), dim=1)
        of_hand = parts > BACKGROUND
        side = torch.where(of_hand, (parts - 1) // (PARTS - 1), UNKNOWN)
        part = torch.where(of_hand, (parts - 1) % (PARTS - 1) + 1, parts)
        return _mean_cross_entropy(of_part, part) + _mean_cross_entropy(of_side, side)


def _mean_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    total = F.cross_entropy(logits, labels, ignore_index=UNKNOWN, reduction="sum")
    return total / (labels != UNKNOWN).sum().clamp(min=1)


@compiled
def _nearest_vertices(vertices, present, focal_px, size_px, parts, seen, side):
    """The part and the hand of each cell's nearest vertex."""
    nearest = np.full(seen.shape, np.inf)
    for s in range(2):
        for i in range(vertices.shape[1] if present[s] else 0):
            x, y, z = vertices[s, i, 0], vertices[s, i, 1], vertices[s, i, 2]
            if z < 0.01:
                continue
            column = np.floor((x / z * focal_px / size_px + 0.5) * seen.shape[1])
            row = np.floor((y / z * focal_px / size_px + 0.5) * seen.shape[0])
            if 0 <= row < seen.shape[0] and 0 <= column < seen.shape[1]:
                r, c = int(row), int(column)
                if z < nearest[r, c]:
                    nearest[r, c], seen[r, c], side[r, c] = z, parts[i], s


@compiled
def _check_with_mask(mask, seen, side):
    """Keeps a cell's part where its hand covers enough (mask: 1 right, 2 left), finds the background."""
    height, width = mask.shape[0] // seen.shape[0], mask.shape[1] // seen.shape[1]
    for r in range(seen.shape[0]):
        for c in range(seen.shape[1]):
            covered = np.zeros(2)
            for y in range(r * height, (r + 1) * height):
                for x in range(c * width, (c + 1) * width):
                    if mask[y, x] == 1 or mask[y, x] == 2:
                        covered[mask[y, x] - 1] += 1.0 / (height * width)
            if covered.sum() < _CLEAR:
                seen[r, c] = BACKGROUND
            elif side[r, c] < 0 or covered[side[r, c]] < _COVERED:
                seen[r, c] = UNKNOWN
