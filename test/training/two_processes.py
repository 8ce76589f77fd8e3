"""Run by tests: two processes (CPU, gloo) train; each then notes its weights and its images.

two_processes.py FOLDER STEPS
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import torch

from lgnet_ros.data.augment import CropSample
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.geometry.crops import CropCamera
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import NetworkErrors
from lgnet_ros.training.export import score
from lgnet_ros.training.recipe import DataRecipe, OptimizerRecipe, Recipe, ValidationRecipe
from lgnet_ros.training.run import Resources, RunFolder, fit
from lgnet_ros.training.sources import Sources


class _Noise:
    """Two hands at rest before noise; remembers what it was asked for."""

    def __init__(self, model: HandModel, recipe: Recipe) -> None:
        self._model, self._batch, self.asked = model, recipe.data.batch, []

    def batch(self, step: int, rank: int, ranks: int) -> list[CropSample]:
        self.asked.append((step, rank, ranks))
        return [self.sample((step * ranks + rank) * self._batch + k) for k in range(self._batch)]

    def sample(self, index: int) -> CropSample:
        rng = np.random.default_rng(index)
        rotations = np.tile(np.eye(3, dtype=np.float32), (2, 16, 1, 1))
        posed = self._model.both(torch.from_numpy(rotations), torch.zeros(2, 10))
        offset = np.array([[[0.1, 0, 0.6]], [[-0.1, 0, 0.6]]], np.float32) + rng.normal(0, 0.02, 3).astype(
            np.float32
        )
        return CropSample(
            image=rng.integers(0, 255, (128, 128, 3), dtype=np.uint8),
            focal_px=140.0,
            presence=np.ones(2, bool),
            vertices=posed.vertices.numpy() + offset,
            joints=posed.joints.numpy() + offset,
            rotations=rotations,
            shape=np.zeros((2, 10), np.float32),
            joints_valid=np.ones((2, 21), bool),
            mesh_valid=np.ones(2, bool),
            visibility=np.ones((2, 21), bool),
            mask=None,
            crop=CropCamera(np.eye(3), 140.0, 128),
            flipped=False,
            key=str(index),
        )


def main(out: Path, steps: int) -> None:
    torch.set_num_threads(1)
    recipe = Recipe(
        variant="nano",
        network={"input_size": 128},
        data=DataRecipe(source="synthetic", batch=2, workers=0),
        steps=steps,
        precision="32-true",
        ema_decay=0.9,
        checkpoint_minutes=0.02,
        optimizer=OptimizerRecipe(learning_rate=1e-3),
        validation=ValidationRecipe(count=3, every_minutes=60.0, pictures=0),
    )
    model = HandModel.load()
    noise = _Noise(model, recipe)
    validation = [noise.sample(1000 + k) for k in range(recipe.validation.count)]
    sources = Sources(noise, validation, MeanPose.of(validation), lambda _: 100)
    module = fit(recipe, RunFolder(out / "run"), model, sources, None, Resources("cpu", 2))
    state = b"".join(value.detach().numpy().tobytes() for value in module.network.parameters())
    rank = module.global_rank
    (out / f"weights-{rank}.txt").write_text(hashlib.sha256(state).hexdigest())
    (out / f"images-{rank}.txt").write_text(str(sorted(noise.asked)))
    if rank == 0:  # an export scores the network, and the other process has gone
        (out / "score.txt").write_text(str(score(module.network, sources, NetworkErrors())["wrist"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
