"""The optimizer of a recipe."""

from __future__ import annotations

import torch
from torch import nn

from lgnet_ros.training.muon import Muon, is_matrix
from lgnet_ros.training.recipe import OptimizerRecipe


def make_optimizer(recipe: OptimizerRecipe, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam, AdamW or Muon over the parameters; biases and normalization are not decayed."""
    if recipe.name == "muon":
        matrices = [parameter for parameter in parameters if is_matrix(parameter)]
        others = [parameter for parameter in parameters if not is_matrix(parameter)]
        decay = recipe.weight_decay
        return Muon(
            [
                {"params": matrices, "lr": recipe.learning_rate, "weight_decay": decay, "matrices": True},
                {"params": others, "lr": recipe.adam_learning_rate},
            ]
        )
    kind = torch.optim.AdamW if recipe.name == "adamw" else torch.optim.Adam
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return kind(groups, lr=recipe.learning_rate)
