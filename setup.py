"""The way in without ROS: `pip install .` gives the library, the command, the weights and the configuration.

Under ROS, CMakeLists.txt installs the same files together with the messages.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
SHARED_FOLDERS = ("config", "msg", "weights")


def version() -> str:
    """The version that package.xml states: there is only one place to change it."""
    stated = ElementTree.parse(ROOT / "package.xml").findtext("version")
    if stated is None:
        raise RuntimeError("package.xml has no <version>")
    return stated


def shared_files() -> list[tuple[str, list[str]]]:
    """Weights, configuration and messages, which go to share/lgnet_ros under the prefix, as under ROS."""
    folders: dict[str, list[str]] = {}
    for file in sorted(file for top in SHARED_FOLDERS for file in (ROOT / top).rglob("*") if file.is_file()):
        relative = file.relative_to(ROOT)
        folders.setdefault(f"share/lgnet_ros/{relative.parent.as_posix()}", []).append(relative.as_posix())
    return sorted(folders.items())


setup(
    name="lgnet_ros",
    version=version(),
    description="Two interacting hands from one camera image, as metric meshes, for ROS 2",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["lgnet_ros", "lgnet_ros.*"]),
    data_files=shared_files(),
    install_requires=[
        "numba>=0.57",
        "numpy>=1.22",
        "opencv-python-headless>=4.5",
        "pillow",
        "pyyaml",
        "rich>=10",
        "safetensors>=0.4",
        "scipy>=1.8",
        "torch>=2.1",
        "tqdm",
    ],
    extras_require={
        "bags": ["rosbags>=0.10"],
        "landmarks": ["mediapipe==0.10.21"],
        "mano": ["smplx>=0.1.28"],
        "onnx": ["onnx", "onnxscript"],
        "openvino": ["openvino>=2024.4"],
        "test": ["hypothesis", "pytest>=7", "pytest-rerunfailures", "pytest-timeout", "pytest-xdist", "ruff"],
        "train": ["lightning>=2.6", "matplotlib>=3.5", "tensorboard", "torchmetrics>=1.0"],
        "view": ["viser>=1.0"],
    },
    entry_points={"console_scripts": ["lgnet = lgnet_ros.cli.main:main"]},
    zip_safe=False,
)
