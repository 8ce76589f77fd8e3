"""The parameters of camera_node, each with type, range and reason, read into one frozen record."""

from __future__ import annotations

from dataclasses import dataclass

from lgnet_ros.node.parameter_rules import START, parameter


@dataclass(frozen=True)
class CameraParameters:
    """Every parameter of camera_node. The fields' names are the parameters' names."""

    source: str = parameter(
        "",
        "Webcam (number or device), video file or folder of images; empty: the built-in two-hand scene.",
        START,
    )
    rate: float = parameter(
        0.0,
        "Images a second; 0: as the source says, else 30. A webcam is thinned out, not sped up.",
        START,
        minimum=0.0,
        maximum=240.0,
    )
    width: int = parameter(
        640, "Image width (px) of the built-in scene, and asked of a webcam.", START, minimum=64, maximum=4096
    )
    height: int = parameter(
        480,
        "Image height (px) of the built-in scene, and asked of a webcam.",
        START,
        minimum=64,
        maximum=4096,
    )
    loop: bool = parameter(True, "Begin again at the end of a file or folder. False: end with it.", START)
    wait_for: str = parameter(
        "",
        "Begin once a node of that name, in this namespace, subscribes to the images; empty: at once.",
        START,
    )
    clip: str = parameter("hand_over", "Which motion the built-in scene shows.", START)
    seed: int = parameter(
        0, "Looks, background and variation of the built-in scene.", START, minimum=0, maximum=2**31 - 1
    )
    frame_id: str = parameter("camera_optical_frame", "The frame that images are stamped with.", START)
    camera_info_file: str = parameter(
        "", "Calibration of a real camera, as camera_calibration writes it (YAML).", START
    )
    horizontal_fov: float = parameter(
        60.0,
        "Horizontal field of view (degrees) to state for a real camera without a calibration. All distances "
        "are as right as it is.",
        START,
        minimum=10.0,
        maximum=170.0,
    )
    reliability: str = parameter(
        "reliable", "Quality of service of the images.", START, choices=("reliable", "best_effort")
    )
    publish_depth: bool = parameter(
        False, "Publish the built-in scene's depth image on `depth` (32FC1, metres).", START
    )
