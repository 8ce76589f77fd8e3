"""EfficientNet-Lite0 (Tan and Le, 2019; Lite: ReLU6, no squeeze-and-excitation) as MediaPipe's hand landmark
network has it.

What nano sees with: little arithmetic, and there are weights that know photographs of hands, under a free
licence (Apache-2.0), to begin from.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.network.backbone import BackboneFeatures
from lgnet_ros.network.bottleneck import Bottleneck, folded
from lgnet_ros.network.depthwise import DepthwiseConv2d
from lgnet_ros.network.heatmap import CELLS
from lgnet_ros.network.normalize import IMAGENET_MEAN, IMAGENET_STD

_STEM = 24  # 32 in the published network; here and in the first block of the second stage MediaPipe saves
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
_PIECE = 8  # images
_FUSED, _FUSED_EXPANSION, _FUSED_KERNEL, _FUSED_BLOCKS = 160, 4, 5, 2


class Trunk(nn.Module):
    """The stem and so many of the first stages.

    Its convolutions are set up for their outputs' variance, as training from nothing wants it.
    """

    def __init__(self, stages: int = len(_STAGES)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _STEM, 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(_STEM, eps=_EPSILON)
        self.stages = nn.ModuleList()
        inputs = _STEM
        for outputs, expansion, kernel, stride, blocks in _STAGES[:stages]:
            first = InvertedResidual(inputs, outputs, 4 if inputs == 16 else expansion, kernel, stride)
            others = (InvertedResidual(outputs, outputs, expansion, kernel, 1) for _ in range(blocks - 1))
            self.stages.append(nn.Sequential(first, *others))
            inputs = outputs
        _set_up(self)

    def maps(self, images: Tensor) -> list[Tensor]:
        """(B,3,H,W) normalized images to the map (B,24,H/2,W/2) of the stem and one of each stage."""
        fixed = self._fixed_stages(images)
        pieces = images.split(_PIECE) if fixed else (images,)
        parts = [self._first_maps(piece, fixed) for piece in pieces]
        maps = parts[0] if len(parts) == 1 else [torch.cat(part) for part in zip(*parts, strict=True)]
        for stage in self.stages[fixed:]:
            maps.append(stage(maps[-1]))
        return maps

    def _first_maps(self, images: Tensor, stages: int) -> list[Tensor]:
        maps = [F.relu6(self.stem_norm(self.stem(images)))]
        for stage in self.stages[:stages]:
            maps.append(stage(maps[-1]))
        return maps

    def _fixed_stages(self, images: Tensor) -> int:
        """How many of the first stages stay as they are while others learn, on a CPU. A few images at a time
        are quicker in those: what lies between their layers, and is not kept, stays in the core's cache.
        """
        if images.device.type != "cpu" or not torch.is_grad_enabled() or images.requires_grad:
            return 0
        if _learns(self.stem) or _learns(self.stem_norm):
            return 0
        return next((k for k, stage in enumerate(self.stages) if _learns(stage)), len(self.stages))


class EfficientNetLite0(Trunk):
    """The feature extractor; `channels` names the widths of its three outputs.

    The fifth stage's map, 12×12 for 192 px, and the seventh's, half as fine, are `fused` by layers of ours:
    what the coarse one knows of an image it knows of all hands in it together. What comes out is resampled to
    the 8×8 cells of the heat maps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fused = _fusion(_STAGES[4][0] + _STAGES[6][0])
        self.channels = (_STEM, _STAGES[1][0], _FUSED)
        _set_up(self.fused)

    def forward(self, images: Tensor) -> BackboneFeatures:
        """(B,3,S,S) normalized images to maps (B,24,S/2,S/2), (B,24,S/4,S/4) and (B,160,8,8)."""
        maps = self.maps(images)
        deepest = F.interpolate(maps[7], scale_factor=2, mode="nearest")
        fused = self.fused(torch.cat([maps[5], deepest], 1))
        return BackboneFeatures(maps[0], maps[2], F.interpolate(fused, (CELLS, CELLS), mode="bilinear"))

    def from_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """This network's state dict from the `convolutions` of MediaPipe's hand landmark network.

        Its batch norms are folded into the convolutions: here they are at rest and only scale what comes, and
        add the bias. The scale leaves the weights the size of fresh ones, so that one learning rate suits all
        layers; as published, they differ several hundredfold. It was trained on pixels in [0, 1]; here images
        come with ImageNet's mean and deviation, and the first convolution takes up the difference.
        """
        taken: dict[str, Tensor] = {}
        for order, (name, norm_name) in enumerate(self._in_order()):
            weight, bias = state.get(f"{order}.weight"), state.get(f"{order}.bias")
            if weight is None or bias is None:
                break
            if order == 0:
                mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
                bias = bias + (weight * mean).sum((1, 2, 3))
                weight = weight * std
            scale = weight.square().mean().sqrt() / (2 / weight[0].numel()) ** 0.5
            weight = weight / scale
            norm = {"weight": scale.expand(len(bias)), "bias": bias, "running_mean": torch.zeros_like(bias)}
            norm["running_var"] = torch.full_like(bias, 1 - _EPSILON)
            taken[f"{name}.weight"] = weight
            taken.update({f"{norm_name}.{key}": value for key, value in norm.items()})
        return taken

    def _in_order(self) -> list[tuple[str, str]]:
        """Convolutions and their norms as the image passes them, without those of `fused`."""
        layers = [name for name, part in self.named_modules() if isinstance(part, nn.Conv2d)]
        return [(name, f"{name}_norm") for name in layers if not name.startswith("fused.")]


def _set_up(part: nn.Module) -> None:
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")


def _learns(part: nn.Module) -> bool:
    return part.training or any(parameter.requires_grad for parameter in part.parameters())


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
        narrow = self._at_once(x) if self._learns_at_rest(x) else self._layer_by_layer(x)
        return x + narrow if self.shortcut else narrow

    def _layer_by_layer(self, x: Tensor) -> Tensor:
        wide = F.relu6(self.expand_norm(self.expand(x))) if self.widens else x
        wide = F.relu6(self.depthwise_norm(self.depthwise(wide))).to(x.dtype)
        return self.project_norm(self.project(wide))

    def _learns_at_rest(self, x: Tensor) -> bool:
        """Whether this is training in bfloat16, on a CPU, with batch norms that keep their statistics."""
        resting = self.widens and not self.depthwise_norm.training
        learns_in_bfloat16 = torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")
        return resting and learns_in_bfloat16 and x.device.type == "cpu"

    def _at_once(self, x: Tensor) -> Tensor:
        expand, expand_bias = folded(self.expand, self.expand_norm)
        kernel, kernel_bias = folded(self.depthwise, self.depthwise_norm)
        project, project_bias = folded(self.project, self.project_norm)
        weights = (expand, expand_bias, kernel, kernel_bias, project, project_bias)
        return Bottleneck.apply(x.bfloat16(), *weights, self.depthwise.stride[0])


def _fusion(inputs: int) -> nn.Sequential:
    """Both maps to one of fewer channels, and each cell with its surroundings."""
    blocks = (
        InvertedResidual(_FUSED, _FUSED, _FUSED_EXPANSION, _FUSED_KERNEL, stride=1)
        for _ in range(_FUSED_BLOCKS)
    )
    return nn.Sequential(
        nn.Conv2d(inputs, _FUSED, 1, bias=False), nn.BatchNorm2d(_FUSED, eps=_EPSILON), *blocks
    )
