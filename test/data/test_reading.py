"""Reading images, JSON and PLY meshes, and the rule for what cannot be read."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from lgnet_ros.data.reading import (
    UnreadableSample,
    next_readable,
    read_image,
    read_json,
    read_ply_vertices,
    readable_samples,
)
from lgnet_ros.errors import UserError

_VERTICES = np.array([[0.5, -1.25, 2.0], [1e-3, 0.0, -7.0], [3.0, 4.0, 5.5]], np.float32)


class _Patchy:
    """Ten samples of which the even ones cannot be read."""

    name = "patchy"

    def __len__(self) -> int:
        return 10

    def load(self, index: int) -> int:
        if index % 2 == 0:
            raise UnreadableSample(f"file{index}.jpg: gone")
        return index


def _ascii_ply(path: Path) -> Path:
    rows = "\n".join(" ".join(str(float(value)) for value in row) + " 255 0 0" for row in _VERTICES)
    path.write_text(
        "ply\nformat ascii 1.0\ncomment made by a test\nelement vertex 3\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nelement face 1\n"
        f"property list uchar int vertex_indices\nend_header\n{rows}\n3 0 1 2\n"
    )
    return path


@pytest.mark.parametrize(("encoding", "order"), [("binary_little_endian", "<"), ("binary_big_endian", ">")])
def test_vertices_of_a_binary_mesh_come_back_in_order(tmp_path: Path, encoding: str, order: str) -> None:
    header = (
        f"ply\nformat {encoding} 1.0\nelement vertex 3\n"
        "property double x\nproperty float y\nproperty double z\nproperty uchar quality\n"
        "element face 0\nproperty list uchar int vertex_indices\nend_header\n"
    )
    body = b"".join(struct.pack(f"{order}dfdB", *(float(v) for v in row), 7) for row in _VERTICES)
    path = tmp_path / "hand.ply"
    path.write_bytes(header.encode() + body)
    np.testing.assert_array_equal(read_ply_vertices(path), _VERTICES)


def test_vertices_of_an_ascii_mesh_come_back_in_order(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_ply_vertices(_ascii_ply(tmp_path / "hand.ply")), _VERTICES)


def test_a_mesh_with_windows_line_ends_is_read(tmp_path: Path) -> None:
    lines = ["ply", "format ascii 1.0", "element vertex 1", *(f"property float {axis}" for axis in "xyz")]
    (tmp_path / "m.ply").write_bytes("\r\n".join([*lines, "end_header", "1 2 3", ""]).encode())
    np.testing.assert_array_equal(read_ply_vertices(tmp_path / "m.ply"), [[1, 2, 3]])


@pytest.mark.parametrize("kept_bytes", [3, 60, 240])
def test_a_mesh_that_is_cut_short_is_named(tmp_path: Path, kept_bytes: int) -> None:
    path = _ascii_ply(tmp_path / "hand.ply")
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(UnreadableSample, match="hand.ply"):
        read_ply_vertices(path)


def test_an_image_is_read_as_rgb(tmp_path: Path) -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[..., 0] = 200
    cv2.imwrite(str(tmp_path / "red.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    np.testing.assert_array_equal(read_image(tmp_path / "red.png"), picture)


def test_a_missing_and_a_corrupt_image_are_named(tmp_path: Path) -> None:
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff no image")
    with pytest.raises(UnreadableSample, match=r"torn\.jpg: not a readable image"):
        read_image(tmp_path / "torn.jpg")
    with pytest.raises(UnreadableSample, match=r"gone\.jpg: image file is missing"):
        read_image(tmp_path / "gone.jpg")


@pytest.mark.parametrize("content", [None, "{ half a fi", "\xff\xfe"])
def test_an_annotation_file_that_cannot_be_read_stops_the_run(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "data.json"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"data\.json: annotation file"):
        read_json(path)


def test_unreadable_samples_are_skipped_named_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert list(readable_samples(_Patchy())) == [1, 3, 5, 7, 9]
    assert "file4.jpg: gone" in caplog.text
    assert "5 of 10 samples skipped" in caplog.text


def test_the_first_unreadable_sample_stops_the_run_when_asked() -> None:
    with pytest.raises(UserError, match=r"file0\.jpg: gone"):
        list(readable_samples(_Patchy(), stop_on_bad=True))


def test_a_dataset_without_a_single_readable_sample_is_an_error() -> None:
    with pytest.raises(UserError, match="none of 2 samples"):
        list(readable_samples(_Patchy(), indices=[0, 2]))


def test_training_takes_the_next_readable_sample_and_gives_up_after_so_many() -> None:
    assert next_readable(_Patchy(), 9) == 9
    assert next_readable(_Patchy(), 4) == 5
    with pytest.raises(UserError, match="1 samples in a row"):
        next_readable(_Patchy(), 4, tries=1)
