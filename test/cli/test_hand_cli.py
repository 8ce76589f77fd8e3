from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from lgnet_ros.cli import hand as hand_cli
from lgnet_ros.cli.hand_pictures import MARGIN
from lgnet_ros.cli.main import main
from lgnet_ros.hand_model import HandModel


def test_show_draws_a_sheet_with_a_hand_in_every_view(tmp_path: Path) -> None:
    out = tmp_path / "hand.png"
    arguments = [
        "hand",
        "show",
        "--pose",
        "fist",
        "spread",
        "--views",
        "palm",
        "back",
        "side",
        "--size",
        "96",
    ]
    assert main([*arguments, "--out", str(out)]) == 0
    picture = cv2.imread(str(out))
    assert picture.shape == (2 * 96, MARGIN + 3 * 96, 3)
    for view in picture[:, MARGIN:].reshape(2, 96, 3, 96, 3).transpose(0, 2, 1, 3, 4).reshape(6, 96, 96, 3):
        skin = (view.astype(int)[..., 2] - view[..., 0]) > 30  # redder than blue
        assert 0.05 < skin.mean() < 0.5


def test_a_left_hand_is_the_mirror_picture_of_the_right(tmp_path: Path) -> None:
    for side in ("right", "left"):
        arguments = ["hand", "show", "--side", side, "--pose", "point", "--views", "palm", "--size", "120"]
        assert main([*arguments, "--out", str(tmp_path / f"{side}.png")]) == 0
    right, left = (
        cv2.imread(str(tmp_path / f"{side}.png"))[:, MARGIN:].astype(int) for side in ("right", "left")
    )
    silhouettes = [(picture[..., 2] - picture[..., 0]) > 12 for picture in (right, left)]
    assert (silhouettes[0] != silhouettes[1][:, ::-1]).mean() < 0.02


def test_shape_components_add_a_row_each_way(tmp_path: Path) -> None:
    out = tmp_path / "shapes.jpg"
    assert (
        main(["hand", "show", "--components", "1", "--views", "palm", "--size", "64", "--out", str(out)]) == 0
    )
    assert cv2.imread(str(out)).shape == (3 * 64, MARGIN + 64, 3)


def test_a_turntable_is_an_animated_picture(tmp_path: Path) -> None:
    from PIL import Image

    out = tmp_path / "turn.gif"
    assert main(["hand", "show", "--size", "48", "--out", str(out)]) == 0
    with Image.open(out) as animation:
        assert animation.n_frames == 36 and animation.size == (48, 48)


@pytest.mark.parametrize("suffix", ["obj", "ply", "glb"])
def test_show_exports_the_mesh(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"hand.{suffix}"
    assert main(["hand", "show", "--pose", "pinch", "--out", str(out)]) == 0
    assert out.stat().st_size > 20_000


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--out", "hand.stl"], "'.stl' is none of .png, .jpg, .gif, .obj, .ply, .glb"),
        (["--out", "hand.png", "--pose", "wave"], "no pose 'wave'; there are: template, rest"),
        (["--out", "hand.glb", "--pose", "fist", "open"], "hand.glb: shows one pose, not 2"),
        (["--out", "hand.png", "--components", "11"], "a hand has 10 shape components"),
        (["--out", "hand.png", "--shape", "nan"], "--shape: takes finite numbers"),
        (["--out", "hand.png", "--model", "nowhere.npz"], "nowhere.npz: no such hand model"),
        (["--out", "hand.png", "--size", "0"], "--size 0: must be 32 to 2048 pixels"),
        (["--out", "taken.png"], "taken.png: cannot be written (it is a folder)"),
    ],
)
def test_mistakes_are_one_clear_line(
    arguments: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken.png").mkdir()
    assert main(["hand", "show", *arguments]) == 2
    error = capsys.readouterr().err
    assert line in error and error.count("\n") == 1


def test_import_of_an_empty_folder_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["hand", "import-mano", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "MANO_RIGHT.pkl" in capsys.readouterr().err


def test_import_says_where_the_licence_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(hand_cli, "import_mano", lambda source, target: (target / "r.npz", target / "l.npz"))
    assert main(["hand", "import-mano", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert "https://mano.is.tue.mpg.de/license.html" in capsys.readouterr().out


def test_build_finds_out_before_its_minutes_that_it_cannot_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(hand_cli, "build_open_hand", lambda: pytest.fail("it has begun"))
    assert main(["hand", "build", "--out", str(tmp_path)]) == 2
    assert "it is a folder" in capsys.readouterr().err


def test_build_writes_a_loadable_model_and_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    arrays = HandModel.load().arrays("right")
    monkeypatch.setattr(hand_cli, "build_open_hand", lambda: arrays)  # generating it takes minutes
    out = tmp_path / "built.npz"
    assert main(["hand", "build", "--out", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sha256"] == HandModel.load(out).sha256 == HandModel.load().sha256
    np.testing.assert_array_equal(HandModel.load(out).arrays("right").v_template, arrays.v_template)
