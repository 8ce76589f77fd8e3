"""PyTorch as a backend: static buffers per batch size. What a CPU can tell of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import torch_backend
from lgnet_ros.inference.torch_backend import TorchBackend, captured
from lgnet_ros.inference.tracing import PREDICTED
from lgnet_ros.network import LGNet, LGNetConfig, normalize

SIZE = LGNetConfig.nano().input_size


def network() -> LGNet:
    torch.manual_seed(0)
    return LGNet(LGNetConfig.nano().without("lgblock"), HandModel.load()).eval()


@pytest.fixture(scope="module")
def backend() -> TorchBackend:
    return TorchBackend(network(), "cpu", "fp32")


def crops(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8), rng.uniform(120, 300, count)


def test_it_says_what_the_network_says(backend: TorchBackend) -> None:
    images, focal_px = crops(2)
    with torch.no_grad():
        expected = network()(normalize(torch.from_numpy(images)), torch.from_numpy(focal_px).float())
    answer = backend.infer(images, focal_px)
    assert tuple(answer) == PREDICTED
    for name in PREDICTED:
        np.testing.assert_allclose(answer[name], getattr(expected, name), atol=2e-5, err_msg=name)


def test_an_answer_is_not_overwritten_by_the_next(backend: TorchBackend) -> None:
    first = backend.infer(*crops(1, 1))["joints_25d"]
    kept = first.copy()
    second = backend.infer(*crops(1, 2))["joints_25d"]
    np.testing.assert_array_equal(first, kept)
    assert not np.array_equal(first, second)


def test_more_crops_than_the_largest_batch_are_answered_in_order(
    backend: TorchBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_backend, "_LARGEST_BATCH", 2)
    images, focal_px = crops(5)
    together = backend.infer(images, focal_px)["joints_25d"]
    alone = backend.infer(images[4:], focal_px[4:])["joints_25d"]
    assert len(together) == 5
    np.testing.assert_allclose(together[4], alone[0], atol=1e-4)


def test_in_bf16_layers_are_stored_so_and_answers_are_float32() -> None:
    reduced = TorchBackend(network(), "cpu", "bf16")
    answer = reduced.infer(*crops(1))
    assert all(values.dtype == np.float32 for values in answer.values())
    kinds = {parameter.dtype for parameter in reduced._network.backbone.parameters()}
    assert kinds == {torch.bfloat16}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_replayed_cuda_graph_says_what_the_cpu_says(precision: str, backend: TorchBackend) -> None:
    on_gpu = TorchBackend(network(), "cuda", precision)
    for seed in (1, 2):
        images, focal_px = crops(2, seed)
        expected, answer = backend.infer(images, focal_px), on_gpu.infer(images, focal_px)
        tolerance = 1e-4 if precision == "fp32" else 5e-3
        np.testing.assert_allclose(answer["vertices"], expected["vertices"], atol=tolerance)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_what_is_captured_is_run_again_at_each_replay() -> None:
    values, total = torch.ones(3, device="cuda"), torch.zeros(3, device="cuda")
    replay = captured(lambda: total.copy_(2 * values))
    values.fill_(5)
    replay()
    assert total.tolist() == [10, 10, 10]
