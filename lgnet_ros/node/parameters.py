"""The parameters of hands_node: each written down once, here, with its range, its reason and when it may
change.

`python -m lgnet_ros.node.parameters` prints them as the README's table, with `--yaml` as `config/hands.yaml`;
tests hold both against this module.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from lgnet_ros.landmarks.names import DETECTORS, ESTIMATORS
from lgnet_ros.node.parameter_rules import (
    ANY_TIME,
    START,
    UNCONFIGURED,
    markdown_table,
    parameter,
    parameter_file,
)

_MOST_PEOPLE = 4


@dataclass(frozen=True)
class HandsParameters:
    """Every parameter of hands_node, validated. The fields' names are the parameters' names."""

    autostart: bool = parameter(
        True, "Configure and activate by itself; false: wait for `ros2 lifecycle set`.", START
    )
    estimator: str = parameter(
        "lgnet",
        "What says how hands are: LGNet, or the hand model fitted to MediaPipe's landmarks.",
        UNCONFIGURED,
        choices=ESTIMATORS,
    )
    landmarks_model: str = parameter(
        "",
        "File `hand_landmarker.task` for MediaPipe; empty: the model in the wheel of mediapipe 0.10.21.",
        UNCONFIGURED,
    )
    weights: str = parameter(
        "", "Variant (`nano`, `light`, `full`) or `.safetensors` file; empty: the default.", UNCONFIGURED
    )
    device: str = parameter("auto", "Where the network runs.", UNCONFIGURED, choices=("auto", "cpu", "cuda"))
    precision: str = parameter(
        "auto",
        "Arithmetic of the network; `fp16` on CUDA, `int8` once `lgnet export` has made it.",
        UNCONFIGURED,
        choices=("auto", "fp32", "bf16", "fp16", "int8"),
    )
    detector: str = parameter(
        "self",
        "What finds hands that are not followed yet; `external` listens to `detections`.",
        UNCONFIGURED,
        choices=DETECTORS,
    )
    max_people: int = parameter(
        1,
        "People whose hands are tracked. Above 1, frame names carry the track id.",
        UNCONFIGURED,
        minimum=1,
        maximum=_MOST_PEOPLE,
    )
    image_qos: str = parameter(
        "auto",
        "Quality of service asked of the camera; `auto` asks for what it offers.",
        UNCONFIGURED,
        choices=("auto", "reliable", "best_effort", "sensor_data"),
    )
    image_transport: str = parameter(
        "raw",
        "`compressed` subscribes to `image_raw/compressed` instead of `image_raw`.",
        UNCONFIGURED,
        choices=("raw", "compressed"),
    )
    use_depth: bool = parameter(
        False, "Take the metric scale from the aligned depth image on `depth`.", UNCONFIGURED
    )
    depth_tolerance: float = parameter(
        0.01,
        "Largest difference between the stamps of image and depth (s).",
        UNCONFIGURED,
        minimum=0.001,
        maximum=1.0,
    )
    assumed_horizontal_fov: float = parameter(
        0.0,
        "Horizontal field of view (degrees) to assume without a CameraInfo; 0: refuse such images.",
        ANY_TIME,
        minimum=5.0,
        maximum=170.0,
        off=0.0,
    )
    hand_length: float = parameter(
        0.0,
        "Length of the hands, wrist to tip of the middle finger (m), if known; 0: from their shape.",
        ANY_TIME,
        minimum=0.05,
        maximum=0.4,
        off=0.0,
    )
    presence_enter: float = parameter(
        0.98,
        "How sure a new hand must be; looks at it in consecutive images add up.",
        ANY_TIME,
        minimum=0.05,
        maximum=0.99,
    )
    presence_stay: float = parameter(
        0.4, "Score below which a hand that is followed counts as lost.", ANY_TIME, minimum=0.05, maximum=0.95
    )
    smoothing: float = parameter(
        1.0,
        "How strongly to filter over time: 0 not at all, 1 as tuned, 2 twice as calm and slow.",
        ANY_TIME,
        minimum=0.0,
        maximum=10.0,
    )
    frame_prefix: str = parameter("", "Put before the name of every TF frame; one per camera.", ANY_TIME)
    publish_tf: bool = parameter(True, "Publish the hands' frames on `/tf`.", ANY_TIME)
    markers: str = parameter(
        "mesh+skeleton",
        "What `~/markers` shows.",
        ANY_TIME,
        choices=("mesh+skeleton", "mesh", "skeleton"),
    )
    marker_opacity: float = parameter(
        0.9, "Opacity of the mesh markers.", ANY_TIME, minimum=0.05, maximum=1.0
    )
    stale_after: float = parameter(
        0.5, "Without an image for so long (s) the camera has stopped.", ANY_TIME, minimum=0.05, maximum=60.0
    )
    keepout_latency: float = parameter(
        0.1,
        "`~/keepout`: the robot's reaction time (s), added to the age of the image.",
        ANY_TIME,
        minimum=0.0,
        maximum=5.0,
    )
    keepout_margin: float = parameter(
        0.02,
        "`~/keepout`: distance (m) kept in any case.",
        ANY_TIME,
        minimum=0.0,
        maximum=1.0,
    )
    handover_standoff: float = parameter(
        0.1,
        "`~/handover/target`: distance (m) out of the palm at which to wait.",
        ANY_TIME,
        minimum=0.0,
        maximum=1.0,
    )
    handover_tool_rpy: tuple[float, float, float] = parameter(
        (0.0, 0.0, 0.0),
        "`~/handover/target`: roll, pitch, yaw (degrees) of the tool in the approach frame.",
        ANY_TIME,
        minimum=-360.0,
        maximum=360.0,
    )


def yaml_file() -> str:
    """The annotated parameter file `config/hands.yaml`, with every parameter at its default."""
    return parameter_file("hands_node", "lgnet_ros.node.parameters", HandsParameters)


if __name__ == "__main__":
    sys.stdout.write(yaml_file() if "--yaml" in sys.argv[1:] else markdown_table(HandsParameters) + "\n")
