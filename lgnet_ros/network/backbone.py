"""ResNets (He et al., 2016; He et al.'s v1.5 strides for ResNet-50, as torchvision's) without the classifier.

State-dict names are torchvision's, so that ImageNet weights load. Three feature maps come out: the stem and
layer1 for the refine stage, the last for everything else.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.network.config import Backbone


class BackboneFeatures(NamedTuple):
    """For an input of S px: stem (B,64,S/2,S/2), layer1 (B,256,S/4,S/4), last (B,2048,8,8) with ResNet-50."""

    stem: Tensor
    layer1: Tensor
    last: Tensor


class _Plan(NamedTuple):
    """What tells one ResNet from another."""

    bottleneck: bool
    blocks: tuple[int, int, int, int]
    width: int
    last_stride: int


_PLANS = {
    Backbone.RESNET50: _Plan(True, (3, 4, 6, 3), 64, 2),
    Backbone.RESNET18: _Plan(False, (2, 2, 2, 2), 64, 1),
    Backbone.RESNET18_HALF: _Plan(False, (2, 2, 2, 2), 32, 1),
}


class ResNet(nn.Module):
    """The feature extractor; `channels` names the widths of its three outputs.

    The last stage of ResNet-50 halves the resolution (256 px in, 8×8 out); that of the ResNet-18s does not
    (128 px in, 8×8 out).
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        plan = _PLANS[backbone]
        expansion = 4 if plan.bottleneck else 1
        self.conv1 = nn.Conv2d(3, plan.width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(plan.width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = plan.width
        for stage, (blocks, stride) in enumerate(zip(plan.blocks, (1, 2, 2, plan.last_stride), strict=True)):
            width = plan.width << stage
            self.add_module(f"layer{stage + 1}", _stage(plan.bottleneck, inputs, width, blocks, stride))
            inputs = width * expansion
        self.channels = (plan.width, plan.width * expansion, inputs)
        _initialize(self)

    def forward(self, images: Tensor) -> BackboneFeatures:
        """(B,3,S,S) normalized images to the three maps."""
        stem = F.relu(self.bn1(self.conv1(images)))
        layer1 = self.layer1(self.maxpool(stem))
        return BackboneFeatures(stem, layer1, self.layer4(self.layer3(self.layer2(layer1))))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (ResNet-18 and -34)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(residual + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1×1, 3×3 (which carries the stride), 1×1 to four times the width, and a shortcut (ResNet-50)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.relu(self.bn1(self.conv1(x)))
        residual = self.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return self.relu(residual + (x if self.downsample is None else self.downsample(x)))


def _stage(bottleneck: bool, inputs: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    block, outputs = (Bottleneck, 4 * width) if bottleneck else (BasicBlock, width)
    first = block(inputs, width, stride)
    return nn.Sequential(first, *(block(outputs, width, 1) for _ in range(blocks - 1)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))


def _initialize(module: nn.Module) -> None:
    """He et al.'s initialization, as torchvision's."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
