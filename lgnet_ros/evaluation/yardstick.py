"""How fast this machine is with a network that everybody knows: ResNet-50, which others have timed too."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor, nn

from lgnet_ros.foreign import openvino
from lgnet_ros.inference.backends import cpu_threads
from lgnet_ros.inference.openvino_runner import compile_options, core, has_bf16
from lgnet_ros.network.backbone import ResNet50

SIZE_PX = 256
_WARM_UP, _RUNS = 10, 60


class _Images(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet50().eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone(images).last


def resnet50_milliseconds() -> dict[str, float]:
    """Median of one image of 256×256 px without classifier, in OpenVINO, by precision: fp32 and, where the
    CPU has it, bf16.

    Raises:
        UserError: OpenVINO is missing.
    """
    image = torch.zeros(1, 3, SIZE_PX, SIZE_PX)
    model = openvino().convert_model(_Images(), example_input=image, input=[tuple(image.shape)])
    precisions = ("fp32", "bf16") if has_bf16() else ("fp32",)
    return {precision: _median_ms(model, precision, image.numpy()) for precision in precisions}


def _median_ms(model: object, precision: str, image: np.ndarray) -> float:
    options = compile_options(precision, cpu_threads(), streams=1)
    request = core().compile_model(model, "CPU", options).create_infer_request()
    durations = []
    for _ in range(_WARM_UP + _RUNS):
        began = time.perf_counter()
        request.infer([image])
        durations.append(1e3 * (time.perf_counter() - began))
    return round(float(np.median(durations[_WARM_UP:])), 1)
