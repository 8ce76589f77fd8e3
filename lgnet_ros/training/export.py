"""From a training run to a weights file: averaged weights, fitted uncertainty, what they score, how they were
made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lgnet_ros.data.augment import CropSample
from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.estimates import estimate_of, prediction_of
from lgnet_ros.evaluation.evaluation import Evaluation
from lgnet_ros.evaluation.records import HandsTruth
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.weights import WeightsInfo, save_weights
from lgnet_ros.network import LGNet, normalize
from lgnet_ros.network.losses import joints_to_cells
from lgnet_ros.training.batches import stacked
from lgnet_ros.training.initialization import network_state
from lgnet_ros.training.recipe import Recipe
from lgnet_ros.training.sources import Sources

_BATCH = 32
_LAST_CELL = 7.0


def network_of(checkpoint: Path, recipe: Recipe, hand_model: HandModel) -> tuple[LGNet, int]:
    """The network of a checkpoint with its averaged weights, and the step it was saved in.

    Raises:
        UserError: the checkpoint is missing, damaged, or of another network.
    """
    state, step = network_state(checkpoint)
    network = LGNet(recipe.network_config(), hand_model)
    try:
        network.load_state_dict(state)
    except RuntimeError as reason:
        raise UserError(f"{checkpoint}: not a checkpoint of this recipe's network") from reason
    return network.eval(), step


def export(
    checkpoint: Path,
    recipe: Recipe,
    hand_model: HandModel,
    validation: list[CropSample],
    path: Path,
    metrics: dict[str, Any],
    storage: str = "float16",
) -> WeightsInfo:
    """Writes the checkpoint's averaged weights as safetensors.

    Raises:
        UserError: the checkpoint cannot be read.
    """
    network, step = network_of(checkpoint, recipe, hand_model)
    fit_uncertainty(network, validation)
    samples = step * recipe.data.batch
    data = f"{recipe.data.source}, {samples} crops in {step} steps per process, seed {recipe.seed}"
    license_name = "Apache-2.0" if recipe.data.source == "synthetic" else "that of the dataset and of MANO"
    return save_weights(path, network, recipe.variant, data, license_name, metrics, storage)


@torch.no_grad()
def score(checkpoint: Path, recipe: Recipe, hand_model: HandModel, sources: Sources) -> dict[str, Any]:
    """What the checkpoint's averaged weights reach on the validation crops, as `Evaluation.report` says it.

    Raises:
        UserError: the checkpoint cannot be read.
    """
    network, _ = network_of(checkpoint, recipe, hand_model)
    evaluation = Evaluation(hand_model, sources.mean_pose, images=False)
    for start in range(0, len(sources.validation), _BATCH):
        samples = sources.validation[start : start + _BATCH]
        images, focal_px = stacked(samples)
        prediction = prediction_of(network(normalize(images), focal_px))
        for index, sample in enumerate(samples):
            truth = HandsTruth.of_crop(sample)
            evaluation.add(estimate_of(prediction, index, truth), truth)
    return evaluation.report()


@torch.no_grad()
def fit_uncertainty(network: LGNet, samples: list[CropSample]) -> None:
    """Sets the factors per axis that make the heat maps' spreads true standard deviations on these crops.

    Robustly: the median of |error| / spread is brought to a normal distribution's, 0.6745. Joints that a
    soft-argmax cannot reach do not count.
    """
    network.uncertainty_scale.fill_(1.0)
    ratios = [_normalized_errors(network, samples[k : k + _BATCH]) for k in range(0, len(samples), _BATCH)]
    median = np.median(np.concatenate(ratios), axis=0) / 0.6745
    network.uncertainty_scale.copy_(torch.from_numpy(median))


def _normalized_errors(network: LGNet, samples: list[CropSample]) -> np.ndarray:
    """(N, 3) |error| over spread, per axis, of the joints that count."""
    images, focal_px = stacked(samples)
    output = network(normalize(images), focal_px)
    joints = torch.from_numpy(np.stack([sample.joints for sample in samples]))
    true = joints_to_cells(joints, focal_px, network.config.input_size)
    known = torch.from_numpy(np.stack([sample.joints_valid & sample.presence[:, None] for sample in samples]))
    reachable = known & torch.isfinite(true).all(-1) & ((true >= 0) & (true <= _LAST_CELL)).all(-1)
    reachable[:, :, 0] = False  # the wrist's depth is 0 by definition
    ratio = (output.joints_25d - true).abs() / output.joints_25d_std
    return ratio[reachable].numpy()
