"""From a training run to a weights file: averaged weights, fitted uncertainty, what they score, how they were
made.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lgnet_ros.data.augment import CropSample
from lgnet_ros.data.synthetic.stream import in_processes, render_sample
from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.estimates import estimate_of
from lgnet_ros.evaluation.evaluation import Evaluation
from lgnet_ros.evaluation.protocols import crops_of
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.accuracy import NetworkErrors
from lgnet_ros.inference.weights import WeightsInfo, save_weights
from lgnet_ros.network import LGNet
from lgnet_ros.pipeline.placement import PlacementSettings
from lgnet_ros.training.initialization import network_state
from lgnet_ros.training.recipe import Recipe
from lgnet_ros.training.sources import Sources, synthetic_settings
from lgnet_ros.training.uncertainty import fit_errors, fit_uncertainty, predicted

# Of the validation split, images that had no say in which checkpoint is the best.
_CALIBRATION_SEED = 1


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


def calibration_crops(recipe: Recipe, sources: Sources) -> list[CropSample]:
    """What uncertainty is fitted on: validation images in a tracker's crops, for only hands in such crops are
    placed; of a data set, its validation crops.
    """
    if recipe.data.source != "synthetic":
        return sources.validation
    settings = replace(synthetic_settings(recipe, "validation"), background_folder=None, scenes="all")
    size_px = recipe.network_config().input_size
    rendered = in_processes(
        partial(render_sample, _CALIBRATION_SEED, settings=settings),
        range(recipe.validation.calibration),
        recipe.data.workers,
    )
    return [
        crop
        for index, sample in enumerate(rendered)
        for crop in crops_of(sample, index, "tracked", size_px, _CALIBRATION_SEED)
    ]


def export(
    network: LGNet,
    step: int,
    recipe: Recipe,
    sources: Sources,
    calibration: list[CropSample],
    path: Path,
    storage: str = "float16",
) -> WeightsInfo:
    """Writes a network as safetensors, with its errors as fitted on the calibration crops and its score on
    the validation crops. step: of its training.
    """
    fit_uncertainty(network, calibration)
    errors = fit_errors(predicted(network, calibration))
    metrics = score(network, sources, errors or NetworkErrors())
    samples = step * recipe.data.batch
    data = f"{recipe.data.source}, {samples} crops in {step} steps per process, seed {recipe.seed}"
    license_name = "Apache-2.0" if recipe.data.source == "synthetic" else "that of the dataset and of MANO"
    return save_weights(path, network, recipe.variant, data, license_name, metrics, storage, errors)


@torch.no_grad()
def score(network: LGNet, sources: Sources, errors: NetworkErrors) -> dict[str, Any]:
    """What a network reaches on the validation crops, as `Evaluation.report` says it."""
    evaluation = Evaluation(network.hand_model, sources.mean_pose, images=False)
    settings = PlacementSettings(errors=errors)
    for one in predicted(network, sources.validation):
        evaluation.add(estimate_of(one.prediction, one.index, one.truth, settings), one.truth)
    return evaluation.report()
