"""Estimators and detectors by name, as the command line and the node's parameters choose them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine
from lgnet_ros.landmarks.detector import MediaPipeDetector
from lgnet_ros.landmarks.estimator import LandmarkEstimator
from lgnet_ros.landmarks.names import EXTERNAL, LANDMARKS, LGNET, MEDIAPIPE
from lgnet_ros.pipeline.acquisition import Detector, NoDetector
from lgnet_ros.pipeline.estimators import Estimator, LGNetEstimator


@dataclass(frozen=True)
class EstimatorChoice:
    """What to load.

    weights, device, precision: of LGNet, see `Engine.load`. max_people: whose hands MediaPipe looks for.
    follow: images come from one film. landmarks_model: a hand_landmarker.task file for MediaPipe; None: the
    model in its wheel.
    """

    kind: str = LGNET
    weights: str | Path | None = None
    device: str = "auto"
    precision: str = "auto"
    max_people: int = 1
    follow: bool = True
    landmarks_model: str | Path | None = None


def load_estimator(choice: EstimatorChoice, hand_model: HandModel | None = None) -> Estimator:
    """The estimator that is chosen, with a hand model (default: the open hand).

    Raises:
        UserError: weights, device, MediaPipe or its model are not to be had.
    """
    hand_model = hand_model or HandModel.load()
    if choice.kind == LANDMARKS:
        return LandmarkEstimator.load(hand_model, choice.max_people, choice.follow, choice.landmarks_model)
    return LGNetEstimator(Engine.load(choice.weights, choice.device, choice.precision, hand_model))


def load_detector(kind: str, choice: EstimatorChoice) -> Detector | None:
    """The detector of that name for the estimator that is chosen; None: the estimator finds hands by itself,
    as `landmarks` does with MediaPipe anyway.

    Raises:
        UserError: MediaPipe is not to be had.
    """
    if kind == EXTERNAL:
        return NoDetector()
    if kind == MEDIAPIPE and choice.kind != LANDMARKS:
        return MediaPipeDetector.load(choice.max_people, choice.landmarks_model)
    return None
