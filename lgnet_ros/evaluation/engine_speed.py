"""How long one crop takes, for each variant, backend and precision; each in a process of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.quantizing import export_quantized, mesh_error_mm
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine, openvino_backend
from lgnet_ros.inference.backends import cpu_threads
from lgnet_ros.inference.engine import load_choice
from lgnet_ros.inference.tracing import PREDICTED
from lgnet_ros.interrupts import end_when_interrupted, withheld_from_children
from lgnet_ros.network import LGNet, normalize

PLAIN = "eager"
"""The yardstick's name in the table: the network as it is trained, in plain PyTorch."""

_WARM_UP, _LEAST, _MOST = 3, 10, 300


@dataclass(frozen=True)
class Case:
    """What is measured, and how long.

    variant: a variant, or other weights, as `Engine.load` takes them. backend: as `Engine.load` takes it, or
    `PLAIN`. crops: how many test crops the accuracy is taken from, if trained.
    """

    variant: str
    backend: str
    device: str
    precision: str
    seconds: float = 6.0
    crops: int = 64


def cases(variants: tuple[str, ...], seconds: float, crops: int) -> list[Case]:
    """Everything that can run here; of each variant, the network as it is first: the others' yardstick."""
    ways = {(PLAIN, "cpu"): ("fp32",), ("torch", "cpu"): ("fp32", "bf16")}
    if openvino_backend.is_available():
        ways["openvino", "cpu"] = ("fp32", "bf16", "int8")
    if torch.cuda.is_available():
        ways |= {(PLAIN, "cuda"): ("fp32",), ("torch", "cuda"): ("fp32", "bf16", "fp16")}
    return [
        Case(variant, backend, device, precision, seconds, crops)
        for variant in variants
        for (backend, device), precisions in ways.items()
        for precision in precisions
    ]


class _Plain:
    """The network as it is trained, eager, in float32. See `Backend`."""

    def __init__(self, network: LGNet, device: str) -> None:
        self.name = f"{PLAIN}-{device}-fp32"
        self._network, self._device = network.to(device), device

    @torch.inference_mode()
    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        images = normalize(torch.from_numpy(crops).to(self._device))
        output = self._network(images, torch.from_numpy(focal_px).to(self._device))
        return {name: getattr(output, name).cpu().numpy() for name in PREDICTED}


def measure_in_own_process(case: Case, resident_mb: Callable[[], float]) -> dict[str, Any]:
    """`measure`, where no other engine's memory is counted.

    A network that has never been converted or quantized is so in a process before, whose memory is not
    counted either.
    """
    if case.backend == "openvino":
        with contextlib.suppress(BrokenProcessPool):  # a crash in foreign code leaves nothing to measure
            _apart(prepare, case)
    return _apart(measure, case, resident_mb)


def prepare(case: Case) -> None:
    """Load the engine for what loading leaves on disk. Why one cannot be loaded, `measure` says."""
    with contextlib.suppress(UserError):
        if case.precision == "int8":
            _quantize(case)
        _load(case)


def measure(case: Case, resident_mb: Callable[[], float]) -> dict[str, Any]:
    """One row of `lgnet bench`: latency of one crop, memory, and the mesh error on test crops if trained.

    `resident_mb`: what this process holds in memory.
    """
    row = {"variant": case.variant, "backend": case.backend, "device": case.device}
    row["precision"] = case.precision
    started = time.perf_counter()
    try:
        engine = _load(case)
    except UserError as error:
        return {**row, "not_measured": str(error)}
    loaded = time.perf_counter() - started
    times_ms = _latencies_ms(engine, case.seconds)
    p50, p95, p99 = (round(float(np.percentile(times_ms, percent)), 2) for percent in (50, 95, 99))
    return {
        **row,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "fps": round(1e3 / p50, 1),
        "runs": len(times_ms),
        "load_s": round(loaded, 1),
        "rss_mb": round(resident_mb()),
        "trained": engine.trained,
        "mpvpe_mm": mesh_error_mm(engine, case.crops) if engine.trained and case.crops else None,
    }


def with_losses(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with what each loses against the plain network: mesh error, mm, and times as fast."""
    plain = {row["variant"]: row for row in rows if _is_plain(row) and "p50_ms" in row}
    return [_compared(row, plain.get(row["variant"])) for row in rows]


def _compared(row: dict[str, Any], plain: dict[str, Any] | None) -> dict[str, Any]:
    if "p50_ms" not in row or plain is None:
        return {**row, "mpvpe_loss_mm": None, "speedup": None}
    errors = (row["mpvpe_mm"], plain["mpvpe_mm"])
    loss = None if None in errors else round(errors[0] - errors[1], 3)
    return {**row, "mpvpe_loss_mm": loss, "speedup": round(plain["p50_ms"] / row["p50_ms"], 2)}


def _is_plain(row: dict[str, Any]) -> bool:
    return (row["backend"], row["device"]) == (PLAIN, "cpu")


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=end_when_interrupted) as pool:
        with withheld_from_children():
            result = pool.submit(function, *arguments)
        return result.result()


def _load(case: Case) -> Engine:
    if case.backend != PLAIN:
        return Engine.load(case.variant, case.device, case.precision, backend=case.backend)
    network, name, info, _ = load_choice(case.variant, HandModel.load())
    torch.set_num_threads(cpu_threads())
    return Engine(_Plain(network, case.device), network.config, network.hand_model, name, info)


def _quantize(case: Case) -> None:
    """Into the cache, unless that has been done."""
    network, name, info, weights = load_choice(case.variant, HandModel.load())
    places = openvino_backend.artefact_places(name, weights, "int8")
    if openvino_backend.ready(network, places) is None:
        export_quantized(network, places[-1], name, info, weights, loss_crops=case.crops)


def _latencies_ms(engine: Engine, seconds: float) -> list[float]:
    size = engine.input_size
    crop = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    focal_px = np.array([1.2 * size], dtype=np.float32)
    times_ms: list[float] = []
    for _ in range(_WARM_UP):
        engine.infer(crop, focal_px)
    end = time.perf_counter() + seconds
    while len(times_ms) < _MOST and (time.perf_counter() < end or len(times_ms) < _LEAST):
        started = time.perf_counter()
        engine.infer(crop, focal_px)
        times_ms.append(1e3 * (time.perf_counter() - started))
    return times_ms
