"""Weights that are put where they ship: the file, the manifest, the page, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import NetworkErrors, save_weights
from lgnet_ros.inference.manifest import choose, file_sha256
from lgnet_ros.network import LGNet, LGNetConfig
from lgnet_ros.paths import config_directory
from lgnet_ros.training.recipe import Recipe
from lgnet_ros.training.run import RunFolder
from lgnet_ros.training.shipping import command_of, ship, stages_of, with_section

_CURVE = (
    "step,samples,minutes,val/mpjpe_mm,val/mean_pose_mpjpe_mm\n"
    "50,6400,2.5,40.0,90.0\n100,12800,5.0,21.5,90.0\n"
)
_NUMBERS = {"mpjpe_mm": 20.5, "mpvpe_mm": 19.5, "auc": 0.6}


@pytest.fixture
def shipped_to(tmp_path: Path) -> Path:
    folder = tmp_path / "tree" / "weights"
    folder.mkdir(parents=True)
    (folder.parent / "docs" / "images").mkdir(parents=True)
    (folder / "manifest.yaml").write_text("# What ships.\ndefault: nano\nweights: {}\n")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Two stages; the second has weights."""
    path = config_directory() / "train" / "synthetic_nano_start.yaml"
    first, last = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "last")
    published = tmp_path / "hands.tflite"
    published.touch()
    _write(first, Recipe.read(path, ["seed=7", f"backbone_weights={published}"]).as_dict())
    start = tmp_path / "first" / "checkpoints" / "last.ckpt"
    _write(last, {**Recipe.read(path, ["steps=300"]).as_dict(), "start_from": str(start)})
    network = LGNet(LGNetConfig.nano(), HandModel.load())
    save_weights(
        last.weights, network, "nano", "synthetic", "Apache-2.0", errors=NetworkErrors(zoom_bias=0.031)
    )
    return last


def _write(run: RunFolder, recipe: dict) -> None:
    run.path.mkdir()
    run.recipe.write_text(json.dumps(recipe))
    run.curve.write_text(_CURVE)


def _evaluated(tmp_path: Path, sha256: str) -> Path:
    report = {
        "count": 2000, "wrist": _NUMBERS, "middle_mcp": _NUMBERS, "mrrpe_mm": 50.0, "presence_f1": 0.96,
        "mean_pose": {**_NUMBERS, "middle_mcp": _NUMBERS, "mrrpe_mm": 200.0},
        "ellipsoid_95": {"unknown_size": 0.95, "known_size": 0.94, "by_distance": []},
        "by_visible_joints": [],
        "crops": "lgnet, jittered crops", "others": {}, "dataset": "synthetic", "how": "`lgnet eval`.",
        "weights_sha256": sha256,
    }  # fmt: skip
    folder = tmp_path / "evaluated"
    folder.mkdir(exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def test_shipped_weights_are_listed_found_and_described(
    run: RunFolder, shipped_to: Path, tmp_path: Path
) -> None:
    sha256 = file_sha256(run.weights)
    for _ in range(2):  # the second time replaces what the first has written
        ship("nano", run, _evaluated(tmp_path, sha256), shipped_to, note="Made in a hurry.")
    choice = choose(None, shipped_to)
    assert (choice.name, choice.variant) == ("nano", "nano")
    assert file_sha256(choice.path) == sha256
    page = (shipped_to / "README.md").read_text()
    assert page.count("## nano\n") == 1
    for part in (
        sha256,
        "Made in a hurry.",
        "25,600 images",
        "20.50",
        "mean pose",
        "zoom_bias | 0.031",
        "| 2 | 12,800",
    ):
        assert part in page
    assert str(tmp_path) not in page
    assert (shipped_to.parent / "docs" / "images" / "learning_curve_nano.png").exists()
    assert (shipped_to / "manifest.yaml").read_text().startswith("# What ships.")


def test_a_stage_is_told_as_the_command_that_starts_it(run: RunFolder) -> None:
    first, second = (command_of(stage, "nano", k) for k, stage in enumerate(stages_of(run), 1))
    # Published weights by their name: their path says nothing elsewhere.
    begins = "lgnet train config/train/synthetic_nano_start.yaml backbone_weights=hands.tflite seed=7"
    assert first.startswith(begins)
    assert "steps=300 start_from=out/train/nano_1/checkpoints/last.ckpt" in second
    assert "--devices 2" in second


def test_a_stage_that_began_from_weights_says_so(run: RunFolder) -> None:
    stage = stages_of(run)[0]
    begun = replace(stage, recipe={**stage.recipe, "start_from": "/somewhere/nano.safetensors"})
    assert "start_from=nano.safetensors --devices 2" in command_of(begun, "nano", 1)


def test_a_report_about_other_weights_is_refused(run: RunFolder, shipped_to: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="about other weights"):
        ship("nano", run, _evaluated(tmp_path, "0" * 64), shipped_to)
    with pytest.raises(UserError, match="no report of lgnet eval"):
        ship("nano", run, tmp_path / "nowhere", shipped_to)
    with pytest.raises(UserError, match="export them first"):
        ship("nano", RunFolder(tmp_path / "first"), _evaluated(tmp_path, ""), shipped_to)
    assert not (shipped_to / "nano.safetensors").exists()


def test_a_folder_that_would_become_too_large_is_left_as_it_is(
    run: RunFolder, shipped_to: Path, tmp_path: Path
) -> None:
    with (shipped_to / "large.bin").open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(UserError, match="larger than 56 MB"):
        ship("nano", run, _evaluated(tmp_path, file_sha256(run.weights)), shipped_to)


def test_a_section_takes_its_own_place_among_others() -> None:
    page = "# Weights\n\n## light\n\nold\n\n## nano\n\nkept\n"
    assert with_section(page, "light", "## light\n\nnew\n").count("## light") == 1
    assert "kept" in with_section(page, "light", "## light\n\nnew\n")
    assert "old" not in with_section(page, "light", "## light\n\nnew\n")
