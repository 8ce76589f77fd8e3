"""Where in a whole image hands are, in one pass of a small network ("Objects as Points", Zhou et al., 2019).

It answers for each cell of 16 pixels: is it the center of a hand, and if so, where exactly, how large is the
hand, and where do its fingers point? LGNet then looks there through a crop, and only that look decides what
is a hand, and which one: told to learn that too, centers are right about the side in 54 of 100 hands.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lgnet_ros.network.efficientnet import EfficientNetLite0, InvertedResidual, Trunk

IMAGE_WIDTH, IMAGE_HEIGHT = 384, 288
STRIDE_PX = 16
COLUMNS, ROWS = IMAGE_WIDTH // STRIDE_PX, IMAGE_HEIGHT // STRIDE_PX
USUAL_EXTENT_PX = 64.0
"""What a logarithm of 0 stands for."""
MAPS = 6
"""Of each cell: logit of being a center; from the cell's middle to the hand's, x and y, cells; log of the
extent over `USUAL_EXTENT_PX`; wrist to middle knuckle, x and y, in extents. The extent is the longer side of
the box around the joints that are in the image.
"""

_TRUNK_STAGES = 5  # of EfficientNetLite0: those of at least 1/16 of the image's resolution
_WIDTH, _EXPANSION, _KERNEL, _BLOCKS = 96, 4, 5, 2
_RARE = -4.0  # the logit that centers begin with: next to no cell is one


class HandCenters(Trunk):
    """The trunk of `EfficientNetLite0` in weights of its own, and layers that look around: 0.6 GMAC."""

    def __init__(self) -> None:
        super().__init__(_TRUNK_STAGES)
        inputs = self.stages[-1][-1].project.out_channels
        blocks = (InvertedResidual(_WIDTH, _WIDTH, _EXPANSION, _KERNEL, stride=1) for _ in range(_BLOCKS))
        self.around = nn.Sequential(
            nn.Conv2d(inputs, _WIDTH, 1, bias=False),
            nn.BatchNorm2d(_WIDTH, eps=self.stem_norm.eps),
            *blocks,
        )
        self.head = nn.Conv2d(_WIDTH, MAPS, 1)
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([_RARE, *[0.0] * (MAPS - 1)]))

    def forward(self, images: Tensor) -> Tensor:
        """(B,3,288,384) normalized images (see `normalize`) to (B,6,18,24) float32, see `MAPS`."""
        return self.head(self.around(self.maps(images)[-1])).float()

    def begin_as(self, backbone: EfficientNetLite0) -> None:
        """Take over the weights of its stem and first stages."""
        own = self.state_dict().keys()
        self.load_state_dict({k: v for k, v in backbone.state_dict().items() if k in own}, strict=False)
