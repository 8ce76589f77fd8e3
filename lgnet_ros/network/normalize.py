"""From camera bytes to the network's input."""

from __future__ import annotations

import torch
from torch import Tensor

# ImageNet's statistics, RGB, of pixel values divided by 255: those of torchvision's weights.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def normalize(images_uint8: Tensor) -> Tensor:
    """Standardize RGB images.

    Args:
        images_uint8: (B,S,S,3) uint8 RGB.

    Returns:
        (B,3,S,S) float32.
    """
    mean = torch.tensor(IMAGENET_MEAN, device=images_uint8.device) * 255
    std = torch.tensor(IMAGENET_STD, device=images_uint8.device) * 255
    return ((images_uint8.float() - mean) / std).permute(0, 3, 1, 2)
