"""Teaching `HandCenters` where hands are, on rendered whole images, turned and recoloured anew each time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from lgnet_ros.data.synthetic.stream import in_processes
from lgnet_ros.data.whole_images import (
    Labelled,
    Packed,
    augmented,
    box_in_image,
    can_be_found,
    rendered,
    unpacked,
)
from lgnet_ros.hand_model.topology import WRIST_AND_KNUCKLE
from lgnet_ros.network import LGNet, normalize
from lgnet_ros.network.efficientnet import EfficientNetLite0
from lgnet_ros.network.hand_centers import (
    COLUMNS,
    MAPS,
    ROWS,
    STRIDE_PX,
    USUAL_EXTENT_PX,
    HandCenters,
)
from lgnet_ros.network.palms import Palms
from lgnet_ros.network.precision import imitates_bfloat16
from lgnet_ros.training.averaging import exponential_average
from lgnet_ros.training.optimizers import make_optimizer
from lgnet_ros.training.recipe import OptimizerRecipe, ScheduleRecipe
from lgnet_ros.training.schedule import learning_rate_share
from lgnet_ros.training.strict import require

_FROZEN_STAGES = 3  # MediaPipe's, as in LGNet's own backbone
_FOCUS, _RELIEF = 2, 4  # the focal loss's exponents, as in "Objects as Points"
_ADAM_SHARE, _WEIGHT_DECAY, _EMA_DECAY, _GRADIENT_CLIP = 0.6, 0.01, 0.99, 20.0
_SCHEDULE = ScheduleRecipe("cosine", warmup_steps=30, final_share=0.02)


@dataclass(frozen=True)
class CentersRecipe:
    """images: rendered, of the training split; each is seen about `steps` · `batch` / `images` times.
    learning_rate: of matrices (Muon); what is left to AdamW has 0.6 of it.
    """

    images: int = 32000
    steps: int = 2000
    batch: int = 32
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("images", "steps", "batch"):
            require(getattr(self, name) > 0, f"{name} {getattr(self, name)}: at least 1")
        require(self.learning_rate > 0, f"learning rate {self.learning_rate}: must be above 0")


class CenterTargets(NamedTuple):
    """center (18,24): 1 at a hand's center, less around it. counts (18,24): 0 where neither is right. places
    (5,18,24): what the other maps should be, of the nearest hand, weighted by near (18,24).
    """

    center: np.ndarray
    counts: np.ndarray
    places: np.ndarray
    near: np.ndarray


def targets_of(sample: Labelled) -> CenterTargets:
    """What `HandCenters` should say of an image."""
    targets = CenterTargets(
        np.zeros((ROWS, COLUMNS), np.float32),
        np.ones((ROWS, COLUMNS), np.float32),
        np.zeros((MAPS - 1, ROWS, COLUMNS), np.float32),
        np.zeros((ROWS, COLUMNS), np.float32),
    )
    cells = np.stack(np.meshgrid(np.arange(COLUMNS), np.arange(ROWS)), axis=-1)
    middles = (cells + 0.5) * STRIDE_PX - 0.5  # (18,24,2) px
    for side in np.flatnonzero(sample.seen):
        joints = sample.joints[side]
        center, extent = box_in_image(joints)
        offset = center - middles
        distance = np.linalg.norm(offset, axis=-1)
        if not can_be_found(joints, sample.seen[side]):
            targets.counts[distance < 0.6 * extent + STRIDE_PX] = 0
            continue
        nearness = np.exp(-0.5 * (distance / max(0.15 * extent, 0.6 * STRIDE_PX)) ** 2).astype(np.float32)
        nearest = np.unravel_index(distance.argmin(), distance.shape)
        own = distance <= max(0.25 * extent, 0.75 * STRIDE_PX)
        own[nearest] = True
        own &= nearness >= targets.near
        np.maximum(targets.center, nearness, out=targets.center)
        targets.center[nearest] = 1
        size = math.log(extent / USUAL_EXTENT_PX)
        wrist, knuckle = joints[WRIST_AND_KNUCKLE]
        pointing = (knuckle - wrist) / extent
        targets.places[:2, own] = offset[own].T / STRIDE_PX
        targets.places[2:, own] = np.array([size, *pointing])[:, None]
        targets.near[own] = nearness[own]
    targets.counts[targets.center == 1] = 1
    return targets


def centers_loss(maps: Tensor, center: Tensor, counts: Tensor, places: Tensor, near: Tensor) -> Tensor:
    """Of maps (B,6,18,24): the focal loss of the centers, and L1 (smooth near 0) of the other maps around
    them. The others: `CenterTargets`, with a batch axis.
    """
    probability = maps[:, 0].sigmoid().clamp(1e-5, 1 - 1e-5)
    hit = (1 - probability) ** _FOCUS * probability.log()
    quiet = (1 - center) ** _RELIEF * probability**_FOCUS * (1 - probability).log()
    is_center = center == 1
    focal = -(torch.where(is_center, hit, quiet) * counts).sum() / is_center.sum().clamp(min=1)
    apart = F.smooth_l1_loss(maps[:, 1:], places, reduction="none", beta=0.3).sum(1)
    return focal + (apart * near).sum() / near.sum().clamp(min=1)


def first_centers(backbone: EfficientNetLite0) -> HandCenters:
    """Centers that have learned nothing yet, and begin with the backbone's weights."""
    centers = HandCenters()
    centers.begin_as(backbone)
    return centers


def learn_centers(
    network: HandCenters,
    recipe: CentersRecipe,
    workers: int = 1,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> HandCenters:
    """What the network becomes by learning, averaged over the last steps; the same for the same recipe, but
    for rounding.

    network: `first_centers`, or one that has learned before; it stays as it is. workers: processes that
    render. progress(step, loss).
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    network = copy.deepcopy(network).to(memory_format=torch.channels_last)
    for part in (network.stem, network.stem_norm, *network.stages[:_FROZEN_STAGES]):
        part.requires_grad_(False)
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rate = recipe.learning_rate
    optimizer = make_optimizer(OptimizerRecipe("muon", rate, _ADAM_SHARE * rate, _WEIGHT_DECAY), learning)
    rates = [group["lr"] for group in optimizer.param_groups]
    average = AveragedModel(network, multi_avg_fn=exponential_average(_EMA_DECAY), use_buffers=True)
    pool: list[Packed] = []
    stream = in_processes(partial(rendered, recipe.seed, "train"), range(recipe.images), workers)
    for step in range(recipe.steps):
        pool += islice(stream, math.ceil((step + 1) * recipe.images / recipe.steps) - len(pool))
        chosen = rng.integers(0, len(pool), recipe.batch)
        batch = [augmented(unpacked(pool[index]), rng) for index in chosen]
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * learning_rate_share(_SCHEDULE, step, recipe.steps, recipe.steps)
        loss = _step(network, optimizer, batch)
        average.update_parameters(network)
        progress(step + 1, loss)
    return average.module.eval()


def give_centers(network: LGNet, centers: HandCenters, palms: Palms | None) -> None:
    """From now on the network knows centers: these, and palms, if any."""
    network.config = replace(network.config, centers=True, palms=palms is not None)
    network.centers, network.palms = centers, palms


def _step(network: HandCenters, optimizer: torch.optim.Optimizer, batch: list[Labelled]) -> float:
    network.train()
    for part in (network.stem_norm, *network.stages):  # norms keep the statistics that they begin with
        part.eval()
    images = torch.from_numpy(np.stack([sample.image for sample in batch]))
    targets = [torch.from_numpy(np.stack(part)) for part in zip(*map(targets_of, batch), strict=True)]
    with torch.autocast("cpu", torch.bfloat16, enabled=not imitates_bfloat16()):
        maps = network(normalize(images).contiguous(memory_format=torch.channels_last))
    loss = centers_loss(maps, *targets)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), _GRADIENT_CLIP)
    optimizer.step()
    return loss.item()
