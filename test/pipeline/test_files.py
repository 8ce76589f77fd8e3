"""Files in, files out, with an oracle in the network's place: what is written for images and videos."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.media import (
    Medium,
    VideoReader,
    VideoWriter,
    expand,
    frame_rate,
    open_video,
    read_image,
)
from lgnet_ros.pipeline import HandsPipeline, PipelineSettings, serialize
from lgnet_ros.pipeline.files import FileRunner, assumed_camera

UP = np.array([0.0, 0.0, np.pi / 2])


@pytest.fixture
def runner(hand_model, tmp_path: Path, oracle_of):
    """Makes a runner over a scene of two hands that do not move."""

    def make(mesh: str | None = None, progress=lambda *_: None) -> FileRunner:
        def scene(t: float) -> list:
            return [
                ("right", np.array([-0.12, 0.05, 0.6]), UP),
                ("left", np.array([0.12, 0.05, 0.6]), -UP),
            ]

        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        pipeline = HandsPipeline(oracle_of(scene))
        return FileRunner(pipeline, PipelineSettings(), assumed_camera(60.0), out, mesh, progress)

    return make


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "two hands.jpg"
    cv2.imwrite(str(path), np.full((480, 640, 3), 90, dtype=np.uint8))
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    writer = VideoWriter(path, 20.0, 320, 240)
    for k in range(12):
        writer.write(np.full((240, 320, 3), 10 * k, dtype=np.uint8))
    writer.close()
    return path


def test_an_image_becomes_an_overlay_and_json(runner, image: Path, tmp_path: Path) -> None:
    result = runner().run(Medium(image, False))
    assert (result.frames, result.frames_with_hands) == (1, 1)
    assert [path.name for path in result.outputs] == ["two hands_overlay.png", "two hands.json"]
    overlay = cv2.imread(str(tmp_path / "out" / "two hands_overlay.png"))
    assert overlay.shape == (480, 640, 3)
    assert (overlay != 90).any()
    content = json.loads((tmp_path / "out" / "two hands.json").read_text())
    assert [hand["side"] for hand in content["hands"]] == ["right", "left"]
    np.testing.assert_allclose(content["hands"][0]["joints"]["wrist"], [-0.12, 0.05, 0.6], atol=0.001)
    assert content["camera"]["width"] == 640
    assert content["model"] == "oracle"
    assert [relation["track_ids"] for relation in content["relations"]] == [[0, 1]]


@pytest.mark.parametrize("presence", [0.89, 0.91])
def test_in_an_image_hands_are_looked_at_until_they_are_sure(
    runner, image: Path, tmp_path: Path, presence: float
) -> None:
    own = runner()
    own._pipeline._estimator.faults.presence = presence
    assert own.run(Medium(image, False)).frames_with_hands == 1


def test_json_knows_no_nan() -> None:
    rounded = serialize._rounded(np.array([[1.23456, np.nan], [np.inf, 2.0]]), 2)
    assert json.loads(json.dumps(rounded, allow_nan=False)) == [[1.23, None], [None, 2.0]]


@pytest.mark.parametrize(("mesh", "magic"), [("obj", b"v "), ("ply", b"ply"), ("glb", b"glTF")])
def test_meshes_come_one_per_hand_in_the_format_asked_for(
    runner, image: Path, tmp_path: Path, mesh: str, magic: bytes
) -> None:
    files = runner(mesh)
    files.run(Medium(image, False))
    files.run(Medium(image, False))  # people are counted anew in each file
    for name in ("two hands", "two hands_2"):
        for side in ("right", "left"):
            assert magic in (tmp_path / "out" / f"{name}_{side}_0.{mesh}").read_bytes()[:200]


def test_a_video_becomes_a_video_of_overlays_and_json_per_frame(runner, video: Path, tmp_path: Path) -> None:
    seen = []
    result = runner(progress=lambda name, done, of: seen.append((name, done, of))).run(Medium(video, True))
    assert (result.frames, result.frames_with_hands) == (12, 12)
    content = json.loads((tmp_path / "out" / "film.json").read_text())
    assert content["fps"] == pytest.approx(20)
    assert [round(frame["stamp_s"], 3) for frame in content["frames"]] == [k / 20 for k in range(12)]
    assert len({frame["hands"][0]["track_id"] for frame in content["frames"]}) == 1
    reader = VideoReader(tmp_path / "out" / "film_overlay.mp4")
    assert sum(1 for _ in reader) == 12
    assert seen[-1] == ("film.mp4", 12, 12)


def test_videos_of_any_rate_are_written(tmp_path: Path) -> None:
    """Averages over a phone's slow motion have more decimals than MPEG-4 has room for."""
    for fps in (29.97002997, 66.123, 119.973, 239.9823, 750.4):
        path = tmp_path / f"{fps}.mp4"
        writer = VideoWriter(path, fps, 64, 48)
        writer.write(np.zeros((48, 64, 3), dtype=np.uint8))
        writer.close()
        assert VideoReader(path).fps == pytest.approx(fps, rel=1e-3)
    with pytest.raises(UserError, match="8191 at most"):
        VideoWriter(tmp_path / "wide.mp4", 30.0, 9000, 48)


def test_a_video_that_is_cut_short_by_a_full_disk_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """Where no file may be longer than 100 kB, as on a disk that is full then; OpenCV says nothing of it."""
    path = tmp_path / "film.mp4"
    filling = f"""
import resource, signal
from pathlib import Path
import numpy as np
from lgnet_ros.media import VideoWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
writer = VideoWriter(Path({str(path)!r}), 30.0, 320, 240)
for _ in range(30):
    writer.write(np.random.randint(0, 256, (240, 320, 3), dtype=np.uint8))
writer.close()
"""
    done = subprocess.run([sys.executable, "-c", filling], capture_output=True, text=True)
    assert done.returncode == 1 and "film.mp4: the video cannot be written; is the disk full?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_orientations_are_those_of_the_conventions(runner, image: Path, tmp_path: Path) -> None:
    runner().run(Medium(image, False))
    for hand in json.loads((tmp_path / "out" / "two hands.json").read_text())["hands"]:
        assert min(turn[3] for turn in [*hand["orientations_xyzw"], hand["palm"]["orientation_xyzw"]]) >= 0


def test_an_upright_film_is_looked_at_upright(video: Path) -> None:
    """Phones store frames as the sensor has them, and in the track's matrix how to turn them."""
    content = bytearray(video.read_bytes())
    matrix = content.index(b"tkhd") + 44  # behind version, times, track, duration, layer and volume
    quarter_turn = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 240 << 16, 0, 1 << 30)
    content[matrix : matrix + 36] = quarter_turn
    video.write_bytes(content)
    (_, first), *_ = VideoReader(video)
    assert first.shape == (320, 240, 3)
    assert open_video(video).read()[1].shape == (320, 240, 3)


def test_times_of_frames_are_those_of_the_file(video: Path) -> None:
    assert [round(stamp_s, 3) for stamp_s, _ in VideoReader(video)] == [k / 20 for k in range(12)]


@pytest.mark.parametrize(
    ("stated", "taken"), [(29.97, 29.97), (1000.0, 30.0), (0.0, 30.0), (float("nan"), 30.0)]
)
def test_a_frame_rate_that_cannot_be_is_not_believed(stated: float, taken: float) -> None:
    assert frame_rate(SimpleNamespace(get=lambda _: stated)) == taken


def test_names_with_a_colon_are_names(runner, video: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = Path("2024-01-01T12:30:05.mp4")
    video.rename(name)
    assert sum(1 for _ in VideoReader(name)) == 12
    writer = VideoWriter(Path("a:b.mp4"), 30.0, 64, 48)
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.close()
    assert Path("a:b.mp4").stat().st_size > 0


def test_overlays_of_an_earlier_run_are_no_input(image: Path, video: Path) -> None:
    image.with_name("film_overlay.mp4").write_bytes(video.read_bytes())
    assert len(expand([image.parent], image.parent)) == 2
    assert len(expand([image.parent], image.parent / "out")) == 3


def test_inputs_of_one_name_do_not_overwrite_each_other(runner, image: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / image.name
    other.parent.mkdir()
    other.write_bytes(image.read_bytes())
    both = runner()
    both.run(Medium(image, False))
    assert both.run(Medium(other, False)).outputs[1].name == "two hands_2.json"


def test_no_unfinished_files_are_left(runner, image: Path, video: Path, tmp_path: Path) -> None:
    both = runner("obj")
    both.run(Medium(image, False))
    both.run(Medium(video, True))
    assert not [path for path in (tmp_path / "out").iterdir() if "part" in path.name]


def test_a_folder_is_its_images_and_videos_in_order_and_nothing_else(image: Path, video: Path) -> None:
    (image.parent / "notes.txt").write_text("no picture")
    (image.parent / "sub").mkdir()
    assert expand([image.parent], image.parent / "out") == [Medium(video, True), Medium(image, False)]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no images or videos"):
        expand([tmp_path / "empty"], tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"this is not a picture"])
def test_what_is_no_image_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.png"):
        read_image(path)


def test_an_image_of_more_pixels_than_can_be_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(UserError, match="huge.png: not an image that can be read"):
        read_image(path)


def test_a_video_without_a_frame_that_decodes_is_refused_by_name(runner, video: Path, tmp_path: Path) -> None:
    content = bytearray(video.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    video.write_bytes(content)
    with pytest.raises(UserError, match="film.mp4: not one frame of it can be decoded"):
        runner().run(Medium(video, True))
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    for name in ("broken.mp4", "absent.mp4"):
        with pytest.raises(UserError, match=name):
            VideoReader(tmp_path / name)
