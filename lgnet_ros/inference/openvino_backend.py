"""LGNet converted for OpenVINO: several times faster than PyTorch on a CPU.

The network is converted once; the result lies beside the weights (`lgnet export`) or in the user's cache, and
is converted anew when it no longer fits the weights, the code or the installed OpenVINO. fp32 and bf16 run
from one conversion. An 8-bit network is made by `lgnet export --precision int8` only, for it is calibrated on
images.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lgnet_ros.errors import UserError
from lgnet_ros.foreign import openvino
from lgnet_ros.inference import quantization
from lgnet_ros.inference.artefacts import (
    Artefact,
    check_versions,
    fingerprint,
    read_artefact,
    require_replaceable,
    write_artefact,
)
from lgnet_ros.inference.lean import EXACT, SEEN, is_lean
from lgnet_ros.inference.openvino_runner import core, has_bf16
from lgnet_ros.inference.quantization import CalibrationCrops, quantized
from lgnet_ros.inference.tracing import CENTERS, PALMS, REFINEMENT, SIGHT, Traced, traced
from lgnet_ros.inference.weights import WeightsInfo
from lgnet_ros.network import LGNet

BACKEND = "openvino"
SUFFIX = ".openvino"
"""Of an artefact's folder: `nano.openvino` beside `nano.safetensors`."""

LARGEST_LOSS_MM = 0.3
"""Mean vertex error by which an 8-bit network may be worse than fp32, for "auto" to take it."""

_LOG = logging.getLogger(__name__)


def is_available() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


def converted(network: LGNet) -> dict[str, Any]:
    """The parts of the network's lean form as openvino.Models in float32, for one crop at a time.

    Raises:
        UserError: it has no lean form.
    """
    if not is_lean(network.config):
        raise UserError("OpenVINO runs no network without a joint stage or a mesh stage: use backend 'torch'")
    return {part: _converted(recorded) for part, recorded in traced(network).items()}


def _converted(recorded: Traced) -> Any:
    shapes = [tuple(part.shape) for part in recorded.example]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own deprecations
        model = openvino().convert_model(recorded.graph, example_input=recorded.example, input=shapes)
    ports, names = [*model.inputs, *model.outputs], [*recorded.inputs, *recorded.outputs]
    for port, name in zip(ports, names, strict=True):
        port.get_tensor().set_names({name})
    return model


def export_openvino(network: LGNet, folder: Path, name: str, info: WeightsInfo | None) -> Artefact:
    """Convert into an artefact's folder.

    Raises:
        UserError: OpenVINO is missing; the folder cannot be written, or holds something else.
    """
    require_replaceable(folder)
    return _save(converted(network), network, folder, name, info)


def export_int8(
    network: LGNet,
    folder: Path,
    name: str,
    info: WeightsInfo | None,
    weights: Path | None,
    calibration: CalibrationCrops,
    loss_mm: Callable[[dict[str, Any], dict[str, Any]], float | None],
) -> Artefact:
    """Convert, quantize, and write into an artefact's folder.

    Args:
        network, name, info, weights: as `load_model` takes them.
        folder: where to.
        calibration: crops that the network will meet; a few hundred.
        loss_mm: of the float32 models and the quantized ones: the mean vertex error that the latter lose, mm,
            or None; goes into the artefact.

    Raises:
        UserError: OpenVINO or NNCF is missing; the folder cannot be written, or holds something else.
    """
    require_replaceable(folder)
    versions = {**_versions(), **quantization.versions()}
    plain, _ = load_model(network, name, info, weights, "fp32")
    models = {**plain, SIGHT: quantized(plain[SIGHT], calibration, SEEN, EXACT)}
    loss = loss_mm(plain, models)
    return write_artefact(
        folder, BACKEND, network, name, info, versions, partial(_write, models), "int8", loss
    )


def load_model(
    network: LGNet, name: str, info: WeightsInfo | None, weights: Path | None, precision: str
) -> tuple[dict[str, Any], str]:
    """The parts of the converted network and the precision to run them in.

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
            _LOG.warning(
                "%s runs in fp32: this CPU has no bfloat16; if it has VNNI, 8 bits are faster "
                "(lgnet export --backend openvino --precision int8)",
                name,
            )
    places = artefact_places(name, weights, precision)
    found = ready(network, places)
    if found is not None:
        return found[0], precision
    _LOG.warning("converting %s for OpenVINO; only the first start waits for that", name)
    models = converted(network)
    try:
        _save(models, network, places[-1], name, info)
    except UserError as error:
        _LOG.warning("%s: the next start converts again; XDG_CACHE_HOME names another place", error)
    return models, precision


def artefact_places(name: str, weights: Path | None, precision: str) -> list[Path]:
    """Where a converted network may lie: beside its weights, then in the cache."""
    suffix = f"-int8{SUFFIX}" if precision == "int8" else SUFFIX
    place = "" if weights is None else str(weights.resolve())
    key = hashlib.sha256(place.encode()).hexdigest()[:8]  # new weights at the same place replace the old
    cached = cache_directory() / f"{name.replace('/', '-')}-{key}{suffix}"
    return [cached] if weights is None else [weights.with_name(weights.stem + suffix), cached]


def ready(network: LGNet, places: list[Path]) -> tuple[dict[str, Any], Artefact] | None:
    """The first artefact at these places that was made from this network; None without one."""
    for folder in (place for place in places if os.path.exists(place)):
        try:
            models, artefact = open_models(folder)
            if artefact.fingerprint == fingerprint(network):
                return models, artefact
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


def open_models(folder: Path) -> tuple[dict[str, Any], Artefact]:
    """The parts of the network in an artefact's folder.

    Raises:
        UserError: OpenVINO is missing; the folder is foreign, damaged or stale.
    """
    artefact = read_artefact(folder, BACKEND)
    check_versions(folder, artefact, _versions())  # NNCF need not be here to run what it made
    parts = [part for part in (SIGHT, REFINEMENT, CENTERS, PALMS) if f"{part}.xml" in artefact.files]
    try:
        models = {part: core().read_model(folder / f"{part}.xml") for part in parts}
    except RuntimeError as error:  # another process has put a newer one in its place since, say
        reason = str(error).splitlines()[-1]
        raise UserError(f"{folder}: damaged (OpenVINO cannot read it: {reason}); export anew") from None
    named = [port.get_any_name() for part in models.values() for port in part.outputs if port.get_names()]
    if not set(SEEN) <= set(named):
        raise UserError(f"{folder}: foreign: its outputs are not those of LGNet; export anew")
    return models, artefact


def cache_directory() -> Path:
    """Where converted networks are kept: $XDG_CACHE_HOME/lgnet_ros, else ~/.cache/lgnet_ros. For a user who
    has no home, a place in which nothing can be kept.
    """
    home = os.path.expanduser("~")
    usual = Path(home if os.path.isabs(home) else os.devnull) / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or usual) / "lgnet_ros"


def _save(
    models: dict[str, Any], network: LGNet, folder: Path, name: str, info: WeightsInfo | None
) -> Artefact:
    return write_artefact(folder, BACKEND, network, name, info, _versions(), partial(_write, models))


def _write(models: dict[str, Any], part: Path) -> None:
    for name, model in models.items():
        try:
            openvino().save_model(model, part / f"{name}.xml", compress_to_fp16=False)
        except RuntimeError as error:  # of a full disk, say
            raise OSError(errno.EIO, str(error).splitlines()[-1]) from None


def _versions() -> dict[str, str]:
    return {"openvino": str(openvino().__version__)}
