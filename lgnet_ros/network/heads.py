"""What is read off the pooled features: camera, presence, and the left hand's place from the right one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lgnet_ros.network.units import DECIMETRE

# exp(log s) stays finite and positive; hands in crops have s between 0.5 and 20.
_LOG_SCALE_RANGE = (-3.0, 4.0)
_TYPICAL_SCALE = 5.0


class CameraHead(nn.Module):
    """Pooled F* (B,5c/4) to the wrist's place in the crop camera: (s, tx, ty) to (tx, ty, f/(s·W/2)), m.

    s·W/2 is the number of crop pixels per metre at the wrist's depth; s = exp of what the layer gives.
    """

    def __init__(self, channels: int, input_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.linear = nn.Linear(channels + channels // 4, 3)
        with torch.no_grad():
            self.linear.bias.copy_(torch.tensor([math.log(_TYPICAL_SCALE), 0.0, 0.0]))

    def forward(self, pooled: Tensor, focal_px: Tensor) -> Tensor:
        return self.placed(self.linear(pooled).float(), focal_px)

    def placed(self, values: Tensor, focal_px: Tensor) -> Tensor:
        """(B,3) as the layer gives them to places (B,3), m."""
        log_scale, x, y = values.unbind(-1)
        scale = log_scale.clamp(*_LOG_SCALE_RANGE).exp()
        x, y = DECIMETRE * x, DECIMETRE * y
        return torch.stack([x, y, focal_px / (scale * self.input_size / 2)], -1)


class RelativeTranslationHead(nn.Sequential):
    """Pooled [F*_R, F*_L] (B,5c/2) to left wrist − right wrist (B,3), m."""

    def __init__(self, channels: int) -> None:
        adapted = channels + channels // 4
        super().__init__(nn.Linear(2 * adapted, channels), nn.ReLU(), nn.Linear(channels, 3))

    def forward(self, pooled: Tensor) -> Tensor:
        return DECIMETRE * super().forward(pooled).float()


class PresenceHead(nn.Linear):
    """Pooled F* (B,5c/4) to one logit: is this hand in the crop?"""

    def __init__(self, channels: int) -> None:
        super().__init__(channels + channels // 4, 1)
