"""A finder in MediaPipe's place, and what the fit's tests share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from lgnet_ros.evaluation.landmark_fit import Disturbance, FitTrial, KnownHand, known_hands, landmarks_of
from lgnet_ros.hand_model import HandModel
from lgnet_ros.landmarks.mediapipe_hands import DetectedHand


@pytest.fixture(scope="session")
def model() -> HandModel:
    return HandModel.load()


@pytest.fixture(scope="session")
def trial(model: HandModel) -> FitTrial:
    return FitTrial(model)


@pytest.fixture(scope="session")
def hands() -> list[KnownHand]:
    return known_hands(60, seed=3)


@dataclass
class ToldFinder:
    """Finds the hands that it was told of, and counts how often it is asked."""

    name: str = "told"
    told: list[DetectedHand] = field(default_factory=list)
    asked: int = 0
    resets: int = 0

    def tell(self, hands: list[KnownHand], disturbance: Disturbance | None = None, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        landmarks = [landmarks_of(hand, disturbance or Disturbance(), rng) for hand in hands]
        self.told = [DetectedHand(seen.side, 0.98, seen.pixels, seen.world) for seen in landmarks]

    def find(self, image: np.ndarray) -> list[DetectedHand]:
        self.asked += 1
        return self.told

    def reset(self) -> None:
        self.resets += 1


@pytest.fixture
def finder() -> ToldFinder:
    return ToldFinder()
