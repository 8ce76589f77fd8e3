"""Calibration files of ROS's camera_calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from lgnet_ros.errors import UserError
from lgnet_ros.node.calibration import read_calibration

# As camera_calibration writes it.
CONTENT = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "webcam",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [600.0, 0, 319.5, 0, 610.0, 239.5, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, -0.2, 0.001, 0.002, 0.0]},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": np.eye(3).reshape(-1).tolist()},
    "projection_matrix": {"rows": 3, "cols": 4, "data": np.eye(3, 4).reshape(-1).tolist()},
}


def written(path: Path, **changes: object) -> Path:
    path.write_text(yaml.safe_dump({**CONTENT, **changes}))
    return path


def test_the_camera_is_what_the_file_says(tmp_path: Path) -> None:
    camera = read_calibration(written(tmp_path / "camera.yaml"))
    assert (camera.width, camera.height) == (640, 480)
    assert camera.matrix[1, 1] == 610.0
    assert camera.distortion_model == "plumb_bob"
    assert camera.distortion == (0.1, -0.2, 0.001, 0.002, 0.0)


def test_distortion_that_is_all_zero_is_none(tmp_path: Path) -> None:
    flat = {"rows": 1, "cols": 5, "data": [0.0] * 5}
    assert read_calibration(written(tmp_path / "camera.yaml", distortion_coefficients=flat)).is_pinhole


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"camera_matrix": {"data": [0.0] * 9}}, "focal length"),
        ({"camera_matrix": {"data": [1.0, 2.0]}}, "nine finite numbers"),
        ({"distortion_model": "magic"}, "unknown distortion model 'magic'"),
        ({"image_width": None}, "no calibration file"),
    ],
)
def test_an_impossible_camera_is_refused_with_the_file_and_the_reason(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(UserError, match=f"camera.yaml.*{reason}"):
        read_calibration(written(tmp_path / "camera.yaml", **changes))


@pytest.mark.parametrize("text", ["", "just words", "a: [", "- 1\n- 2"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match="camera.yaml"):
        read_calibration(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_calibration(tmp_path / "absent.yaml")
