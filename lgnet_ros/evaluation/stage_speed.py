"""What a frame costs beside the network: following, placing, filtering and relating two hands."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch

from lgnet_ros.data.augment import MIN_JOINTS_INSIDE, joints_inside
from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.clips import Clip
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import NetworkErrors, NetworkPrediction
from lgnet_ros.network import LGNetConfig
from lgnet_ros.network.heatmap import CELLS, DEPTH_HALF_RANGE
from lgnet_ros.pipeline import HandsPipeline
from lgnet_ros.pipeline.estimators import Stopwatch

_RATE_HZ = 30.0
_WARM_UP = 10
_CLIP = "hand_over"
_START = 0.4  # of the film: both hands are in the picture
_STD_CELLS = 0.1


class TruthfulEstimator:
    """An `Estimator` that answers every crop with the truth of `sample`, and takes next to no time for it."""

    name = "truth"
    size_px = LGNetConfig.nano().input_size
    trained = True
    errors = NetworkErrors()
    sample: HandSample  # assign before each answer

    def __init__(self, hand_model: HandModel) -> None:
        self.hand_model = hand_model
        self.seconds = 0.0  # CPU time of all answers

    def reset(self) -> None:
        """Nothing is kept between images."""

    def estimate(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, crops: list[CropCamera], stopwatch: Stopwatch
    ) -> NetworkPrediction:
        """See `Estimator.estimate`."""
        began = time.thread_time()
        for crop in crops:
            crop.warp(image, intrinsics)
        stopwatch.lap("crop")
        answers = [self._answer(crop) for crop in crops]
        stacked = {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}
        stopwatch.lap("network")
        self.seconds += time.thread_time() - began
        return NetworkPrediction(**stacked)

    def _answer(self, crop: CropCamera) -> dict[str, np.ndarray]:
        vertices, joints = crop.to_crop(self.sample.vertices), crop.to_crop(self.sample.joints)
        wrists = joints[:, :1]
        vertices, relative = vertices - wrists, joints - wrists
        pixels = crop.project(self.sample.joints.reshape(-1, 3)).reshape(2, 21, 2)
        inside = joints_inside(self.sample, crop).sum(axis=1) >= MIN_JOINTS_INSIDE
        depth = (relative[..., 2:] / DEPTH_HALF_RANGE + 1) / 2 * CELLS - 0.5
        cells = np.concatenate([(pixels + 0.5) * CELLS / crop.size_px - 0.5, depth], -1)
        rotations = self.sample.rotations.copy()
        rotations[:, 0] = crop.rotation_crop_camera @ rotations[:, 0]
        answer = {
            "presence": self.sample.presence & inside,
            "joints_25d": np.clip(np.nan_to_num(cells), 0, CELLS - 1),  # an absent hand has no direction
            "joints_25d_std": np.full((2, 21, 3), _STD_CELLS),
            "rotations": rotations,
            "shape": self.sample.shape,
            "camera_translation": wrists[:, 0],
            "rough_vertices": vertices,
            "vertices": vertices,
            "rough_joints": relative,
            "joints": relative,
            "relative_translation": wrists[1, 0] - wrists[0, 0],
        }
        return {name: np.asarray(value, dtype=np.float32) for name, value in answer.items()}


def told_film(estimator: TruthfulEstimator, frames: int) -> Iterator[tuple[float, HandSample]]:
    """Times (s) and pictures of a film of two hands, each told to the estimator just before."""
    clip = Clip(0, _CLIP, SyntheticSettings(split="test"))
    for number in range(frames):
        now_s = _START * clip.duration_s + number / _RATE_HZ
        estimator.sample = clip.frame(now_s)
        yield now_s, estimator.sample


def stage_milliseconds(hand_model: HandModel, frames: int = 60) -> dict[str, float]:
    """Median per stage of `HandsPipeline.step`, ms, on frames of 640×480 with both hands followed.

    "crop" is the warp of the frame's crops to nano's size; the network's own time is left out.
    """
    torch.set_num_threads(1)
    estimator = TruthfulEstimator(hand_model)
    pipeline = HandsPipeline(estimator)
    timings: dict[str, list[float]] = {}
    for number, (now_s, sample) in enumerate(told_film(estimator, _WARM_UP + frames)):
        frame = pipeline.step(sample.image, sample.intrinsics, now_s)
        if number >= _WARM_UP and len(frame.hands) == 2:
            for stage, duration in frame.timings_ms.items():
                timings.setdefault(stage, []).append(duration)
    stages = {stage: durations for stage, durations in timings.items() if stage not in ("network", "total")}
    return {stage: round(float(np.median(durations)), 3) for stage, durations in stages.items()}
