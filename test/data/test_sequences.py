"""Image sequences in the layouts of RGB2Hands and EgoHands, and plain folders."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from lgnet_ros.data.reading import UnreadableSample
from lgnet_ros.data.sequences import ImageSequences
from lgnet_ros.errors import UserError


def _write(path: Path, gray: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((30, 40, 3), gray, np.uint8))


def test_rgb2hands_frames_come_sequence_by_sequence_in_natural_order(tmp_path: Path) -> None:
    for number in (0, 2, 10):
        _write(tmp_path / "data" / "seq01_crossed" / "color" / f"image_{number}.png", number)
    _write(tmp_path / "data" / "seq02_occlusion" / "color" / "image_1.png", 99)
    _write(tmp_path / "data" / "seq01_crossed" / "depth" / "image_0.png", 1)
    frames = ImageSequences("rgb2hands", tmp_path)
    assert [int(frames.load(i).image[0, 0, 0]) for i in range(len(frames))] == [0, 2, 10, 99]
    assert frames.load(0).key == "rgb2hands/data/seq01_crossed/color/image_0.png"


def test_egohands_reads_frames_and_leaves_its_polygons_alone(tmp_path: Path) -> None:
    video = tmp_path / "_LABELLED_SAMPLES" / "CARDS_COURTYARD_B_T"
    _write(video / "frame_0011.jpg", 50)
    (video / "polygons.mat").write_bytes(b"MATLAB 5.0")
    assert len(ImageSequences("egohands", tmp_path)) == 1


def test_a_frame_has_the_assumed_field_of_view_and_no_truth(tmp_path: Path) -> None:
    _write(tmp_path / "one.png", 7)
    sample = ImageSequences("images", tmp_path, horizontal_fov_rad=math.radians(90)).load(0)
    assert sample.intrinsics.matrix[0, 0] == pytest.approx(20.0)
    assert not sample.presence.any()
    assert not sample.joints_valid.any()


def test_a_folder_without_images_and_an_unknown_layout_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no images at _LABELLED_SAMPLES"):
        ImageSequences("egohands", tmp_path)
    with pytest.raises(UserError, match="'webcam' is none of"):
        ImageSequences("webcam", tmp_path)


def test_a_corrupt_frame_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableSample, match=r"torn\.jpg"):
        ImageSequences("images", tmp_path).load(0)
