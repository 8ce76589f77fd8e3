"""camera_node's parameters: the README lists them, and their own rules take the defaults."""

from __future__ import annotations

from pathlib import Path

from lgnet_ros.node.camera_parameters import CameraParameters
from lgnet_ros.node.parameter_rules import defaults, markdown_table, validated

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_the_cameras_parameters_as_the_code_has_them() -> None:
    text = README.read_text(encoding="utf-8")
    listed = text.split("<!-- camera_parameters:begin -->")[1].split("<!-- camera_parameters:end -->")[0]
    assert listed.strip() == markdown_table(CameraParameters)


def test_the_defaults_are_valid() -> None:
    assert validated(CameraParameters, defaults(CameraParameters)) == CameraParameters()
