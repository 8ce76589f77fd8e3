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

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.anatomy import FINGER_JOINT_NAMES, anatomical_axes
from lgnet_ros.hand_model.mesh import vertex_normals
from lgnet_ros.hand_model.topology import LEFT, RIGHT, SIDES
from lgnet_ros.network.projection import project_to_crop

CELLS = 16  # per side of the crop
BACKGROUND, UNKNOWN = 0, -1
_FINGERS = ("palm", "thumb", "index", "middle", "ring", "little")
PARTS = 1 + 2 * len(_FINGERS)  # background, and those of one hand
# Shares of a cell's pixels that a hand covers: below the first it is background, from the second on a part.
_CLEAR, _COVERED = 0.1, 0.4
_NEAREST_M, _FARTHEST_M = 0.01, 100.0
_NOTHING = 2**62


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


def cell_parts(
    vertices: Tensor, present: Tensor, focal_px: Tensor, size_px: int, masks: Tensor | None, parts: Tensor
) -> Tensor:
    """The part that each cell of a crop shows: its nearest vertex's, where its hand covers enough of it.

    Args:
        vertices: (B,2,778,3) in the crop camera, m.
        present: (B,2) bool, hands whose mesh is known.
        focal_px: (B,) crop px.
        size_px: S, crop px.
        masks: (B,S,S) uint8, 1 right and 2 left hand, or None.
        parts: (778,) int64, `vertex_parts`.

    Returns:
        (B,16,16) int64: a part, plus 12 for a left hand's; BACKGROUND; or UNKNOWN where a hand's border, a
        thing before it or, without masks, no vertex leaves it open.
    """
    seen, side = _nearest_vertices(vertices, present, focal_px, size_px, parts)
    of_left = (seen > BACKGROUND) & (side == LEFT)
    shown = torch.where(of_left, seen + PARTS - 1, seen)
    if masks is None:
        return shown
    cell_px = size_px // CELLS
    of_hands = torch.stack([masks == 1, masks == 2], 1).float()
    covered = F.avg_pool2d(of_hands, cell_px)[..., :CELLS, :CELLS]
    by_its_hand = covered.gather(1, side.clamp(min=0)[:, None])[:, 0]
    shown = torch.where((side < 0) | (by_its_hand < _COVERED), UNKNOWN, shown)
    return torch.where(covered.sum(1) < _CLEAR, BACKGROUND, shown)


class PartsHead(nn.Module):
    """The backbone's last map (B,C,8,8) to the cross-entropies of its cells' parts and sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.classify = nn.Conv2d(channels, 4 * (PARTS + 2), 1)
        # From zero, it teaches nothing that it does not know. Random numbers would tell a trained backbone to
        # forget, for a hundred steps and three times as loudly as all other losses together.
        for parameter in self.classify.parameters():
            nn.init.zeros_(parameter)

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


def _nearest_vertices(
    vertices: Tensor, present: Tensor, focal_px: Tensor, size_px: int, parts: Tensor
) -> tuple[Tensor, Tensor]:
    """The part and the hand (B,16,16) of each cell's nearest vertex, UNKNOWN and -1 without one."""
    depth = vertices[..., 2]
    ahead = present[..., None] & (depth >= _NEAREST_M)
    pixels = project_to_crop(vertices, focal_px, size_px, _NEAREST_M)
    column, row = ((pixels + 0.5) * (CELLS / size_px)).floor().unbind(-1)
    inside = ahead & (row >= 0) & (row < CELLS) & (column >= 0) & (column < CELLS)
    cell = torch.where(inside, row * CELLS + column, CELLS * CELLS).long().flatten(1)
    # Nearest first: depth in micrometres above, vertex below, in one number of which the least stays.
    count = vertices.shape[1] * vertices.shape[2]
    order = (depth.clamp(_NEAREST_M, _FARTHEST_M) * 1e6).long().flatten(1) * count
    order = order + torch.arange(count, device=vertices.device)
    nearest = order.new_full((len(order), CELLS * CELLS + 1), _NOTHING)
    nearest = nearest.scatter_reduce(1, cell, order, "amin")[:, :-1].unflatten(1, (CELLS, CELLS))
    vertex = nearest % count
    found = nearest < _NOTHING
    side = torch.where(found, vertex // vertices.shape[2], -1)
    return torch.where(found, parts[vertex % vertices.shape[2]], UNKNOWN), side
