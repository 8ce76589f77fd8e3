"""LGNet on OpenVINO: several times faster than PyTorch on a CPU.

The network is converted once; the result lies beside the weights (`lgnet export`) or in the user's cache, and
is converted anew when it no longer fits the weights, the code or the installed OpenVINO. fp32 and bf16 run
from one conversion. An 8-bit network is made by `lgnet export --precision int8` only, for it is calibrated on
images.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.inference import quantization
from lgnet_ros.inference.artefacts import (
    Artefact,
    check_versions,
    fingerprint,
    read_artefact,
    write_artefact,
)
from lgnet_ros.inference.quantization import CalibrationCrops, quantized
from lgnet_ros.inference.tracing import INPUTS, PREDICTED, traced
from lgnet_ros.inference.weights import WeightsInfo
from lgnet_ros.network import LGNet

BACKEND = "openvino"
SUFFIX = ".openvino"
"""Of an artefact's folder: `nano.openvino` beside `nano.safetensors`."""

LARGEST_LOSS_MM = 0.3
"""Mean vertex error by which an 8-bit network may be worse than fp32, for "auto" to take it."""

_MODEL_FILE = "model.xml"
_PRECISIONS = ("fp32", "bf16", "int8")
_LOG = logging.getLogger(__name__)


def is_available() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoBackend:
    """A converted network, compiled for this CPU, tuned for the time of one crop. See `Backend`.

    Crops of a batch run one after the other, each on all threads: with shapes known at compile time that is
    as fast as a batch, and a new batch size needs no warming up.

    bf16: products, convolutions and attention in bfloat16; what lies between the last of them and the
    outputs, the posing of the hand included, stays in float32. int8: a quantized model, the rest of it as in
    bf16 where the CPU has that.
    """

    def __init__(self, model: Any, precision: str, threads: int) -> None:
        """
        Args:
            model: an openvino.Model with `INPUTS`, of one crop, and `PREDICTED` first among its outputs.
            precision: fp32, bf16 or int8.
            threads: how many cores to use.

        Raises:
            UserError: no such precision on this CPU.
        """
        if precision not in _PRECISIONS:
            raise UserError(f"precision '{precision}': on OpenVINO there are {', '.join(_PRECISIONS)}")
        if precision == "bf16" and not has_bf16():
            raise UserError("precision 'bf16': this CPU does not calculate in bfloat16; use fp32")
        self.name = f"openvino-cpu-{precision}"
        reduced = precision != "fp32" and has_bf16()
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if reduced else "f32",
            "INFERENCE_NUM_THREADS": threads,
        }
        self._request = _core().compile_model(model, "CPU", options).create_infer_request()

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        """See `Backend.infer`."""
        rows = [self._single(crops[k : k + 1], focal_px[k : k + 1]) for k in range(len(crops))]
        return {name: np.concatenate([row[k] for row in rows]) for k, name in enumerate(PREDICTED)}

    def _single(self, crop: np.ndarray, focal_px: np.ndarray) -> list[np.ndarray]:
        inputs = [np.ascontiguousarray(crop), np.ascontiguousarray(focal_px, dtype=np.float32)]
        self._request.infer(inputs, share_inputs=True)
        # Copied: the request writes over its outputs with the next crop.
        return [self._request.get_output_tensor(k).data.copy() for k in range(len(PREDICTED))]


def has_bf16() -> bool:
    """Whether this CPU calculates in bfloat16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def converted(network: LGNet) -> Any:
    """The network as an openvino.Model in float32, for one crop at a time."""
    graph, example = traced(network)
    shapes = [tuple(part.shape) for part in example]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own deprecations
        model = _openvino().convert_model(graph, example_input=example, input=shapes)
    for port, name in zip(model.inputs, INPUTS, strict=True):
        port.get_tensor().set_names({name})
    for port, name in zip(model.outputs[: len(PREDICTED)], PREDICTED, strict=True):
        port.get_tensor().set_names({name})
    return model


def export_openvino(network: LGNet, folder: Path, name: str, info: WeightsInfo | None) -> Artefact:
    """Convert into an artefact's folder.

    Raises:
        UserError: OpenVINO is missing, or the folder cannot be written.
    """
    return _save(converted(network), network, folder, name, info)


def export_int8(
    network: LGNet,
    folder: Path,
    name: str,
    info: WeightsInfo | None,
    weights: Path | None,
    calibration: CalibrationCrops,
    loss_mm: Callable[[Any, Any], float | None],
) -> Artefact:
    """Convert, quantize, and write into an artefact's folder.

    Args:
        network, name, info, weights: as `load_model` takes them.
        folder: where to.
        calibration: crops that the network will meet; a few hundred.
        loss_mm: of the float32 model and the quantized one: the mean vertex error that the latter loses, mm,
            or None; goes into the artefact.

    Raises:
        UserError: OpenVINO or NNCF is missing, or the folder cannot be written.
    """
    versions = {**_versions(), **quantization.versions()}
    plain, _ = load_model(network, name, info, weights, "fp32")
    model = quantized(plain, calibration)

    def write(part: Path) -> None:
        _openvino().save_model(model, part / _MODEL_FILE, compress_to_fp16=False)

    loss = loss_mm(plain, model)
    return write_artefact(folder, BACKEND, network, name, info, versions, write, "int8", loss)


def load_model(
    network: LGNet, name: str, info: WeightsInfo | None, weights: Path | None, precision: str
) -> tuple[Any, str]:
    """The converted network and the precision to run it in.

    fp32 and bf16: from beside its weights, from the cache, or converted now and cached; a folder that does
    not fit is passed over with a word in the log, a cached one is replaced. int8: as exported. auto: bf16
    where the CPU has it, which 8 bits do not outrun on nano; else int8 where that has been exported and loses
    at most `LARGEST_LOSS_MM`; else fp32.

    Raises:
        UserError: int8 is asked for and has not been exported.
    """
    if precision == "auto" and has_bf16():
        precision = "bf16"
    if precision in ("auto", "int8"):
        found = ready(network, artefact_places(name, weights, "int8"))
        if found is not None and (precision == "int8" or _is_good(found[1], name)):
            return found[0], "int8"
        if precision == "int8":
            given = weights or name.split("/")[0].removeprefix("lgnet-")
            raise UserError(
                f"precision 'int8': {name} has not been quantized for this lgnet_ros and OpenVINO; do so "
                f"with lgnet export --backend openvino --precision int8 --weights {given}"
            )
        precision = "fp32"
        if found is None and info is not None:
            _LOG.warning("%s runs in fp32: this CPU has no bfloat16, and no int8 was exported", name)
    places = artefact_places(name, weights, precision)
    found = ready(network, places)
    if found is not None:
        return found[0], precision
    _LOG.warning("converting %s for OpenVINO; only the first start waits for that", name)
    model = converted(network)
    with contextlib.suppress(UserError):  # without a place to keep it, the next start converts again
        _save(model, network, places[-1], name, info)
    return model, precision


def artefact_places(name: str, weights: Path | None, precision: str) -> list[Path]:
    """Where a converted network may lie: beside its weights, then in the cache."""
    suffix = f"-int8{SUFFIX}" if precision == "int8" else SUFFIX
    place = "" if weights is None else str(weights.resolve())
    key = hashlib.sha256(place.encode()).hexdigest()[:8]  # new weights at the same place replace the old
    cached = cache_directory() / f"{name.replace('/', '-')}-{key}{suffix}"
    return [cached] if weights is None else [weights.with_name(weights.stem + suffix), cached]


def ready(network: LGNet, places: list[Path]) -> tuple[Any, Artefact] | None:
    """The first artefact at these places that was made from this network; None without one."""
    existing = [folder for folder in places if folder.exists()]
    for folder in existing:
        try:
            model, artefact = open_model(folder)
            if artefact.fingerprint == fingerprint(network):
                return model, artefact
            _LOG.warning("%s: stale: made from other weights or code; not used", folder)
        except UserError as error:
            _LOG.warning("%s; not used", error)
    return None


def _is_good(artefact: Artefact, name: str) -> bool:
    loss = artefact.mpvpe_loss_mm
    good = loss is not None and loss <= LARGEST_LOSS_MM
    if not good:
        said = "never measured" if loss is None else f"{loss:.2f} mm"
        _LOG.warning("%s: not run in int8: the accuracy it loses: %s", name, said)
    return good


def open_model(folder: Path) -> tuple[Any, Artefact]:
    """The model in an artefact's folder.

    Raises:
        UserError: OpenVINO is missing; the folder is foreign, damaged or stale.
    """
    artefact = read_artefact(folder, BACKEND)
    check_versions(folder, artefact, _versions())  # NNCF need not be here to run what it made
    model = _core().read_model(folder / _MODEL_FILE)
    names = [port.get_any_name() for port in model.outputs[: len(PREDICTED)] if port.get_names()]
    if names != list(PREDICTED):
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
