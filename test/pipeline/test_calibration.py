"""Calibration files as camera_calibration writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.pipeline.calibration import read_intrinsics

CALIBRATION = """
image_width: 640
image_height: 480
camera_name: head
camera_matrix: {rows: 3, cols: 3, data: [610.0, 0, 320.5, 0, 612.0, 239.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0.001, 0.0, 0.0]}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "camera.yaml"
    path.write_text(text)
    return path


def test_a_calibration_file_is_read_whole(tmp_path: Path) -> None:
    camera = read_intrinsics(written(tmp_path, CALIBRATION))
    assert (camera.width, camera.height, camera.distortion_model) == (640, 480, "plumb_bob")
    assert camera.matrix[0].tolist() == [610.0, 0, 320.5]
    assert camera.distortion == (0.1, -0.2, 0.001, 0.0, 0.0)


def test_a_lens_without_distortion_is_a_pinhole(tmp_path: Path) -> None:
    straight = CALIBRATION.replace("0.1, -0.2, 0.001", "0, 0, 0")
    assert read_intrinsics(written(tmp_path, straight)).is_pinhole
    bare = "\n".join(line for line in CALIBRATION.splitlines() if "distortion" not in line)
    assert read_intrinsics(written(tmp_path, bare)).is_pinhole


def test_a_fisheye_keeps_its_model_even_with_zeros(tmp_path: Path) -> None:
    fisheye = CALIBRATION.replace("plumb_bob", "fisheye").replace("0.1, -0.2, 0.001, 0.0, 0.0", "0, 0, 0, 0")
    assert read_intrinsics(written(tmp_path, fisheye)).distortion_model == "equidistant"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a camera calibration"),
        ("{", "not a camera calibration"),
        (CALIBRATION.replace("camera_matrix", "matrix"), "camera_matrix.*missing"),
        (CALIBRATION.replace("610.0, 0, 320.5,", ""), "not a camera calibration"),
        (CALIBRATION.replace("610.0", ".nan"), "camera.yaml"),
        (CALIBRATION.replace("plumb_bob", "pinhole_of_mine"), "camera.yaml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read_intrinsics(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent.yaml"):
        read_intrinsics(tmp_path / "absent.yaml")
