"""LGNet running on OpenVINO: two compiled networks, and compiled loops that pose the hands between them."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.foreign import openvino
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.posing import HandPoser, projected, sample_into
from lgnet_ros.inference.tracing import CENTERS, INPUTS, PALMS, PREDICTED, REFINEMENT, SIGHT
from lgnet_ros.network.units import DECIMETRE

_PRECISIONS = ("fp32", "bf16", "int8")


class OpenVinoBackend:
    """A converted network, compiled for this CPU twice. See `Backend`.

    One crop has all threads: soonest done. Of several, each has a core to itself, as many at a time as there
    are: what cores cost each other by waiting is a third of the time of one crop on two of them. Shapes are
    known at compile time, and a new batch size needs no warming up.

    bf16: products, convolutions and attention in bfloat16; what lies between the last of them and the
    outputs stays in float32, and so does all that concerns the hand model. int8: a quantized model, the rest
    of it as in bf16 where the CPU has that.
    """

    def __init__(self, models: dict[str, Any], hand_model: HandModel, precision: str, threads: int) -> None:
        """
        Args:
            models: `SIGHT`, `REFINEMENT` if the network refines, `CENTERS` and `PALMS` if it knows them:
                openvino.Models with named inputs and outputs, see `tracing.traced`.
            hand_model: what the network was made for.
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
        models, poser = dict(models), HandPoser(hand_model)
        searching = {part: models.pop(part) for part in (CENTERS, PALMS) if part in models}
        compiled = _compiled(searching, compile_options(precision, threads, 1))
        self._search = {name: _Request(part) for name, part in compiled.items()}
        (self._on_all_cores,) = _lanes(models, poser, precision, threads, 1)
        self._side_by_side = _lanes(models, poser, precision, threads, threads) if threads > 1 else []
        self._pool = ThreadPoolExecutor(max(len(self._side_by_side), 1), "crop")

    def infer(self, crops: np.ndarray, focal_px: np.ndarray) -> dict[str, np.ndarray]:
        """See `Backend.infer`."""
        rows: list[dict[str, np.ndarray]] = []
        lanes = self._side_by_side
        while len(crops) - len(rows) > 1 and lanes:
            now = slice(len(rows), len(rows) + len(lanes))
            rows += self._pool.map(_Lane.infer, lanes, crops[now], focal_px[now])
        rest = slice(len(rows), None)
        rows += map(self._on_all_cores.infer, crops[rest], focal_px[rest])
        return {name: np.stack([row[name] for row in rows]) for name in PREDICTED}

    def centers(self, image: np.ndarray) -> np.ndarray:
        """See `Backend.centers`."""
        return self._searched(CENTERS, image)["maps"][0].copy()

    def palms(self, image: np.ndarray) -> np.ndarray:
        """See `Backend.palms`."""
        return self._searched(PALMS, image)["hands"][0].copy()

    def _searched(self, part: str, image: np.ndarray) -> dict[str, np.ndarray]:
        request = self._search[part]
        request.inputs["image"][0] = image
        request.run()
        return request.outputs


def _lanes(models: dict[str, Any], poser: HandPoser, precision: str, threads: int, count: int) -> list[_Lane]:
    """So many crops at a time, on so many threads together."""
    compiled = _compiled(models, compile_options(precision, threads, count))
    return [_Lane({name: _Request(part) for name, part in compiled.items()}, poser) for _ in range(count)]


def _compiled(models: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {name: core().compile_model(model, "CPU", options) for name, model in models.items()}


def compile_options(precision: str, threads: int, streams: int) -> dict[str, Any]:
    """How this package has OpenVINO run a network on the CPU: so many requests at a time."""
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if precision != "fp32" and has_bf16() else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
        # Of two streams on two cores each is tied to one: Linux at times puts both on the same, and one crop
        # waits for the other. Where there is more room, threads that are tied only wait for what runs there.
        "ENABLE_CPU_PINNING": streams == 2,
    }


class _Lane:
    """Takes one crop after the other through the whole network."""

    def __init__(self, requests: dict[str, _Request], poser: HandPoser) -> None:
        self._sight, self._refinement = requests[SIGHT], requests.get(REFINEMENT)
        self._poser = poser

    def infer(self, crop: np.ndarray, focal_px: np.float32) -> dict[str, np.ndarray]:
        """`PREDICTED` of one crop, in arrays of their own."""
        crops, focals = (self._sight.inputs[name] for name in INPUTS)
        crops[0], focals[0] = crop, focal_px
        self._sight.run()
        seen = self._sight.outputs
        rotations, rough = self._poser.pose(seen["sixd"], seen["shape"])
        rough_joints = self._poser.joints(rough)
        answer = {name: seen[name].copy() for name in PREDICTED if name in seen}  # the next crop writes there
        answer |= {"rotations": rotations, "rough_vertices": rough, "rough_joints": rough_joints}
        if self._refinement is None:
            return answer | {"vertices": rough, "joints": rough_joints}
        pixels = projected(rough, seen["camera_translation"], focal_px, crop.shape[0])
        vertices = rough + self._offsets(rough, pixels, crop.shape[0])
        return answer | {"vertices": vertices, "joints": self._poser.joints(vertices)}

    def _offsets(self, rough: np.ndarray, pixels: np.ndarray, size_px: int) -> np.ndarray:
        seen, shown = self._sight.outputs, self._refinement.inputs
        stem, layer1, cells = (_as_maps(seen[name]) for name in ("stem", "layer1", "cells"))
        ends = np.cumsum([stem.shape[-1], layer1.shape[-1]])
        of_stem, of_layer1, places = np.split(shown["found"], ends, axis=-1)
        sample_into(of_stem, stem, pixels, size_px)
        sample_into(of_layer1, layer1, pixels, size_px)
        np.divide(rough, np.float32(DECIMETRE), out=places)
        sample_into(shown["start"], cells, pixels, size_px, seen["start"])
        self._refinement.run()
        return self._refinement.outputs["offsets"]


class _Request:
    """Runs a compiled network on arrays of its own for inputs and outputs, by name: nothing is copied."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        tensor = openvino().Tensor
        self.inputs = {port.get_any_name(): _array(port) for port in compiled.inputs}
        self.outputs = {port.get_any_name(): _array(port) for port in compiled.outputs}
        for ports, arrays in ((compiled.inputs, self.inputs), (compiled.outputs, self.outputs)):
            for port in ports:
                self._request.set_tensor(port, tensor(arrays[port.get_any_name()], shared_memory=True))

    def run(self) -> None:
        """From `inputs` to `outputs`."""
        self._request.infer()


def has_bf16() -> bool:
    """Whether this CPU calculates in bfloat16."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def core() -> Any:
    """One for the life of the process.

    Its CPU plugin gives the thread that first compiles a signal stack (for AMX) and takes the memory away
    when the last model goes, on whichever thread that happens: the next signal would end the process.
    """
    return openvino().Core()


def _array(port: Any) -> np.ndarray:
    return np.zeros(tuple(port.get_shape()), dtype=port.get_element_type().to_dtype())


def _as_maps(rows: np.ndarray) -> np.ndarray:
    """(K,S·S,C) to (K,S,S,C)."""
    side = math.isqrt(rows.shape[1])
    return rows.reshape(len(rows), side, side, -1)
