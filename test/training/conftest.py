"""Small stand-ins: crops that are drawn in a millisecond and a recipe that trains in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.data.augment import CropSample
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.geometry.crops import CropCamera
from lgnet_ros.hand_model import HandModel
from lgnet_ros.training.recipe import DataRecipe, OptimizerRecipe, Recipe, ScheduleRecipe, ValidationRecipe
from lgnet_ros.training.sources import Sources


@pytest.fixture(scope="session")
def hand_model() -> HandModel:
    return HandModel.load()


@pytest.fixture(scope="session")
def sketch(hand_model: HandModel) -> Callable[..., CropSample]:
    """`sketch(index, size_px)`: two hands as coloured dots; a pure function of the index."""

    def draw(index: int, size_px: int = 128) -> CropSample:
        rng = np.random.default_rng([99, index])
        rotvecs = rng.normal(0.0, 0.3, (2, 16, 3))
        rotations = (
            Rotation.from_rotvec(rotvecs.reshape(-1, 3)).as_matrix().reshape(2, 16, 3, 3).astype(np.float32)
        )
        shape = rng.normal(0.0, 0.5, (2, 10)).astype(np.float32)
        with torch.no_grad():
            posed = hand_model.both(torch.from_numpy(rotations), torch.from_numpy(shape))
        offset = np.array([[[0.08, 0.0, 0.6]], [[-0.08, 0.0, 0.6]]], np.float32)
        vertices, joints = posed.vertices.numpy() + offset, posed.joints.numpy() + offset
        crop = CropCamera(np.eye(3), 1.1 * size_px, size_px)
        image = np.full((size_px, size_px, 3), 120, np.uint8)
        for side, color in enumerate(((220, 60, 40), (40, 60, 220))):
            for pixel in crop.project(vertices[side]):
                cv2.circle(image, tuple(int(v) for v in np.round(pixel)), 1, color, -1)
        return CropSample(
            image=image,
            focal_px=crop.focal_px,
            presence=np.array([True, True]),
            vertices=vertices,
            joints=joints,
            rotations=rotations,
            shape=shape,
            joints_valid=np.ones((2, 21), bool),
            mesh_valid=np.ones(2, bool),
            visibility=np.ones((2, 21), bool),
            mask=None,
            crop=crop,
            flipped=False,
            key=f"sketch/{index}",
        )

    return draw


@pytest.fixture
def recipe() -> Recipe:
    """Nano in float32 on small crops, eight steps of four images, prepared in the training process."""
    return Recipe(
        variant="nano",
        network={"input_size": 128},
        data=DataRecipe(source="synthetic", batch=4, workers=0, replayed_share=0.5, replay_window=16),
        steps=8,
        seed=5,
        precision="32-true",
        ema_decay=0.9,
        optimizer=OptimizerRecipe(learning_rate=1e-3, gradient_clip=5.0),
        schedule=ScheduleRecipe(warmup_steps=3),
        validation=ValidationRecipe(count=4, every_minutes=60.0, pictures=2),
    )


@pytest.fixture
def sources(sketch: Callable[..., CropSample]) -> Callable[[Recipe], Sources]:
    from lgnet_ros.training.augmentation import RENDER_MARGIN
    from lgnet_ros.training.batches import SyntheticSource

    def make(recipe: Recipe) -> Sources:
        wide_px = round(128 * RENDER_MARGIN)
        return Sources(
            training=SyntheticSource(recipe.data, recipe.seed, 128, lambda index: sketch(index, wide_px)),
            validation=[sketch(10_000 + k) for k in range(recipe.validation.count)],
            mean_pose=MeanPose.of([sketch(20_000 + k) for k in range(4)]),
            steps_per_epoch=lambda _: 1_000,
        )

    return make


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / "run"
