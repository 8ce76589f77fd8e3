"""A backend that outlives its device's errors: made anew, or replaced by a slower one that runs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

from lgnet_ros.errors import UserError
from lgnet_ros.inference.backends import Backend

_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")
_DEVICE_ERRORS = (
    "CUDA error",
    "CUDA driver error",
    "CUBLAS_STATUS",
    "CUDNN_STATUS",
    "cuDNN error",
    "cuDNN Frontend error",
    "unable to find an engine",
)
_MEMORY_ERRORS = ("out of memory", "not enough memory", "allocate memory", "bad allocation", "bad_alloc")


class RecoveringBackend:
    """Runs `make()`; see `Backend`. restarts: how often it has had to be made anew or replaced.

    After an error of the device the backend is made again and the batch repeated; after the second in a row,
    or where memory does not suffice even for one crop at a time, `fallback()` takes over for good. Batches as
    large as one that memory did not suffice for run crop by crop from then on.
    """

    def __init__(self, make: Callable[[], Backend], fallback: Callable[[], Backend]) -> None:
        self._make, self._fallback = make, fallback
        self.restarts = 0
        self._final = False  # the fallback is running
        self._too_many = sys.maxsize  # crops at once, for the memory
        try:
            self._backend = make()
        except RuntimeError as error:
            self._replace(error)

    @property
    def name(self) -> str:
        """Of what runs now."""
        return self._backend.name

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        """See `Backend.infer`."""
        if len(crops) >= self._too_many:
            return self._answered(lambda backend: _one_by_one(backend, crops, focal_px))
        return self._answered(lambda backend: backend.infer(crops, focal_px), crops, focal_px)

    def centers(self, image: np.ndarray) -> np.ndarray:
        """See `Backend.centers`."""
        return self._answered(lambda backend: backend.centers(image))

    def palms(self, image: np.ndarray) -> np.ndarray:
        """See `Backend.palms`."""
        return self._answered(lambda backend: backend.palms(image))

    def _answered(self, ask: Callable[[Backend], _Answer], *batch: np.ndarray) -> _Answer:
        """The answer, even where something has to be done about an error. batch: what `infer` was given."""
        try:
            return ask(self._backend)
        except RuntimeError as first:
            error = _let_go(first)
        if self._final:
            raise error
        try:
            if is_out_of_memory(error) and batch and len(batch[0]) > 1:
                _LOG.warning("out of memory with %d crops at once: they run one by one", len(batch[0]))
                self._too_many = len(batch[0])
                return _one_by_one(self._backend, *batch)
            if is_device_error(error):
                _LOG.warning("%s: the engine is restarted", _first_line(error))
                self._backend = self._make()
                self.restarts += 1
                return ask(self._backend)
        except RuntimeError as again:
            error = _let_go(again)
        self._replace(error)
        return ask(self._backend)

    def _replace(self, error: RuntimeError) -> None:
        """The fallback from now on, if the error is one that it helps against."""
        if not (is_device_error(error) or is_out_of_memory(error)):
            raise error
        self._backend, self._final, self._too_many = self._fallback(), True, sys.maxsize
        self.restarts += 1
        advice = (
            "; free some of the device's memory or use smaller weights" if is_out_of_memory(error) else ""
        )
        _LOG.error("%s: from now on %s runs, slower%s", _first_line(error), self._backend.name, advice)


def _one_by_one(backend: Backend, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
    rows = [backend.infer(crops[k : k + 1], focal_px[k : k + 1]) for k in range(len(crops))]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _let_go(error: RuntimeError) -> RuntimeError:
    """The error; a device's without the frames that it came through, which would keep the batch's memory."""
    return error.with_traceback(None) if is_device_error(error) or is_out_of_memory(error) else error


def is_device_error(error: BaseException) -> bool:
    """Whether a GPU, its driver or its libraries have failed, other than for want of memory."""
    accelerator = getattr(torch, "AcceleratorError", ())
    named = any(name in str(error) for name in _DEVICE_ERRORS)
    return (isinstance(error, accelerator) or named) and not is_out_of_memory(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory did not suffice, the device's or the machine's."""
    text = str(error).lower()
    known = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
    return known or any(words in text for words in _MEMORY_ERRORS)


def too_large(name: str, error: BaseException) -> UserError:
    """What to say when a network does not fit into memory at all."""
    return UserError(
        f"{name}: out of memory ({_first_line(error)}); "
        "use smaller weights (light, nano) or end other programs"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
