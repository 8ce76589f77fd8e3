"""Which layers are calculated in 8 bits, and which are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino")

import openvino

from lgnet_ros.inference.openvino_runner import core
from lgnet_ros.inference.quantization import CalibrationCrops, exact_layers, quantized

SIZE = 16


def small_model() -> Any:
    """Crops to two convolutions, and to metres: the second's mean times the focal length, times three.

    What the first gives is an output too, "map".
    """
    from openvino import opset13

    rng = np.random.default_rng(0)
    crops = opset13.parameter([1, SIZE, SIZE, 3], np.uint8, name="crops")
    focal = opset13.parameter([1], np.float32, name="focal_px")
    values = opset13.transpose(opset13.convert(crops, np.float32), [0, 3, 1, 2], name="image")
    zero, one = [0, 0], [1, 1]
    image_map = None  # a second output, that need not be exact: what the first convolution gives
    for name, inputs, outputs in (("first", 3, 8), ("last", 8, 4)):
        weights = rng.normal(0, 0.1, (outputs, inputs, 3, 3)).astype(np.float32)
        product = opset13.convolution(values, weights, one, zero, zero, one, name=name)
        values = opset13.relu(product, name=f"{name}_relu")
        image_map = image_map or values
    pooled = opset13.reduce_mean(values, np.array([2, 3]), name="pooled")
    metres = opset13.multiply(opset13.multiply(pooled, focal, name="scaled"), np.float32(3), name="metres")
    results = [opset13.result(metres, name="result"), opset13.result(image_map, name="map")]
    model = openvino.Model(results, [crops, focal])
    for port, name in zip(
        [*model.inputs, *model.outputs], ["crops", "focal_px", "metres", "map"], strict=True
    ):
        port.get_tensor().set_names({name})
    return model


def calibration() -> CalibrationCrops:
    crops = np.random.default_rng(1).integers(0, 256, (8, SIZE, SIZE, 3), np.uint8)
    return CalibrationCrops(crops, np.full(8, 20.0, np.float32))


def test_what_follows_the_last_product_stays_exact_and_so_does_that_product() -> None:
    assert exact_layers(small_model(), ("metres",)) == {"last", "last_relu", "pooled", "scaled", "metres"}
    assert exact_layers(small_model(), ("map",)) == {"first", "first_relu"}


@pytest.mark.slow
def test_products_before_the_last_become_8_bit() -> None:
    pytest.importorskip("nncf")
    model, kept = small_model(), small_model()
    reduced = quantized(model, calibration(), ("metres",))

    def quantizes(name: str) -> bool:
        (node,) = (node for node in reduced.get_ops() if node.get_friendly_name() == name)
        weights = node.input(1).get_source_output().get_node()
        return weights.get_type_name() != "Constant"

    assert quantizes("first")
    assert not quantizes("last")
    inputs = [calibration().crops[:1], np.array([20.0], np.float32)]
    first, second = (core().compile_model(each, "CPU")(inputs)[0] for each in (kept, reduced))
    np.testing.assert_allclose(second, first, rtol=0.05, atol=0.05 * np.abs(first).max())
