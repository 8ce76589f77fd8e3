"""The overlay video keeps the time of the stamps."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.node.status.recorder import Recorder

PICTURE = np.full((48, 64, 3), 128, np.uint8)


def frame_count(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


@pytest.mark.parametrize("rate_hz", [10.0, 15.0, 30.0, 60.0])
def test_a_second_of_pictures_at_any_rate_is_a_second_of_video(tmp_path: Path, rate_hz: float) -> None:
    recorder = Recorder(tmp_path / "video.mp4", rate_hz=30.0)
    for number in range(int(rate_hz) + 1):
        recorder.add(PICTURE, 100.0 + number / rate_hz)
    assert abs(frame_count(recorder.close()) - 31) <= 1


def test_a_long_pause_and_a_jump_back_do_not_draw_the_video_out(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "video.mp4", rate_hz=30.0)
    for stamp in (0.0, 1000.0, 5.0):
        recorder.add(PICTURE, stamp)
    assert frame_count(recorder.close()) <= 62


def test_the_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "new" / "video.mp4")
    recorder.add(PICTURE, 0.0)
    assert not (tmp_path / "new" / "video.mp4").exists()
    assert recorder.close() == tmp_path / "new" / "video.mp4"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["video.mp4"]


def test_pictures_of_another_size_are_fitted_to_the_first(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "video.mp4")
    recorder.add(PICTURE, 0.0)
    recorder.add(np.zeros((96, 30, 3), np.uint8), 0.1)
    assert frame_count(recorder.close()) == 4


def test_without_pictures_there_is_no_file(tmp_path: Path) -> None:
    assert Recorder(tmp_path / "video.mp4").close() is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="the folder cannot be made"):
        Recorder(tmp_path / "file" / "video.mp4")
