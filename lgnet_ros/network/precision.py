"""Keeping metres and cells in float32 while the rest runs in bfloat16, here and in exported graphs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_exported: ContextVar[list[Tensor] | None] = ContextVar("exported", default=None)


def full_precision(like: Tensor) -> AbstractContextManager[object]:
    """Turns autocast off where it is on: bfloat16 resolves 1 mm in 0.25 m and a quarter of a pixel in 64.

    Inside `exporting`, matrix products are written out instead; else nothing is entered, so that an exported
    graph holds no trace of it.
    """
    device = like.device.type
    if _exported.get() is not None:
        return _WrittenOutProducts()
    if torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


def exact(values: Tensor) -> Tensor:
    """`values`, which say where to look and so have to stay in float32 in an exported graph too."""
    kept = _exported.get()
    if kept is not None:
        kept.append(values)
    return values


@contextlib.contextmanager
def exporting() -> Iterator[list[Tensor]]:
    """For the time of an export to a runtime that has one precision for a whole graph (OpenVINO).

    Such a runtime spares what lies between the last matrix product and an output. So products in
    `full_precision` are written out as multiplications and sums, and what `exact` was given is collected
    here, to become outputs beside the others.
    """
    kept: list[Tensor] = []
    token = _exported.set(kept)
    try:
        yield kept
    finally:
        _exported.reset(token)


class _WrittenOutProducts(TorchFunctionMode):
    """Matrix products as multiplications and sums."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (torch.matmul, Tensor.matmul, Tensor.__matmul__):
            return written_out_product(*args)
        return func(*args, **(kwargs or {}))


def written_out_product(left: Tensor, right: Tensor) -> Tensor:
    """(…,M,K) and (…,K,N) to (…,M,N), without a matrix product; the sums run along the longer rows."""
    if right.shape[-1] >= right.shape[-2]:
        return (left.unsqueeze(-1) * right.unsqueeze(-3)).sum(-2)  # (…,M,K,N)
    return (left.unsqueeze(-2) * right.transpose(-1, -2).unsqueeze(-3)).sum(-1)  # (…,M,N,K)
