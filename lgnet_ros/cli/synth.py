"""`lgnet synth`: render synthetic images of two hands with exact labels."""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from lgnet_ros.data.augment import CropSample
from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.clips import CLIP_NAMES, Clip
from lgnet_ros.data.synthetic.mixtures import MIXTURES
from lgnet_ros.data.synthetic.settings import SPLITS, SyntheticSettings
from lgnet_ros.data.synthetic.shards import (
    SHARD_SIZE,
    missing_shards,
    prepare_folder,
    read_shard,
    shard_path,
    write_shard,
)
from lgnet_ros.data.synthetic.sheets import contact_sheet, crop_overlay, frame_overlay
from lgnet_ros.data.synthetic.stream import MADE_AHEAD, in_processes, render_crop_sample
from lgnet_ros.errors import UserError
from lgnet_ros.files import make_folder, write_whole
from lgnet_ros.media import VideoWriter

HELP = "render synthetic images of two hands with exact labels"
_SHEET_COUNT = 64
_BENCHMARK_SIZES = (128, 256)
_MOST_PX = 4096
_MOST_FRAMES = 100_000  # of a film: an hour, whose truth takes 4 GB of memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--clip", choices=CLIP_NAMES, help="film this instead of single images")
    what.add_argument(
        "--benchmark",
        action="store_true",
        help="measure samples per second once every worker has delivered some; writes nothing",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write to; a stopped run goes on there"
    )
    parser.add_argument("--count", type=int, default=256, metavar="N", help="how many samples (%(default)s)")
    parser.add_argument("--split", choices=SPLITS, default="train", help="(%(default)s)")
    parser.add_argument(
        "--scenes", choices=MIXTURES, default="all", help="which scenes and crops of them (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="side of the crops (%(default)s)")
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="processes; 0: this one (%(default)s)"
    )
    parser.add_argument(
        "--frame-size", default="640x480", metavar="WxH", help="the camera's image (%(default)s)"
    )
    parser.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="your own photographs, as further backgrounds"
    )
    parser.add_argument("--hand-model", type=Path, metavar="PATH", help="default: the open hand that ships")
    parser.add_argument("--overlay", action="store_true", help="draw the labels on sheets and films")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of a clip; default: once through")
    parser.add_argument("--fps", type=float, default=30.0, help="frames per second of a clip (%(default)s)")
    parser.add_argument("--bag", type=Path, metavar="PATH", help="with --clip: write a rosbag2 (MCAP) there")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, and nothing else")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    _check(args)
    settings = _settings(args)
    if args.benchmark:
        report = {"benchmark": [_speed(settings, size, args) for size in _BENCHMARK_SIZES]}
    elif args.clip:
        report = _film(settings, args)
    else:
        report = _dataset(settings, args)
    print(json.dumps(report) if args.json else _as_text(report))
    return 0


def _check(args: argparse.Namespace) -> None:
    for name, least in (("count", 1), ("size", 32), ("workers", 0), ("fps", 1)):
        if getattr(args, name) < least:
            raise UserError(f"--{name} {getattr(args, name)}: must be at least {least}")
    if args.size > _MOST_PX:
        raise UserError(f"--size {args.size}: must be at most {_MOST_PX}")
    for name in ("seconds", "fps"):
        value = getattr(args, name)
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"--{name} {value:g}: must be a number above 0")
    if args.seconds is not None and args.seconds * args.fps > _MOST_FRAMES:
        raise UserError(f"--seconds {args.seconds:g}: more than {_MOST_FRAMES} frames; write shorter films")
    if args.bag and args.out is not None and args.clip:
        raise UserError("--bag, --out: a film goes into a bag or into a folder, not both")
    if args.bag and not args.clip:
        raise UserError("--bag needs --clip: a bag holds a film")
    if not args.benchmark and args.out is None and args.bag is None:
        raise UserError("--out DIR is missing: where to write to")


def _settings(args: argparse.Namespace) -> SyntheticSettings:
    try:
        width, height = (int(value) for value in args.frame_size.lower().split("x"))
    except ValueError:
        raise UserError(f"--frame-size {args.frame_size}: write it like 640x480") from None
    return SyntheticSettings(
        split=args.split,
        width=width,
        height=height,
        hand_model=None if args.hand_model is None else str(args.hand_model),
        background_folder=None if args.backgrounds is None else str(args.backgrounds),
        scenes=args.scenes,
    )


def _dataset(settings: SyntheticSettings, args: argparse.Namespace) -> dict[str, object]:
    """Writes all shards that are missing, and a contact sheet of the first samples."""
    description = {"split": args.split, "scenes": args.scenes, "seed": args.seed}
    description |= {"size": args.size, "frame": args.frame_size}
    description |= {"hand_model": settings.hand_model, "backgrounds": settings.background_folder}
    prepare_folder(args.out, description)
    todo = missing_shards(args.out, args.count)
    indices = [index for shard in todo for index in shard]
    render = partial(_crop, args.seed, settings, args.size)
    made = in_processes(render, indices, args.workers)
    started = time.perf_counter()
    with tqdm(
        total=args.count, initial=args.count - len(indices), unit="image", disable=args.json or None
    ) as bar:
        for shard in todo:
            samples = []
            for _ in shard:
                samples.append(next(made))
                bar.update()
            write_shard(args.out, shard.start // SHARD_SIZE, samples)
    seconds = time.perf_counter() - started
    sheet = args.out / "sheet.png"
    _write_picture(sheet, _sheet(settings, args))
    return {
        "written": len(indices),
        "there_before": args.count - len(indices),
        "folder": str(args.out),
        "sheet": str(sheet),
        "samples_per_second": round(len(indices) / seconds, 1) if indices else None,
    }


def _sheet(settings: SyntheticSettings, args: argparse.Namespace) -> np.ndarray:
    """The data set's first images, from its own first shard; with their labels if asked for."""
    count = min(_SHEET_COUNT, args.count, SHARD_SIZE)
    if not args.overlay:
        return contact_sheet(list(read_shard(shard_path(args.out, 0))["images"][:count]))
    return contact_sheet(
        [crop_overlay(_crop(args.seed, settings, args.size, index)) for index in range(count)]
    )


def _film(settings: SyntheticSettings, args: argparse.Namespace) -> dict[str, object]:
    """A clip as MP4 with its truth beside it, or as a bag."""
    clip = Clip(args.seed, args.clip, settings)
    seconds = clip.duration_s if args.seconds is None else args.seconds
    times = np.arange(max(1, round(seconds * args.fps))) / args.fps
    bar = tqdm(times, unit="frame", disable=args.json or None)
    if args.bag is not None:
        from lgnet_ros.data.bag import write_bag  # needs the library rosbags, which only this needs

        frames = write_bag(((float(t), clip.frame(t)) for t in bar), args.bag)
        return {"frames": frames, "bag": str(args.bag)}
    make_folder(args.out)
    video, arrays = (args.out / f"{args.clip}{suffix}" for suffix in (".mp4", ".npz"))
    _write_film(video, arrays, times, (clip.frame(t) for t in bar), args.fps, args.overlay)
    return {"frames": len(times), "video": str(video), "truth": str(arrays)}


def _write_film(
    video: Path, arrays: Path, times: np.ndarray, frames: Iterable[HandSample], fps: float, overlay: bool
) -> None:
    """The pictures, and beside them the times, the truth of all frames and the camera's matrix. These go
    first: there is no film without its truth.
    """
    writer, truth = None, {name: [] for name in ("presence", "joints", "vertices", "rotations", "shape")}
    try:
        for sample in frames:
            picture = frame_overlay(sample) if overlay else sample.image
            if writer is None:
                writer = VideoWriter(video, fps, picture.shape[1], picture.shape[0])
            writer.write(picture)
            for name, values in truth.items():
                values.append(getattr(sample, name))
        stacked = {name: np.stack(values) for name, values in truth.items()}
        _write_arrays(arrays, {"time_s": times, "camera_matrix": sample.intrinsics.matrix, **stacked})
        writer.close()
    finally:
        if writer is not None:
            writer.abandon()


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def _write_picture(path: Path, picture: np.ndarray) -> None:
    write_whole(path, cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())


def _speed(settings: SyntheticSettings, size: int, args: argparse.Namespace) -> dict[str, object]:
    """Samples per second over all workers, crops and color jitter included, and a core's time for one.

    The clock starts when every worker has delivered samples: compiled, its banks of pictures and things made.
    Those that were made ahead meanwhile do not count.
    """
    made = in_processes(partial(_timed_crop, args.seed, settings, size), count(), args.workers)
    starting, ready = set(), max(args.workers, 1)
    while len(starting) < ready:
        starting.add(next(made)[0])
    deque(islice(made, args.workers * MADE_AHEAD), maxlen=0)
    started = time.perf_counter()
    rest = tqdm(islice(made, args.count), total=args.count, unit="image", disable=args.json or None)
    core_s = [seconds for _, seconds in rest]
    wall = time.perf_counter() - started
    made.close()
    return {
        "size_px": size,
        "workers": args.workers,
        "samples": args.count,
        "samples_per_second": round(args.count / wall, 1),
        "core_ms_per_sample": round(1e3 * float(np.mean(core_s)), 2),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def _crop(seed: int, settings: SyntheticSettings, size: int, index: int) -> CropSample:
    return render_crop_sample(seed, index, settings, size)


def _timed_crop(seed: int, settings: SyntheticSettings, size: int, index: int) -> tuple[int, float]:
    """Which process made a sample, and its processor time, s; the sample itself stays there."""
    started = time.process_time()
    render_crop_sample(seed, index, settings, size)
    return os.getpid(), time.process_time() - started


def _as_text(report: dict[str, object]) -> str:
    if "benchmark" in report:
        return "\n".join(
            f"{row['size_px']} px: {row['samples_per_second']} samples/s with {row['workers']} workers, "
            f"{row['core_ms_per_sample']} ms of a core each (load {row['load_1min']})"
            for row in report["benchmark"]
        )
    return "\n".join(f"{key}: {value}" for key, value in report.items() if value is not None)
