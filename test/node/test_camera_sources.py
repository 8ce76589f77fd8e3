"""The demo camera's sources, as the camera sees them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.node.camera_sources import open_source

SIZE = (64, 48)
GRAYS = (10, 90, 170, 250)


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Four gray images, whose names sort in their order, and files that are none."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, gray in enumerate(GRAYS):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((48, 64, 3), gray, np.uint8))
    (folder / "notes.txt").write_text("not an image")
    (folder / "2b.png").write_bytes(b"not an image either")
    return folder


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Six frames at 12 per second, each brighter than the last."""
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 12, SIZE)
    assert writer.isOpened()
    for number in range(6):
        writer.write(np.full((48, 64, 3), 20 + 40 * number, np.uint8))
    writer.release()
    return path


def grays(name: Path, loop: bool, count: int) -> list[int | None]:
    """The gray levels of the first `count` pictures; None where there is none."""
    source = open_source(str(name), SIZE, loop)
    pictures = [source.read(0.0) for _ in range(count)]
    source.close()
    return [None if picture is None else round(float(picture.image.mean())) for picture in pictures]


def test_a_folder_gives_its_images_in_order_and_leaves_out_what_is_none(image_folder: Path) -> None:
    assert grays(image_folder, loop=False, count=6) == [*GRAYS, None, None]


def test_frames_are_in_the_order_of_their_numbers(image_folder: Path) -> None:
    for number in (2, 10):
        cv2.imwrite(str(image_folder / f"f{number}.png"), np.full((48, 64, 3), 10 * number, np.uint8))
    assert grays(image_folder, loop=False, count=6) == [*GRAYS, 20, 100]


def test_a_folder_begins_again_when_it_loops(image_folder: Path) -> None:
    assert grays(image_folder, loop=True, count=6) == [*GRAYS, *GRAYS[:2]]


def test_images_are_red_green_blue(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((4, 4, 3), (0, 0, 255), np.uint8))
    picture = open_source(str(tmp_path), SIZE, loop=False).read(0.0)
    assert picture.image[0, 0].tolist() == [255, 0, 0]
    assert picture.truth is None


def test_a_video_gives_every_frame_once_at_its_own_rate(video: Path) -> None:
    assert open_source(str(video), SIZE, loop=False).rate_hz == pytest.approx(12)
    seen = grays(video, loop=False, count=8)
    assert seen[6:] == [None, None]
    assert np.allclose(seen[:6], [20 + 40 * number for number in range(6)], atol=3)


def test_a_video_begins_again_when_it_loops(video: Path) -> None:
    seen = grays(video, loop=True, count=13)
    assert np.allclose(seen[6:12], seen[:6]) and seen[12] == seen[0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no/such/file.mp4", "no such device, file or folder"),
        ("97", "no camera at /dev/video97"),
        ("/dev/video97", "no camera at /dev/video97"),
    ],
)
def test_what_is_not_there_is_named(name: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        open_source(name, SIZE, loop=False)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_a_damaged_video_is_named(video: Path) -> None:
    damaged = video.with_name("damaged.avi")
    damaged.write_bytes(video.read_bytes()[:200])
    with pytest.raises(UserError, match="damaged.avi.*cannot be read as a video"):
        open_source(str(damaged), SIZE, loop=False)


def test_a_video_that_breaks_off_ends_there(video: Path) -> None:
    whole = video.read_bytes()
    broken = video.with_name("broken.avi")
    jpegs = [place for place in range(len(whole)) if whole.startswith(b"\xff\xd8", place)]
    broken.write_bytes(whole[: jpegs[3]])
    seen = grays(broken, loop=False, count=8)
    assert seen[0] is not None and seen[7] is None


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no image files"):
        open_source(str(tmp_path), SIZE, loop=False)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match="1 image files, none of which can be decoded"):
        open_source(str(tmp_path), SIZE, loop=False)


def test_a_device_that_is_no_camera_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gives no picture"):
        open_source("/dev/null", SIZE, loop=False)
