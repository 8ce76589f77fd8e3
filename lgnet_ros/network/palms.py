"""Where in a whole image palms are: MediaPipe's palm detection (Zhang et al., "MediaPipe Hands", 2020; the
network after BlazeFace, Bazarevsky et al., 2019), which was trained on photographs.

It says where to look, as `HandCenters` does: those know rendered hands of every kind, these know photographs,
and what in them is no hand. LGNet's closer look decides, here too.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE_PX = 192
"""Width and height of the images that it sees."""

_WIDTHS = (32, 64, 128, 256, 256)  # of the stages, each half as fine as the one before
_BLOCKS = 3
_NUMBERS = 18  # of a guess, px: a box around the palm, and 7 points, among them wrist and middle knuckle
_BOX_CENTER, _BOX_SIZE, _WRIST, _KNUCKLE = slice(0, 2), slice(2, 4), slice(4, 6), slice(8, 10)
# What MediaPipe makes of a box around a palm (hand_landmark_tracking: rectangle transformation): the hand's
# middle lies half a side further towards the fingers, and the crop is 2.6 sides wide. Joints take 0.7 of it.
_TO_MIDDLE, _EXTENT = 0.5, 2.6 * 0.7
_LEAST_PX = 1.0
_SAME = (1, 2, 1, 2)  # what TensorFlow pads a 5×5 convolution of stride 2 by


class Palms(nn.Module):
    """Both sizes of palms in one pass over 192×192 pixels: 1.0 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_slope = nn.Conv2d(3, _WIDTHS[0], 5, stride=2), nn.PReLU(_WIDTHS[0])
        self.stages = nn.ModuleList()
        inputs = _WIDTHS[0]
        for number, width in enumerate(_WIDTHS):
            first = [Block(inputs, width, stride=2)] if number else []
            self.stages.append(nn.Sequential(*first, *(Block(width, width) for _ in range(_BLOCKS))))
            inputs = width
        self.coarse, self.fine = Rise(_WIDTHS[4], _WIDTHS[3]), Rise(_WIDTHS[3], _WIDTHS[2])
        self.fine_guesses = Guesses(_WIDTHS[2], SIZE_PX // 8, count=2)
        self.coarse_guesses = Guesses(_WIDTHS[3], SIZE_PX // 16, count=6)

    def forward(self, images: Tensor) -> Tensor:
        """(B,192,192,3) uint8 RGB to guesses (B,2016,6) float32: the logit of there being a hand; its center
        (x, y), its extent, and wrist to middle knuckle (x, y), px, pixel centers at integers. What center and
        extent are, `hand_centers.MAPS` says.
        """
        logits, numbers = self.guesses(images.permute(0, 3, 1, 2).float() / 255)
        middles = torch.cat([self.fine_guesses.middles, self.coarse_guesses.middles])
        reach = numbers[..., _KNUCKLE] - numbers[..., _WRIST]
        direction = reach / reach.norm(dim=-1, keepdim=True).clamp(min=_LEAST_PX)
        side = numbers[..., _BOX_SIZE].amax(-1, keepdim=True).clamp(min=_LEAST_PX)
        center = middles + numbers[..., _BOX_CENTER] + _TO_MIDDLE * side * direction
        return torch.cat([logits[..., None], center, _EXTENT * side, reach], -1)

    def guesses(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What the published network answers to (B,3,192,192) RGB in [0, 1]: logits (B,2016) and numbers
        (B,2016,18), places about the middles of cells; those of cells of 8 px first, then those of 16.
        """
        maps = [self.stem_slope(self.stem(F.pad(images, _SAME)))]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        coarse = self.coarse(maps[5], maps[4])
        fine = self.fine(coarse, maps[3])
        (logits, numbers), (more_logits, more_numbers) = self.fine_guesses(fine), self.coarse_guesses(coarse)
        return torch.cat([logits, more_logits], 1), torch.cat([numbers, more_numbers], 1)

    def load_published(self, convolutions: Mapping[str, Tensor], slopes: list[Tensor]) -> None:
        """Take over MediaPipe's `convolutions` and `slopes` (see `tflite`).

        Raises:
            ValueError: they are of another network.
        """
        published = [
            (convolutions[f"{k}.weight"], convolutions[f"{k}.bias"]) for k in range(len(convolutions) // 2)
        ]
        # The last four, which do not follow each other, come in any order; no two have the same shape.
        heads = [part for guesses in (self.fine_guesses, self.coarse_guesses) for part in guesses.children()]
        head_of = {head.weight.shape: head for head in heads}
        chain = [part for part in self.modules() if isinstance(part, nn.Conv2d) and part not in heads]
        in_chain = [pair for pair in published if pair[0].shape not in head_of]
        of_heads = [pair for pair in published if pair[0].shape in head_of]
        own_slopes = [part for part in self.modules() if isinstance(part, nn.PReLU)]
        if (len(in_chain), len(of_heads), len(slopes)) != (len(chain), len(heads), len(own_slopes)):
            raise ValueError(f"{len(published)} convolutions and {len(slopes)} slopes are not those of palms")
        parts = chain + [head_of[weight.shape] for weight, _ in of_heads]
        with torch.no_grad():
            for part, (weight, bias) in zip(parts, in_chain + of_heads, strict=True):
                _take(part.weight, weight)
                _take(part.bias, bias)
            for part, slope in zip(own_slopes, slopes, strict=True):
                _take(part.weight, slope)


def _take(own: nn.Parameter, published: Tensor) -> None:
    if own.shape != published.shape:
        raise ValueError(f"{tuple(published.shape)} numbers where palms have {tuple(own.shape)}")
    own.copy_(published)


class Block(nn.Module):
    """Depthwise 5×5, 1×1, and a shortcut that is pooled and filled up with zeros where the size changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 5, stride, padding=2 if stride == 1 else 0, groups=inputs)
        self.pointwise, self.slope = nn.Conv2d(inputs, outputs, 1), nn.PReLU(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        shortcut, padded = x, x
        if self.stride == 2:
            shortcut, padded = F.max_pool2d(x, 2), F.pad(x, _SAME)
        if self.added:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, self.added))
        return self.slope(shortcut + self.pointwise(self.depthwise(padded)))


class Rise(nn.Module):
    """A coarse map twice as fine, joined with the one that was as fine on the way down."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.lateral, self.slope = nn.Conv2d(inputs, outputs, 1), nn.PReLU(outputs)
        self.blocks = nn.Sequential(Block(outputs, outputs), Block(outputs, outputs))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        risen = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        return self.blocks(fine + self.slope(self.lateral(risen)))


class Guesses(nn.Module):
    """A map (B,C,R,R) to so many guesses per cell, row by row: logits (B,N) and numbers (B,N,18), float32.

    middles (N,2): of the guesses' cells, px of the image, pixel centers at integers.
    """

    middles: Tensor

    def __init__(self, inputs: int, cells: int, count: int) -> None:
        super().__init__()
        self.logits, self.numbers = nn.Conv2d(inputs, count, 1), nn.Conv2d(inputs, count * _NUMBERS, 1)
        places = (torch.arange(cells) + 0.5) * (SIZE_PX / cells) - 0.5
        y, x = torch.meshgrid(places, places, indexing="ij")
        middles = torch.stack([x, y], -1).flatten(0, 1).repeat_interleave(count, 0)
        self.register_buffer("middles", middles, persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, numbers = (of(x).float().permute(0, 2, 3, 1) for of in (self.logits, self.numbers))
        return logits.flatten(1), numbers.reshape(len(x), -1, _NUMBERS)
