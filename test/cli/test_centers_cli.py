"""`lgnet centers` from the shell: taught, handed on, measured; what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lgnet_ros.cli.main import main
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine, load_network
from lgnet_ros.inference.weights import read_info
from lgnet_ros.paths import weights_directory


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of nano's weights."""
    return Path(shutil.copy(weights_directory() / "nano.safetensors", tmp_path / "mine.safetensors"))


@pytest.mark.slow
def test_weights_are_taught_centers_hand_them_on_and_stay_as_they_are_otherwise(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taught = tmp_path / "taught.safetensors"
    few = ["--images", "4", "--steps", "3", "--batch", "2", "--workers", "0"]
    assert main(["centers", "learn", "--weights", str(shipped), "--out", str(taught), *few]) == 0
    assert main(["centers", "copy", str(taught), str(shipped)]) == 0
    model = HandModel.load()
    (first, info), (second, other) = load_network(taught, model), load_network(shipped, model)
    assert info.config["centers"] and info.metrics == other.metrics and info.errors == other.errors
    for name, value in first.state_dict().items():
        assert (second.state_dict()[name] - value).abs().max() <= 0.01 * value.abs().max() + 1e-6, name
    assert Engine.load(shipped, "cpu", backend="torch").has_centers
    capsys.readouterr()
    assert main(["centers", "check", "--weights", str(taught), "--count", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["images"] == 3
    for part in report["seen_by"].values():
        assert report["hands"] == sum(row["hands"] for row in part["by_extent"])


def test_published_palms_join_the_centers_of_weights(
    shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mediapipe = pytest.importorskip("mediapipe")
    path = Path(mediapipe.__file__).parent / "modules/palm_detection/palm_detection_lite.tflite"
    before = load_network(shipped, HandModel.load())[0].state_dict()
    assert main(["centers", "palms", str(path), str(shipped)]) == 0
    assert "with centers and palms" in capsys.readouterr().out
    after = load_network(shipped, HandModel.load())[0].state_dict()
    assert before.keys() == after.keys()  # what ships has them already, from the same file
    assert all((after[name] - value).abs().max() <= 1e-6 for name, value in before.items())


def test_what_ships_finds_hands(capsys: pytest.CaptureFixture[str]) -> None:
    config = read_info(weights_directory() / "nano.safetensors").config
    assert config["centers"] and config["palms"]
    assert main(["centers", "check", "--count", "60", "--json"]) == 0
    seen_by = json.loads(capsys.readouterr().out)["seen_by"]
    assert seen_by["centers"]["found"] > 0.5 and seen_by["palms"]["found"] > 0.2
    assert seen_by["both"]["found"] >= seen_by["centers"]["found"]
    assert all(part["false_per_image"] < 1.0 for part in seen_by.values())
    assert main(["centers", "check", "--count", "2"]) == 0
    assert "| | centers | palms | both |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["learn", "--weights", "light", "--out", "x.safetensors"], "no trained weights"),
        (["learn", "--out", "x.safetensors", "--steps", "0"], "steps 0: at least 1"),
        (["learn", "--out", "x.safetensors", "--workers", "-1"], "--workers -1: 0, or more"),
        (["learn", "--out", "/dev/null/x.safetensors"], "x.safetensors: cannot be written ("),
        (["learn", "--out", "/dev"], "/dev: cannot be written (it is a folder)"),
        (["check", "--count", "0"], "--count 0: at least 1"),
        (["copy", "missing.safetensors", "missing.safetensors"], "no such weights file"),
        (["palms", "missing.tflite", "missing.safetensors"], "missing.tflite: no such file"),
    ],
)
def test_mistakes_get_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["centers", *arguments]) == 2
    printed = capsys.readouterr().err
    assert words in printed and "Traceback" not in printed
