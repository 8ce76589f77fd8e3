"""What stays in float32 while the rest is calculated in bfloat16."""

from __future__ import annotations

from contextlib import nullcontext

import torch

from lgnet_ros.network.precision import full_precision


def product_type(region: bool) -> torch.dtype:
    values = torch.ones(2, 2)
    with full_precision(values) if region else nullcontext():
        return (values @ values).dtype


def test_autocast_is_off_in_full_precision_and_only_there() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert product_type(region=False) == torch.bfloat16
        assert product_type(region=True) == torch.float32
        assert product_type(region=False) == torch.bfloat16


def test_without_autocast_nothing_is_entered() -> None:
    assert isinstance(full_precision(torch.ones(1)), nullcontext)
