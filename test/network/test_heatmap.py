"""Heat-map coordinates, soft-argmax, sampling: the pixel convention, once for all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lgnet_ros.network import heatmap


def test_cells_of_a_256_pixel_crop_by_the_design() -> None:
    pixels = torch.tensor([-0.5, 15.5, 127.5, 255.5])
    cells = heatmap.pixels_to_cells(pixels, 256)
    torch.testing.assert_close(cells, (pixels + 0.5) / 32 - 0.5)
    torch.testing.assert_close(cells, torch.tensor([-0.5, 0.0, 3.5, 7.5]))
    torch.testing.assert_close(heatmap.cells_to_pixels(cells, 256), pixels)


def test_depth_reaches_22_centimetres_either_way() -> None:
    depth = torch.tensor([-0.21875, 0.0, 0.21875])
    torch.testing.assert_close(heatmap.depth_to_cells(depth), torch.tensor([0.0, 3.5, 7.0]))
    torch.testing.assert_close(heatmap.cells_to_depth(heatmap.depth_to_cells(depth)), depth)


def test_soft_argmax_equals_loops_over_all_cells() -> None:
    logits = 2 * torch.randn(2, 3, 8, 8, 8, dtype=torch.float64)
    mean, spread = heatmap.soft_argmax(logits)
    for b, j in np.ndindex(2, 3):
        total, first, second = 0.0, np.zeros(3), np.zeros(3)
        for z, y, x in np.ndindex(8, 8, 8):
            weight = np.exp(logits[b, j, z, y, x].item())
            total += weight
            first += weight * np.array([x, y, z])
            second += weight * np.array([x, y, z]) ** 2
        np.testing.assert_allclose(mean[b, j], first / total, atol=1e-5)
        np.testing.assert_allclose(spread[b, j], np.sqrt(second / total - (first / total) ** 2), atol=1e-5)


def test_soft_argmax_is_float32_and_finite_for_bfloat16_and_sharp_maps() -> None:
    logits = torch.full((1, 8, 8, 8), -1e4, dtype=torch.bfloat16)
    logits[0, 1, 2, 3] = 1e4
    logits.requires_grad_()
    mean, spread = heatmap.soft_argmax(logits)
    assert mean.dtype == torch.float32
    torch.testing.assert_close(mean, torch.tensor([[3.0, 2.0, 1.0]]))
    (gradient,) = torch.autograd.grad(mean.sum() + spread.sum(), logits)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("cells", [(0.0, 3.5, 7.0), (2.25, 6.9, 0.1)])
def test_the_heatmap_target_has_its_mean_at_the_joint(cells: tuple[float, float, float]) -> None:
    probability = heatmap.trilinear_target(torch.tensor(cells))
    assert probability.sum().item() == pytest.approx(1)
    assert (probability > 0).sum() <= 8
    mean, _ = heatmap.soft_argmax(probability.clamp(min=1e-30).log())
    torch.testing.assert_close(mean, torch.tensor(cells), atol=1e-5, rtol=0)


@pytest.mark.parametrize("resolution", [8, 64, 128])
def test_sampling_a_ramp_gives_the_pixel_back_at_every_resolution(resolution: int) -> None:
    """A map that holds its own cells' centers in crop pixels must return the pixel that is asked for."""
    size, stride = 128, 128 / resolution
    centers = (torch.arange(resolution) + 0.5) * stride - 0.5
    ramp = torch.stack([centers.expand(resolution, -1), centers[:, None].expand(-1, resolution)])[None]
    low, high = stride / 2 - 0.5, size - stride / 2 - 0.5  # the centers of the outer cells
    pixels = low + (high - low) * torch.rand(1, 50, 2)
    torch.testing.assert_close(heatmap.sample_bilinear(ramp, pixels, size), pixels, atol=1e-3, rtol=0)


def test_outside_the_crop_features_are_zero() -> None:
    far = torch.tensor([[[-200.0, 5.0], [64.0, 1e6]]])
    assert not heatmap.sample_bilinear(torch.ones(1, 4, 8, 8), far, 128).any()


def test_sampling_cells_is_sampling_bilinearly_inside_at_the_border_and_outside() -> None:
    torch.manual_seed(4)
    cells, pixels = torch.randn(2, 5, 8, 8), torch.empty(2, 200, 2).uniform_(-40, 168)
    expected = heatmap.sample_bilinear(cells, pixels, 128)
    torch.testing.assert_close(heatmap.sample_cells(cells, pixels, 128), expected, atol=1e-5, rtol=0)


def test_centered_cells_run_from_minus_one_to_one() -> None:
    torch.testing.assert_close(
        heatmap.centered(torch.tensor([0.0, 3.5, 7.0])), torch.tensor([-1.0, 0.0, 1.0])
    )
