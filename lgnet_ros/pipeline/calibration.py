"""Camera intrinsics from a calibration file, as ROS's camera_calibration writes and camera_info_manager reads
it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lgnet_ros.errors import UserError
from lgnet_ros.geometry import CameraIntrinsics

_OUR_NAMES = {"fisheye": "equidistant", "": "none"}


def read_intrinsics(path: Path | str) -> CameraIntrinsics:
    """The camera in a calibration YAML: image_width, image_height, camera_matrix, distortion_model and
    distortion_coefficients (the last two may be left out for a pinhole camera).

    Raises:
        UserError: the file cannot be read, lacks an entry, or states an impossible camera.
    """
    try:
        return _camera(yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except KeyError as error:
        raise UserError(f"{path}: not a camera calibration: {error} is missing") from error
    except (yaml.YAMLError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a camera calibration ({str(error).splitlines()[0]})") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _camera(content: dict[str, Any]) -> CameraIntrinsics:
    model = str(content.get("distortion_model", "none"))
    model = _OUR_NAMES.get(model, model)
    coefficients = tuple(float(d) for d in content.get("distortion_coefficients", {}).get("data", ()))
    if model != "equidistant" and not any(coefficients):  # a lens without distortion is a pinhole, and faster
        model, coefficients = "none", ()
    matrix = np.array(content["camera_matrix"]["data"], dtype=np.float64).reshape(3, 3)
    return CameraIntrinsics(
        int(content["image_width"]), int(content["image_height"]), matrix, model, coefficients
    )
