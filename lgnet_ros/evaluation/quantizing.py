"""Quantizing a network on rendered crops, and what that costs: what `lgnet export --precision int8` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_crop_sample, render_sample
from lgnet_ros.evaluation.datasets import load_subject
from lgnet_ros.evaluation.protocols import Outcome, crops_of
from lgnet_ros.inference import Engine, WeightsInfo, quantization
from lgnet_ros.inference.artefacts import Artefact
from lgnet_ros.inference.backends import cpu_threads
from lgnet_ros.inference.openvino_backend import export_int8
from lgnet_ros.inference.openvino_runner import OpenVinoBackend
from lgnet_ros.inference.quantization import CALIBRATION_CROPS, CalibrationCrops
from lgnet_ros.network import LGNet
from lgnet_ros.pipeline.estimators import LGNetEstimator

LOSS_CROPS = 96
_SEED = 0


def calibration_crops(size_px: int, count: int = CALIBRATION_CROPS) -> CalibrationCrops:
    """Crops of the synthetic training split, as training sees them, `size_px` wide."""
    settings = SyntheticSettings(split="train")
    samples = [render_crop_sample(_SEED, index, settings, size_px) for index in range(count)]
    focal_px = np.array([sample.focal_px for sample in samples], dtype=np.float32)
    return CalibrationCrops(np.stack([sample.image for sample in samples]), focal_px)


def export_quantized(
    network: LGNet,
    folder: Path,
    name: str,
    info: WeightsInfo | None,
    weights: Path | None,
    crops: int = CALIBRATION_CROPS,
    loss_crops: int = LOSS_CROPS,
) -> Artefact:
    """Write the network with 8-bit products as an artefact that says how much accuracy it loses.

    Args:
        network, name, info, weights: as `load_choice` gives them.
        folder: where to.
        crops: how many rendered crops to calibrate on. loss_crops: how many of the validation split to
            measure the loss on; an untrained network has none to lose.

    Raises:
        UserError: OpenVINO or NNCF is missing, or the folder cannot be written.
    """

    quantization.versions()  # without NNCF that is said before anything is rendered

    def error_mm(models: dict[str, Any], precision: str) -> float:
        runner = OpenVinoBackend(models, network.hand_model, precision, cpu_threads())
        engine = Engine(runner, network.config, network.hand_model, name, info)
        return mesh_error_mm(engine, loss_crops, "validation")

    def loss_mm(plain: dict[str, Any], quantized: dict[str, Any]) -> float | None:
        if info is None or loss_crops == 0:
            return None
        return round(error_mm(quantized, "int8") - error_mm(plain, "fp32"), 3)

    calibration = calibration_crops(network.config.input_size, crops)
    return export_int8(network, folder, name, info, weights, calibration, loss_mm)


def mesh_error_mm(engine: Engine, count: int, split: str = "test") -> float:
    """MPVPE about the wrist on `count` tracked crops of a synthetic split, mm."""
    estimator = LGNetEstimator(engine)
    subject = load_subject("synthetic", None, _SEED, count, engine.hand_model)
    outcome = Outcome(estimator, subject.mean_pose(estimator.size_px), images=False)
    settings = SyntheticSettings(split=split)
    for place in range(count):
        sample = render_sample(_SEED, place, settings)
        for crop in crops_of(sample, place, "tracked", estimator.size_px, _SEED):
            outcome.show(crop)
    return outcome.evaluation.report()["wrist"]["mpvpe_mm"]
