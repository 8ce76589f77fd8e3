"""`lgnet infer` as a user meets it; with an untrained network, which finds nothing worth believing."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lgnet_ros.cli.main import main
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import save_weights
from lgnet_ros.network import LGNet, LGNetConfig


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_weights(path, LGNet(LGNetConfig.nano(), HandModel.load()), "nano", "none", "Apache-2.0")
    return str(path)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8))
    return path


def infer(*arguments: object) -> int:
    return main(["infer", *map(str, arguments), "--device", "cpu"])


def test_json_is_alone_on_standard_output_and_names_what_was_written(
    image: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert infer(image, "--out", tmp_path / "out", "--weights", weights, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "lgnet-nano/w/open_hand"
    assert report["trained"] is True
    assert report["failed"] == []
    assert all(Path(path).is_file() for path in report["files"][0]["outputs"])


def test_unreadable_files_are_named_the_others_done_and_the_status_says_so(
    image: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    broken = tmp_path / "a_broken.png"
    broken.write_bytes(b"nothing")
    assert infer(broken, image, "--out", tmp_path / "out", "--weights", weights, "--json") == 1
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [Path(file["file"]).name for file in report["files"]] == ["photo.png"]
    assert [Path(file["file"]).name for file in report["failed"]] == ["a_broken.png"]
    assert "a_broken.png" in err
    assert "Traceback" not in err


def test_of_a_damaged_video_it_is_said_how_much_could_be_seen(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    whole = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter_fourcc(*"MJPG"), 20, (160, 120))
    for _ in range(12):
        writer.write(np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8))
    writer.release()
    (tmp_path / "cut.avi").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    films = whole, tmp_path / "cut.avi"
    assert infer(*films, "--out", tmp_path / "out", "--weights", weights) == 0
    complete, cut = capsys.readouterr().out.splitlines()
    assert "of 12 frames →" in complete
    assert "(it states 12: the others cannot be decoded)" in cut and "of 12 frames" not in cut


def test_an_image_of_another_size_than_the_calibration_fails_by_name(
    image: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    calibration = tmp_path / "camera.yaml"
    calibration.write_text(
        "image_width: 640\nimage_height: 480\ncamera_matrix: {data: [600, 0, 320, 0, 600, 240, 0, 0, 1]}\n"
    )
    arguments = (image, "--out", tmp_path / "out", "--weights", weights, "--intrinsics", calibration)
    assert infer(*arguments) == 1
    assert "photo.png: the image is 160×120" in capsys.readouterr().err


def test_an_untrained_network_is_said_to_be_one(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "manifest.yaml").write_text("default: nano\nweights: {}\n")
    monkeypatch.setattr("lgnet_ros.inference.manifest.weights_directory", lambda: tmp_path)
    assert infer(image, "--out", tmp_path / "out") == 0
    assert "not trained" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fov", "0"), "field of view"),
        (("--hand-length", "19"), "metres"),
        (("--max-people", "0"), "at least 1"),
        (("--weights", "huge"), "no weights 'huge'"),
        (("--intrinsics", "absent.yaml"), "absent.yaml"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture, arguments: tuple[str, str], message: str
) -> None:
    assert infer(image, "--out", tmp_path / "out", *arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
