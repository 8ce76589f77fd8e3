"""What stays in float32 when a network is exported to a runtime that has one precision for all of it."""

from __future__ import annotations

import contextlib

import pytest
import torch

from lgnet_ros.hand_model import HandModel
from lgnet_ros.network import LGNet, LGNetConfig
from lgnet_ros.network.precision import exact, exporting, full_precision, written_out_product


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2, 145), (145, 30)),
        ((2, 21, 78), (4, 2, 78, 3)),
        ((4, 5, 3, 3), (4, 5, 3, 1)),
        ((1, 12, 16), (16, 70)),
    ],
)
def test_a_written_out_product_is_the_product(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    first, second = torch.randn(left), torch.randn(right)
    torch.testing.assert_close(written_out_product(first, second), first @ second, atol=1e-5, rtol=1e-5)


def test_products_are_written_out_only_in_full_precision_and_only_for_an_export() -> None:
    first, second = torch.ones(2, 3), torch.ones(3, 2)
    calls: list[object] = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            calls.append(func)
            return func(*args, **(kwargs or {}))

    def products(export: bool, region: bool) -> int:
        calls.clear()
        with contextlib.ExitStack() as inside:
            inside.enter_context(Watch())
            if export:
                inside.enter_context(exporting())
            if region:
                inside.enter_context(full_precision(first))
            assert (first @ second).tolist() == [[3, 3], [3, 3]]
        return sum(getattr(func, "__name__", "") in ("matmul", "__matmul__") for func in calls)

    assert products(export=False, region=True) == products(export=True, region=False) == 1
    assert products(export=True, region=True) == 0


def test_the_exported_form_says_the_same_and_hands_out_what_has_to_stay_exact() -> None:
    torch.manual_seed(0)
    network = LGNet(LGNetConfig.nano(), HandModel.load()).eval()
    images, focal_px = torch.randn(1, 3, 128, 128), torch.tensor([150.0])
    with torch.no_grad():
        plain = network(images, focal_px)
        with exporting() as kept:
            written = network(images, focal_px)
    for name, value in plain._asdict().items():
        torch.testing.assert_close(getattr(written, name), value, atol=1e-5, rtol=1e-5, msg=name)
    # Of each hand: weights of the joint features and of the vertices' cells; of both: where stem and layer1
    # are looked at.
    assert len(kept) == 6
    assert all(part.dtype == torch.float32 for part in kept)


def test_outside_an_export_nothing_is_kept() -> None:
    values = torch.ones(2)
    assert exact(values) is values
    with exporting() as kept:
        exact(values)
    exact(values)
    assert len(kept) == 1
