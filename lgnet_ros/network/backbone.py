"""ResNet-50 (He et al., 2016; strides as in torchvision's v1.5) without the classifier.

State-dict names are torchvision's, so that ImageNet weights load. Three feature maps come out: the stem and
layer1 for the refine stage, the last for everything else.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

_WIDTH, _BLOCKS, _EXPANSION = 64, (3, 4, 6, 3), 4


class BackboneFeatures(NamedTuple):
    """For an input of S px: stem (B,64,S/2,S/2), layer1 (B,256,S/4,S/4), last (B,2048,8,8) with ResNet-50."""

    stem: Tensor
    layer1: Tensor
    last: Tensor


class ResNet50(nn.Module):
    """The feature extractor; `channels` names the widths of its three outputs. 256 px in, 8×8 out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _WIDTH, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTH)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = _WIDTH
        for stage, (blocks, stride) in enumerate(zip(_BLOCKS, (1, 2, 2, 2), strict=True)):
            self.add_module(f"layer{stage + 1}", _stage(inputs, _WIDTH << stage, blocks, stride))
            inputs = (_WIDTH << stage) * _EXPANSION
        self.channels = (_WIDTH, _WIDTH * _EXPANSION, inputs)
        _initialize(self)

    def forward(self, images: Tensor) -> BackboneFeatures:
        """(B,3,S,S) normalized images to the three maps."""
        stem = F.relu(self.bn1(self.conv1(images)))
        layer1 = self.layer1(self.maxpool(stem))
        return BackboneFeatures(stem, layer1, self.layer4(self.layer3(self.layer2(layer1))))

    @staticmethod
    def from_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """This class's state dict of torchvision's: the same."""
        return state


class Bottleneck(nn.Module):
    """1×1, 3×3 (which carries the stride), 1×1 to four times the width, and a shortcut (ResNet-50)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * _EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.relu(self.bn1(self.conv1(x)))
        residual = self.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return self.relu(residual + (x if self.downsample is None else self.downsample(x)))


def _stage(inputs: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    first = Bottleneck(inputs, width, stride)
    return nn.Sequential(first, *(Bottleneck(width * _EXPANSION, width, 1) for _ in range(blocks - 1)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))


def _initialize(module: nn.Module) -> None:
    """He et al.'s initialization, as torchvision's."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
