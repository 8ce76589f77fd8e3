"""MediaPipe behind its class; what needs mediapipe is skipped where it is missing."""

from __future__ import annotations

import importlib.util
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.scene import sample_scene
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_sample
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model.topology import RIGHT
from lgnet_ros.landmarks.mediapipe_hands import DetectedHand, MediaPipeHands, without_doubles

HAS_MEDIAPIPE = importlib.util.find_spec("mediapipe") is not None
needs_mediapipe = pytest.mark.skipif(not HAS_MEDIAPIPE, reason="mediapipe is missing: LANDMARKS=1 make test")


def hand(score: float, x: float) -> DetectedHand:
    pixels = np.random.default_rng(0).uniform(0, 100, (21, 2)) + (x, 0)
    return DetectedHand(RIGHT, score, pixels, np.zeros((21, 3)))


def test_a_hand_that_is_reported_twice_comes_once_and_the_surest_stays() -> None:
    kept = without_doubles([hand(0.7, 0), hand(0.9, 5), hand(0.8, 200)])
    assert [one.score for one in kept] == [0.9, 0.8]


def test_without_mediapipe_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^landmarks: mediapipe is not installed; .*LANDMARKS=1 make env"):
        MediaPipeHands()


def test_a_mediapipe_without_models_asks_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later:
        __version__ = "0.10.99"

    monkeypatch.setitem(sys.modules, "mediapipe", Later)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: Later)
    with pytest.raises(UserError, match=r"mediapipe 0\.10\.99 brings no model: .*landmarks_model"):
        MediaPipeHands()
    with pytest.raises(UserError, match=r"/nowhere\.task: no such file"):
        MediaPipeHands(model="/nowhere.task")


def seen_hand(finder: MediaPipeHands) -> HandSample:
    """The first rendered picture of one large, open hand that MediaPipe sees."""
    settings = SyntheticSettings(split="test")
    for index in range(200):
        scene = sample_scene(11, index, settings)
        if sum(one is not None for one in scene.hands) != 1:
            continue
        sample = render_sample(11, index, settings)
        pixels = sample.intrinsics.project(sample.joints[sample.presence][0])
        large = np.ptp(pixels, axis=0).max() > 120 and sample.visibility.sum() >= 19
        if large and len(finder.find(sample.image)) == 1:
            return sample
    raise AssertionError("MediaPipe sees none of 200 pictures")


@needs_mediapipe
@pytest.mark.slow
def test_both_interfaces_see_the_same_hand_and_name_its_side(tmp_path: Path) -> None:
    import mediapipe

    models = Path(os.path.dirname(mediapipe.__file__)) / "modules"
    bundle = tmp_path / "hand_landmarker.task"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.write(models / "palm_detection/palm_detection_full.tflite", "hand_detector.tflite")
        archive.write(models / "hand_landmark/hand_landmark_full.tflite", "hand_landmarks_detector.tflite")
    wheel, tasks = MediaPipeHands(follow=False), MediaPipeHands(follow=False, model=bundle)
    sample = seen_hand(wheel)
    picture, true = sample.image, int(np.flatnonzero(sample.presence)[0])
    for image, side in ((picture, true), (np.ascontiguousarray(picture[:, ::-1]), 1 - true)):
        (one,), (other,) = wheel.find(image), tasks.find(image)
        assert one.side == other.side == side
        extent = np.ptp(one.pixels, axis=0).max()
        assert np.linalg.norm(one.pixels - other.pixels, axis=1).mean() < 0.1 * extent
        assert one.world.shape == (21, 3) and np.ptp(one.world, axis=0).max() < 0.3
    assert wheel.find(np.zeros_like(picture)) == []


@needs_mediapipe
def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.task"
    wrong.write_bytes(b"no model")
    with pytest.raises(UserError, match=r"wrong\.task: mediapipe cannot use it"):
        MediaPipeHands(model=wrong)
