"""Samples as pure functions of (seed, index, settings), and many of them from several processes, in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing.process import BaseProcess
from typing import TypeVar

import cv2

from lgnet_ros.data.augment import CropSample
from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.render import photograph_crop, photograph_scene
from lgnet_ros.data.synthetic.scene import sample_scene
from lgnet_ros.data.synthetic.settings import SyntheticSettings, random_stream
from lgnet_ros.interrupts import withheld_from_children

Result = TypeVar("Result")
_CHUNK, _CHUNKS_AHEAD = 8, 3
MADE_AHEAD = _CHUNK * _CHUNKS_AHEAD
"""Of each worker: as many results of `in_processes` may be there before they are asked for."""


def render_sample(seed: int, index: int, settings: SyntheticSettings) -> HandSample:
    """A full frame of settings.width × settings.height with every label."""
    noise = random_stream(seed, index, settings.split, "frame noise")
    return photograph_scene(sample_scene(seed, index, settings), noise)


def render_crop_sample(
    seed: int, index: int, settings: SyntheticSettings, size_px: int, margin: float = 1.0
) -> CropSample:
    """A crop of the same scene as `render_sample`'s, rendered at once at `size_px`: what training runs on.

    The crop is drawn as `augment.jittered_crop` draws it, colors as `augment.jittered_colors`; scenes favor
    neither hand, so no flip is needed.

    Args:
        margin: with 1.25, say, the picture is round(1.25 · size_px) wide around the same camera, focal length
            unchanged, so that it can be shifted, rolled and scaled again without showing a border.
    """
    rng = random_stream(seed, index, settings.split, "crop")
    scene = sample_scene(seed, index, settings)
    return photograph_crop(scene, size_px, rng, mixture=settings.mixture, margin=margin)


def in_processes(function: Callable[[int], Result], indices: Iterable[int], workers: int) -> Iterator[Result]:
    """function(index) for every index, in order, made by `workers` processes of one thread each (0: by this
    one).

    `function` must be picklable (a module's function, or a `functools.partial` of one). Processes are
    spawned, so that threads of this one do no harm. Indices go to them and results come back by the chunk,
    since a journey costs as much as a small picture; only a few are made ahead of the one that is asked for.

    Raises:
        BrokenProcessPool: a process was killed, for want of memory for instance.
    """
    if workers == 0:
        yield from map(function, indices)
        return
    context, waiting = multiprocessing.get_context("spawn"), deque()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=begin_worker) as pool:
        remaining = iter(indices)
        while chunk := list(islice(remaining, _CHUNK)):
            with withheld_from_children():  # the first of these starts the processes
                waiting.append(pool.submit(_each, function, chunk))
            if len(waiting) >= _CHUNKS_AHEAD * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _each(function: Callable[[int], Result], indices: list[int]) -> list[Result]:
    return [function(index) for index in indices]


def begin_worker() -> None:
    """What a worker process does first: one thread for its work, Ctrl-C left to its parent, and an end when
    that has ended.

    A killed parent closes nothing, and a worker that holds both ends of its pipes would wait for ever.
    """
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
