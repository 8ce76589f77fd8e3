"""EfficientNet-Lite0 (Tan and Le, 2019; Lite: ReLU6, no squeeze-and-excitation) without the classifier.

What nano sees with: little arithmetic, and there are ImageNet weights under a free licence to begin from.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.network.backbone import BackboneFeatures
from lgnet_ros.network.depthwise import DepthwiseConv2d
from lgnet_ros.network.normalize import IMAGENET_MEAN, IMAGENET_STD

_STEM = 32
# Per stage: outputs, expansion, kernel, stride, blocks.
_STAGES = (
    (16, 1, 3, 1, 1),
    (24, 6, 3, 2, 2),
    (40, 6, 5, 2, 2),
    (80, 6, 3, 2, 3),
    (112, 6, 5, 1, 3),
    (192, 6, 5, 2, 4),
    (320, 6, 3, 1, 1),
)
_EPSILON = 1e-3  # of its batch norms, as trained
_FUSED, _FUSED_EXPANSION, _FUSED_KERNEL, _FUSED_BLOCKS = 160, 4, 5, 2


class EfficientNetLite0(nn.Module):
    """The feature extractor; `channels` names the widths of its three outputs.

    The fifth stage's map, 8×8 for 128 px, and the seventh's, half as fine, are `fused` into the last one, by
    layers of ours: what the coarse one knows of an image it knows of all hands in it together.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _STEM, 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(_STEM, eps=_EPSILON)
        self.stages = nn.ModuleList()
        inputs = _STEM
        for outputs, expansion, kernel, stride, blocks in _STAGES:
            first = InvertedResidual(inputs, outputs, expansion, kernel, stride)
            others = (InvertedResidual(outputs, outputs, expansion, kernel, 1) for _ in range(blocks - 1))
            self.stages.append(nn.Sequential(first, *others))
            inputs = outputs
        self.fused = _fusion(_STAGES[4][0] + _STAGES[6][0])
        self.channels = (_STEM, _STAGES[1][0], _FUSED)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out")

    def forward(self, images: Tensor) -> BackboneFeatures:
        """(B,3,S,S) normalized images to maps (B,32,S/2,S/2), (B,24,S/4,S/4) and (B,160,S/16,S/16)."""
        stem = F.relu6(self.stem_norm(self.stem(images)))
        maps = [stem]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        deepest = F.interpolate(maps[7], scale_factor=2, mode="nearest")
        return BackboneFeatures(stem, maps[2], self.fused(torch.cat([maps[5], deepest], 1)))

    @staticmethod
    def from_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """This class's state dict of one in the names of the `efficientnet_pytorch` package.

        Those weights were trained on (x − 127) / 128 of 8 bits; here images come with ImageNet's mean and
        deviation, and the first convolution and its norm take up the difference.
        """
        renamed = {_renamed(name): value for name, value in state.items()}
        if "stem.weight" in renamed and "stem_norm.running_mean" in renamed:
            mean, std = (255 * torch.tensor(values) for values in (IMAGENET_MEAN, IMAGENET_STD))
            kernel = renamed["stem.weight"]
            constant = (kernel.sum((2, 3)) * (mean - 127) / 128).sum(1)
            renamed["stem.weight"] = kernel * (std / 128)[:, None, None]
            renamed["stem_norm.running_mean"] = renamed["stem_norm.running_mean"] - constant
        return renamed


class InvertedResidual(nn.Module):
    """1×1 to more channels, depthwise, 1×1 to fewer, and a shortcut where nothing changes its size."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand, self.expand_norm = nn.Identity(), nn.Identity()
        if expansion > 1:
            self.expand = nn.Conv2d(inputs, width, 1, bias=False)
            self.expand_norm = nn.BatchNorm2d(width, eps=_EPSILON)
        self.depthwise = DepthwiseConv2d(width, kernel, stride)
        self.depthwise_norm = nn.BatchNorm2d(width, eps=_EPSILON)
        self.project = nn.Conv2d(width, outputs, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(outputs, eps=_EPSILON)
        self.widens, self.shortcut = expansion > 1, stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self.expand_norm(self.expand(x))) if self.widens else x
        wide = F.relu6(self.depthwise_norm(self.depthwise(wide))).to(x.dtype)
        narrow = self.project_norm(self.project(wide))
        return x + narrow if self.shortcut else narrow


def _fusion(inputs: int) -> nn.Sequential:
    """Both maps to one of fewer channels, and each cell with its surroundings."""
    blocks = (
        InvertedResidual(_FUSED, _FUSED, _FUSED_EXPANSION, _FUSED_KERNEL, stride=1)
        for _ in range(_FUSED_BLOCKS)
    )
    return nn.Sequential(
        nn.Conv2d(inputs, _FUSED, 1, bias=False), nn.BatchNorm2d(_FUSED, eps=_EPSILON), *blocks
    )


def _renamed(name: str) -> str:
    """`_blocks.5._depthwise_conv.weight`: stages.3.0.depthwise.weight."""
    parts = name.split(".")
    if parts[0] != "_blocks":
        return ".".join([{"_conv_stem": "stem", "_bn0": "stem_norm"}.get(parts[0], parts[0]), *parts[1:]])
    stage, block = _PLACES[int(parts[1])]
    return ".".join(["stages", str(stage), str(block), _LAYERS[parts[2]], *parts[3:]])


_PLACES = [(stage, block) for stage, plan in enumerate(_STAGES) for block in range(plan[-1])]
_LAYERS = {
    "_expand_conv": "expand",
    "_bn0": "expand_norm",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_norm",
    "_project_conv": "project",
    "_bn2": "project_norm",
}
