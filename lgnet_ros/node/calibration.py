"""Reads the file that ROS's camera_calibration writes and that camera_info_manager reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lgnet_ros.errors import UserError
from lgnet_ros.geometry.cameras import CameraIntrinsics


def read_calibration(path: Path | str) -> CameraIntrinsics:
    """The camera of a calibration file (YAML: image_width, camera_matrix, distortion_model, …).

    Raises:
        UserError: the file is missing, is no such file, or states an impossible camera.
    """
    try:
        content = yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or "it is not YAML"
        raise UserError(f"camera_info_file '{path}': cannot be read: {reason}") from None
    try:
        return _camera(content)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"camera_info_file '{path}': is no calibration file of camera_calibration: {error}"
        ) from None
    except UserError as error:
        raise UserError(f"camera_info_file '{path}': {error}") from None


def _camera(content: dict[str, Any]) -> CameraIntrinsics:
    coefficients = tuple(float(number) for number in content["distortion_coefficients"]["data"])
    model = (
        content["distortion_model"]
        if any(coefficients) or content["distortion_model"] == "equidistant"
        else "none"
    )
    return CameraIntrinsics(
        int(content["image_width"]),
        int(content["image_height"]),
        [float(number) for number in content["camera_matrix"]["data"]],
        model,
        () if model == "none" else coefficients,
    )
