"""`lgnet synth` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from lgnet_ros.cli.main import main
from lgnet_ros.data.synthetic import shards
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.stream import render_crop_sample
from lgnet_ros.errors import UserError

_FEW = ["--count", "6", "--size", "64", "--workers", "0", "--seed", "4"]


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_SIZE", 4)
    monkeypatch.setattr("lgnet_ros.cli.synth.SHARD_SIZE", 4)


def test_a_data_set_holds_the_samples_and_a_contact_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synth", "--out", str(tmp_path / "d"), *_FEW, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["written"] == 6
    arrays = shards.read_shard(tmp_path / "d" / "shard-00001.npz")
    expected = render_crop_sample(4, 5, SyntheticSettings(), 64)
    assert arrays["images"].shape == (2, 64, 64, 3)
    np.testing.assert_allclose(arrays["images"][1].astype(int), expected.image, atol=60)  # JPEG
    np.testing.assert_array_equal(arrays["masks"][1], expected.mask)
    np.testing.assert_array_equal(arrays["vertices"][1], expected.vertices)
    assert cv2.imread(report["sheet"]).shape[1] == 8 * 64


def test_a_stopped_run_goes_on_and_other_arguments_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["synth", "--out", str(tmp_path / "d"), *_FEW, "--json"]
    assert main(command) == 0
    whole = (tmp_path / "d" / "shard-00001.npz").read_bytes()
    (tmp_path / "d" / "shard-00001.npz").unlink()
    capsys.readouterr()
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["there_before"] == 4
    assert (tmp_path / "d" / "shard-00001.npz").read_bytes() == whole
    assert main([*command, "--split", "test"]) == 2
    assert "another split" in capsys.readouterr().err


def test_scenes_may_be_those_of_a_lesson(tmp_path: Path) -> None:
    command = ["synth", "--out", str(tmp_path / "d"), *_FEW]
    assert main([*command, "--scenes", "one_hand"]) == 0
    assert (shards.read_shard(tmp_path / "d" / "shard-00000.npz")["presence"].sum(axis=1) == 1).all()
    assert main([*command, "--scenes", "near"]) == 2


def test_a_data_set_that_grows_completes_its_last_shard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["synth", "--out", str(tmp_path / "d"), *_FEW, "--json"]
    assert main(command) == 0
    capsys.readouterr()
    assert main([*command, "--count", "8"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["written"], report["there_before"]) == (4, 4)
    assert len(shards.read_shard(tmp_path / "d" / "shard-00001.npz")["images"]) == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--count", "0", "--out", "x"], "--count 0"),
        (["--size", "100000", "--out", "x"], "--size 100000: must be at most"),
        ([], "--out DIR is missing"),
        (["--out", "x", "--frame-size", "wide"], "--frame-size wide"),
        (["--out", "x", "--bag", "b"], "--bag needs --clip"),
        (["--clip", "wave", "--out", "x", "--bag", "b"], "a bag or into a folder, not both"),
        (["--clip", "wave", "--out", "x", "--seconds", "1e12"], "--seconds 1e+12: more than 100000 frames"),
        (["--out", "/proc/nothing/here", *_FEW], "/proc/nothing/here: the folder cannot be made"),
        (["--out", "x", "--backgrounds", "/nowhere", *_FEW], "no such folder"),
    ],
)
def test_mistakes_are_one_clear_line(
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["synth", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert says in lines[-1] and "Traceback" not in "".join(lines)


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="shard-00000.npz: cannot be written .No space left on device"):
        shards.write_shard(tmp_path, 0, [render_crop_sample(0, 0, SyntheticSettings(), 48)])
    assert list(tmp_path.iterdir()) == []


def test_there_is_no_film_without_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wave.npz").mkdir()
    arguments = ["--clip", "wave", "--seconds", "0.1", "--fps", "20", "--frame-size", "160x120"]
    assert main(["synth", "--out", str(tmp_path), *arguments]) == 2
    assert "wave.npz: cannot be written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["wave.npz"]


def test_a_clip_becomes_a_video_with_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--clip",
        "wave",
        "--seconds",
        "0.2",
        "--fps",
        "20",
        "--frame-size",
        "160x120",
        "--overlay",
        "--json",
    ]
    assert main(["synth", "--out", str(tmp_path), *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    video = cv2.VideoCapture(report["video"])
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 4 == report["frames"]
    truth = np.load(report["truth"])
    assert truth["joints"].shape == (4, 2, 21, 3)
    wrist = truth["camera_matrix"] @ truth["joints"][0, 0, 0]
    assert 0 < wrist[0] / wrist[2] < 160 and 0 < wrist[1] / wrist[2] < 120


def test_the_benchmark_reports_both_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", "--benchmark", "--count", "4", "--workers", "0", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["benchmark"]
    assert [row["size_px"] for row in rows] == [128, 256]
    assert all(row["samples_per_second"] > 0 for row in rows)
