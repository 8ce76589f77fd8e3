"""The learning rate as a share of its peak, a pure function of the step."""

from __future__ import annotations

import math

from lgnet_ros.training.recipe import ScheduleRecipe


def learning_rate_share(recipe: ScheduleRecipe, step: int, total_steps: int, steps_per_epoch: int) -> float:
    """What the peak learning rate is multiplied by in the given step, counted from 0.

    During warm-up step k gets (k + 1) / warmup_steps. The cosine runs from there to the last step; the
    paper's steps are counted in epochs.
    """
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    if recipe.name == "steps":
        passed = sum(step >= epoch * steps_per_epoch for epoch in recipe.milestones_epochs)
        return recipe.factor**passed
    progress = (step - recipe.warmup_steps) / max(1, total_steps - 1 - recipe.warmup_steps)
    wave = (1.0 + math.cos(math.pi * min(progress, 1.0))) / 2.0
    return recipe.final_share + (1.0 - recipe.final_share) * wave
