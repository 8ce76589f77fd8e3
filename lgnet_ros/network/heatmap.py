"""2.5D heat maps: 8×8×8 cells over the crop and a depth box around the wrist.

Pixel centers are at integer coordinates, and so are cell centers: the crop spans [−0.5, S − 0.5] px and
[−0.5, 7.5] cells. A soft-argmax over cell centers reaches only [0, 7].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CELLS = 8
# Half the depth box, m. EANet's 0.15 m cuts the fingertips off a hand that points at the camera, 0.19 m deep.
DEPTH_HALF_RANGE = 0.25


def pixels_to_cells(pixels: Tensor, input_size: int) -> Tensor:
    """(px + 0.5)·8/S − 0.5, any shape; in a crop of 256 px that is (px + 0.5)/32 − 0.5."""
    return (pixels + 0.5) * (CELLS / input_size) - 0.5


def cells_to_pixels(cells: Tensor, input_size: int) -> Tensor:
    """The inverse of `pixels_to_cells`."""
    return (cells + 0.5) * (input_size / CELLS) - 0.5


def depth_to_cells(depth: Tensor) -> Tensor:
    """Depth relative to the wrist, m, to cells: (z/0.25 + 1)/2·8 − 0.5."""
    return (depth / DEPTH_HALF_RANGE + 1) / 2 * CELLS - 0.5


def cells_to_depth(cells: Tensor) -> Tensor:
    """The inverse of `depth_to_cells`, m."""
    return ((cells + 0.5) / CELLS * 2 - 1) * DEPTH_HALF_RANGE


def soft_argmax(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of softmax(logits) over all cells of a joint.

    Args:
        logits: (…,8,8,8) over z, y, x, any float type; computed in float32.

    Returns:
        mean (…,3) and standard deviation (…,3) of (x, y, z), cells.
    """
    size = logits.shape[-3:]
    probability = logits.float().flatten(-3).softmax(-1).unflatten(-1, size)
    z, y, x = (probability.sum(axes) for axes in ((-2, -1), (-3, -1), (-3, -2)))  # (…,D), (…,H), (…,W)
    marginal = torch.stack([x, y, z], -2)  # (…,3,8)
    return moments(marginal)


def moments(marginal: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, cells, of distributions (…,8) over a row of cells."""
    index = torch.arange(CELLS, dtype=marginal.dtype, device=marginal.device)
    mean = (marginal * index).sum(-1)
    variance = (marginal * (index - mean[..., None]).square()).sum(-1)
    return mean, variance.clamp(min=1e-8).sqrt()


def trilinear_target(cells: Tensor) -> Tensor:
    """The distribution over the eight nearest cells whose mean is the given position.

    Args:
        cells: (…,3) x, y, z within [0, 7].

    Returns:
        (…,8,8,8) over z, y, x; sums to 1.
    """
    index = torch.arange(CELLS, dtype=cells.dtype, device=cells.device)
    x, y, z = (1 - (cells[..., None] - index).abs()).clamp(min=0).unbind(-2)  # (…,8) each
    return z[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]


def sample_bilinear(features: Tensor, pixels: Tensor, input_size: int) -> Tensor:
    """Features of any resolution at crop pixels; zero outside the crop.

    Args:
        features: (B,C,H,W) that cover the crop.
        pixels: (B,N,2) crop px.

    Returns:
        (B,N,C).
    """
    grid = 2 * (pixels + 0.5) / input_size - 1
    sampled = F.grid_sample(features, grid[:, :, None].to(features.dtype), align_corners=False)  # (B,C,N,1)
    return sampled.squeeze(-1).transpose(1, 2)


def sample_cells(features: Tensor, pixels: Tensor, input_size: int) -> Tensor:
    """`sample_bilinear` of a map of 8×8 cells, (B,C,8,8), as a product with the (N,64) weights.

    On a CPU that takes a third of the time, above all backwards.
    """
    weights = cell_weights(pixels_to_cells(pixels, input_size))  # (B,N,64)
    return weights.to(features.dtype) @ features.flatten(2).transpose(-1, -2)


def cell_weights(cells: Tensor) -> Tensor:
    """(…,2) places x, y to the bilinear weights (…,64) of the 8×8 cells; cells beyond the map are zero."""
    index = torch.arange(CELLS, dtype=cells.dtype, device=cells.device)
    x, y = (1 - (cells[..., None] - index).abs()).clamp(min=0).unbind(-2)  # (…,8) each
    return (y[..., :, None] * x[..., None, :]).flatten(-2)


def centered(cells: Tensor) -> Tensor:
    """Cells in [0, 7] to [−1, 1], as a network likes its inputs."""
    return cells * (2 / (CELLS - 1)) - 1
