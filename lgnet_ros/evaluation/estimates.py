"""From a network's prediction to the record that is evaluated; hands are placed as by the pipeline."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import torch

from lgnet_ros.data.augment import CropSample
from lgnet_ros.evaluation.records import PRESENCE_THRESHOLD, HandsEstimate, HandsTruth, crop_intrinsics
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.crops import CropCamera
from lgnet_ros.inference.prediction import NetworkPrediction
from lgnet_ros.network.output import LGNetOutput
from lgnet_ros.pipeline.estimators import Estimator, Stopwatch
from lgnet_ros.pipeline.fusion import place
from lgnet_ros.pipeline.observation import observe
from lgnet_ros.pipeline.placement import PlacementSettings, UnitHand, hand_length, locate


def prediction_of(output: LGNetOutput) -> NetworkPrediction:
    """The network's raw output as the engine would hand it out."""
    values = {name: getattr(output, name) for name in LGNetOutput._fields if name != "presence_logits"}
    values["presence"] = torch.sigmoid(output.presence_logits.float())
    kept = (field.name for field in fields(NetworkPrediction))
    return NetworkPrediction(**{name: values[name].detach().float().cpu().numpy() for name in kept})


def whole_crop(camera: CameraIntrinsics) -> CropCamera:
    """A crop camera that sees exactly what a square pinhole camera sees: crops count as images here."""
    return CropCamera(np.eye(3), float(camera.matrix[0, 0]), camera.width)


def estimate_of(
    prediction: NetworkPrediction, index: int, truth: HandsTruth, settings: PlacementSettings | None = None
) -> HandsEstimate:
    """One crop's prediction, in the crop camera's frame.

    The truth serves for two things only: the crop's camera, and the hands' lengths for `wrist_known_size`.
    """
    settings = settings or PlacementSettings()
    known = [replace(settings, hand_length_m=_length(truth, side)) for side in (0, 1)]
    wrists, covariances = placed_wrists(prediction, index, truth.camera, [settings, settings])
    known_wrists, known_covariances = placed_wrists(prediction, index, truth.camera, known)
    return HandsEstimate(
        score=prediction.presence[index].astype(np.float64),
        vertices=prediction.vertices[index].astype(np.float64),
        joints=prediction.joints[index].astype(np.float64),
        rough_vertices=prediction.rough_vertices[index].astype(np.float64),
        relative_translation=prediction.relative_translation[index].astype(np.float64),
        wrist_unknown_size=wrists,
        wrist_known_size=known_wrists,
        covariance_unknown_size=covariances,
        covariance_known_size=known_covariances,
    )


def of_the_asked(prediction: NetworkPrediction, crops: list[CropSample]) -> NetworkPrediction:
    """The prediction about these crops, without the hands that it is not asked for."""
    return replace(prediction, presence=prediction.presence * np.array([crop.asked for crop in crops]))


def answer_about(estimator: Estimator, crop: CropSample) -> NetworkPrediction:
    """What an estimator says of one crop, shown to it as an image of its own, about the hands asked for."""
    camera = crop_intrinsics(crop)
    answer = estimator.estimate(crop.image, camera, [whole_crop(camera)], Stopwatch())
    return of_the_asked(answer, [crop])


def placed_wrists(
    prediction: NetworkPrediction, index: int, camera: CameraIntrinsics, settings: list[PlacementSettings]
) -> tuple[np.ndarray, np.ndarray]:
    """Wrists (2, 3) m and covariances (2, 3, 3) m². Two hands that are both found are placed together, else
    each alone; a hand that cannot be placed is where the network's own camera head says, its covariance NaN.

    settings: of right and left hand.
    """
    wrists = prediction.camera_translation[index].astype(np.float64)
    covariances = np.full((2, 3, 3), np.nan)
    units = {side: _unit(prediction, index, side, camera, settings[side]) for side in (0, 1)}
    found = [side for side in (0, 1) if prediction.presence[index, side] >= PRESENCE_THRESHOLD]
    groups = [found, *([side] for side in (0, 1) if side not in found)]
    for group in groups:
        placed = [side for side in group if units[side] is not None]
        if not placed:
            continue
        relative = prediction.relative_translation[index].astype(np.float64) if len(placed) == 2 else None
        result = place([units[side] for side in placed], settings[0], relative)
        for side, placement in zip(placed, result.placements, strict=True):
            wrists[side] = placement.position + placement.scale * units[side].wrist
            covariances[side] = placement.covariance
    return wrists, covariances


def _unit(
    prediction: NetworkPrediction,
    index: int,
    side: int,
    camera: CameraIntrinsics,
    settings: PlacementSettings,
) -> UnitHand | None:
    seen = observe(prediction, index, side, whole_crop(camera), camera, settings.errors.joint_std_m)
    return None if seen is None else locate(seen.evidence, settings)


def _length(truth: HandsTruth, side: int) -> float | None:
    return hand_length(truth.joints[side]) if truth.presence[side] else None
