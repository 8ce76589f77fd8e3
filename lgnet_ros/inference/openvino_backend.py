"""LGNet on OpenVINO: several times faster than PyTorch on a CPU.

The network is converted once; the result lies beside the weights (`lgnet export`) or in the user's cache, and
is converted anew when it no longer fits the weights, the code or the installed OpenVINO.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import logging
import os
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.inference.artefacts import (
    Artefact,
    check_versions,
    fingerprint,
    read_artefact,
    write_artefact,
)
from lgnet_ros.inference.tracing import INPUTS, PREDICTED, traced
from lgnet_ros.inference.weights import WeightsInfo
from lgnet_ros.network import LGNet

BACKEND = "openvino"
SUFFIX = ".openvino"
"""Of an artefact's folder: `nano.openvino` beside `nano.safetensors`."""

_MODEL_FILE = "model.xml"
_HINTS = {"fp32": "f32", "bf16": "bf16"}
_LOG = logging.getLogger(__name__)


def is_available() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoBackend:
    """A converted network, compiled for this CPU, tuned for the time of one crop. See `Backend`.

    Crops of a batch run one after the other, each on all threads: with shapes known at compile time that is
    as fast as a batch, and a new batch size needs no warming up.

    In bf16 all products are bfloat16, those that pose the hand included: a millimetre or more.
    """

    def __init__(self, model: Any, precision: str, threads: int) -> None:
        """
        Args:
            model: an openvino.Model with `INPUTS`, of one crop, and `PREDICTED`.
            precision: fp32 or bf16.
            threads: how many cores to use.

        Raises:
            UserError: no such precision on this CPU.
        """
        core = _core()
        if precision not in _HINTS:
            raise UserError(f"precision '{precision}': on OpenVINO there are {', '.join(_HINTS)}")
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise UserError("precision 'bf16': this CPU does not calculate in bfloat16; use fp32")
        self.name = f"openvino-cpu-{precision}"
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": threads,
        }
        self._request = core.compile_model(model, "CPU", options).create_infer_request()

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        """See `Backend.infer`."""
        rows = [self._single(crops[k : k + 1], focal_px[k : k + 1]) for k in range(len(crops))]
        return {name: np.concatenate([row[k] for row in rows]) for k, name in enumerate(PREDICTED)}

    def _single(self, crop: np.ndarray, focal_px: np.ndarray) -> list[np.ndarray]:
        inputs = [np.ascontiguousarray(crop), np.ascontiguousarray(focal_px, dtype=np.float32)]
        self._request.infer(inputs, share_inputs=True)
        # Copied: the request writes over its outputs with the next crop.
        return [self._request.get_output_tensor(k).data.copy() for k in range(len(PREDICTED))]


def converted(network: LGNet) -> Any:
    """The network as an openvino.Model, for one crop at a time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's and the tracer's own deprecations
        model = _openvino().convert_model(traced(network))
    for port, name in zip(model.inputs, INPUTS, strict=True):
        port.get_tensor().set_names({name})
    for port, name in zip(model.outputs, PREDICTED, strict=True):
        port.get_tensor().set_names({name})
    return model


def export_openvino(network: LGNet, folder: Path, name: str, info: WeightsInfo | None) -> Artefact:
    """Convert into an artefact's folder.

    Raises:
        UserError: OpenVINO is missing, or the folder cannot be written.
    """
    model = converted(network)
    return _save(model, network, folder, name, info)


def load_model(network: LGNet, name: str, info: WeightsInfo | None, weights: Path | None) -> Any:
    """The converted network: from beside its weights, from the cache, or converted now and cached.

    A folder that does not fit is passed over with a word in the log; a cached one is replaced.
    """
    own = fingerprint(network)
    place = "" if weights is None else str(weights.resolve())
    key = hashlib.sha256(place.encode()).hexdigest()[:8]  # new weights at the same place replace the old
    cached = cache_directory() / f"{name.replace('/', '-')}-{key}{SUFFIX}"
    beside = [] if weights is None else [weights.with_suffix(SUFFIX)]
    for folder in (*beside, cached):
        if not folder.exists():
            continue
        try:
            model, artefact = open_model(folder)
            if artefact.fingerprint == own:
                return model
            _LOG.warning("%s: stale: made from other weights or code; not used", folder)
        except UserError as error:
            _LOG.warning("%s; not used", error)
    _LOG.warning("converting %s for OpenVINO; only the first start waits for that", name)
    model = converted(network)
    with contextlib.suppress(UserError):  # without a place to keep it, the next start converts again
        _save(model, network, cached, name, info)
    return model


def open_model(folder: Path) -> tuple[Any, Artefact]:
    """The model in an artefact's folder.

    Raises:
        UserError: OpenVINO is missing; the folder is foreign, damaged or stale.
    """
    artefact = read_artefact(folder, BACKEND)
    check_versions(folder, artefact, _versions())
    model = _core().read_model(folder / _MODEL_FILE)
    if [port.get_any_name() for port in model.outputs] != list(PREDICTED):
        raise UserError(f"{folder}: foreign: its outputs are not those of LGNet; export anew")
    return model, artefact


def cache_directory() -> Path:
    """Where converted networks are kept: $XDG_CACHE_HOME/lgnet_ros, else ~/.cache/lgnet_ros."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lgnet_ros"


def _save(model: Any, network: LGNet, folder: Path, name: str, info: WeightsInfo | None) -> Artefact:
    def write(part: Path) -> None:
        _openvino().save_model(model, part / _MODEL_FILE, compress_to_fp16=False)

    return write_artefact(folder, BACKEND, network, name, info, _versions(), write)


def _versions() -> dict[str, str]:
    return {"openvino": str(_openvino().__version__)}


@cache
def _core() -> Any:
    """One for the life of the process.

    Its CPU plugin gives the thread that first compiles a signal stack (for AMX) and takes the memory away
    when the last model goes, on whichever thread that happens: the next signal would end the process.
    """
    return _openvino().Core()


def _openvino() -> ModuleType:
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise UserError(f"OpenVINO cannot be imported ({error}); pip install openvino") from None
