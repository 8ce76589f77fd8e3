"""Estimators and detectors are chosen by name, in the library, on the command line and in the node."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from lgnet_ros.cli.main import main
from lgnet_ros.errors import UserError
from lgnet_ros.landmarks import choice as choices
from lgnet_ros.landmarks.choice import EstimatorChoice, load_detector, load_estimator
from lgnet_ros.landmarks.estimator import LandmarkEstimator
from lgnet_ros.landmarks.mediapipe_hands import MediaPipeHands
from lgnet_ros.media import write_image
from lgnet_ros.pipeline import NoDetector
from lgnet_ros.pipeline.estimators import LGNetEstimator


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, finder, trial, model) -> None:
    """MediaPipe is the finder; `load` makes no other."""
    monkeypatch.setattr(
        LandmarkEstimator, "load", lambda *_: LandmarkEstimator(model, finder, trial.fitter, follow=False)
    )


def test_lgnet_is_the_default_and_finds_hands_by_itself() -> None:
    choice = EstimatorChoice(weights="nano")
    assert isinstance(load_estimator(choice), LGNetEstimator)
    assert load_detector("self", choice) is None
    assert isinstance(load_detector("external", choice), NoDetector)


def test_landmarks_are_loaded_with_what_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple] = []
    monkeypatch.setattr(choices.LandmarkEstimator, "load", lambda *arguments: asked.append(arguments[1:]))
    load_estimator(EstimatorChoice("landmarks", max_people=2, follow=False, landmarks_model="a.task"))
    assert asked == [(2, False, "a.task")]
    assert load_detector("mediapipe", EstimatorChoice("landmarks")) is None


@pytest.mark.parametrize("command", ["infer", "eval"])
def test_without_the_extra_one_line_says_how_to_get_it(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    find_spec = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> object:
        return None if name == "mediapipe" else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    write_image(tmp_path / "image.png", np.zeros((48, 64, 3), np.uint8))
    rest = [str(tmp_path / "image.png"), "--out", str(tmp_path / "out")] if command == "infer" else []
    assert main([command, *rest, "--estimator", "landmarks"]) == 2
    written = capsys.readouterr()
    assert written.out == "" and written.err.strip().count("\n") == 0
    assert "mediapipe is not installed; install the extra `landmarks`" in written.err


def test_infer_writes_the_hands_of_the_landmarks(told, finder, hands, tmp_path: Path, capsys) -> None:
    finder.tell(hands[:1])
    write_image(tmp_path / "image.png", np.zeros((480, 640, 3), np.uint8))
    fov = 2 * np.rad2deg(np.arctan(320 / hands[0].camera.matrix[0, 0]))
    options = ["--out", str(tmp_path / "out"), "--estimator", "landmarks", "--fov", f"{fov:.6f}", "--json"]
    assert main(["infer", str(tmp_path / "image.png"), *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "landmarks/told/open_hand" and report["trained"]
    written = json.loads((tmp_path / "out" / "image.json").read_text())
    (hand,) = written["hands"]
    pixels = np.array(list(hand["joints_image"].values()))
    assert np.linalg.norm(pixels - hands[0].camera.project(hands[0].joints), axis=1).mean() < 6


def test_eval_measures_the_landmarks(told, finder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--estimator", "landmarks", "--count", "2", "--crops", "tracked", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["weights"] == "landmarks/told/open_hand" and report["missed_rate"] in (1.0, None)


def test_check_reports_every_case_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["landmarks", "check", "--count", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"exact", "3 px", "3 px, 3 wild"} <= set(report)
    assert all(row["hands"] == 3 and row["possible_angles"] for row in report.values())


@pytest.mark.skipif(importlib.util.find_spec("mediapipe") is None, reason="mediapipe is missing")
def test_the_real_estimator_loads_and_sees_nothing_in_nothing(model) -> None:
    from lgnet_ros.geometry import CameraIntrinsics
    from lgnet_ros.pipeline import HandsPipeline

    pipeline = HandsPipeline(LandmarkEstimator.load(model))
    pipeline.warm_up()
    camera = CameraIntrinsics.from_field_of_view(320, 240, 1.0)
    assert pipeline.step(np.zeros((240, 320, 3), np.uint8), camera, 0.0).hands == ()
    with pytest.raises(UserError, match="no such file"):
        MediaPipeHands(model="/nowhere/hand_landmarker.task")
