"""The engine seen from the pipeline: crops in, arrays out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lgnet_ros.errors import UserError
from lgnet_ros.inference import Engine, save_weights
from lgnet_ros.network import LGNet, LGNetConfig, normalize

SIZE = LGNetConfig.nano().input_size
SHAPES = {
    "presence": (2,), "joints_25d": (2, 21, 3), "joints_25d_std": (2, 21, 3), "rotations": (2, 16, 3, 3),
    "shape": (2, 10), "camera_translation": (2, 3), "rough_vertices": (2, 778, 3), "vertices": (2, 778, 3),
    "rough_joints": (2, 21, 3), "joints": (2, 21, 3), "relative_translation": (3,),
}  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lgnet_ros.hand_model import HandModel

    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    save_weights(
        path, LGNet(LGNetConfig.nano(), HandModel.load()), "nano", "none", "Apache-2.0", storage="float32"
    )
    return path


@pytest.fixture(scope="module")
def engine(weights: Path) -> Engine:
    return Engine.load(weights, device="cpu", precision="fp32")


def crops(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def test_answers_have_the_documented_shapes_and_are_float32(engine: Engine) -> None:
    prediction = engine.infer(crops(3), np.full(3, 150.0))
    for name, shape in SHAPES.items():
        array = getattr(prediction, name)
        assert array.shape == (3, *shape), name
        assert array.dtype == np.float32, name
        assert np.isfinite(array).all(), name
    assert ((prediction.presence > 0) & (prediction.presence < 1)).all()


def test_the_engine_says_what_the_network_says(engine: Engine, weights: Path) -> None:
    from lgnet_ros.hand_model import HandModel
    from lgnet_ros.inference import load_network

    network, _ = load_network(weights, HandModel.load())
    with torch.inference_mode():
        output = network(normalize(torch.from_numpy(crops(2))), torch.tensor([150.0, 300.0]))
    prediction = engine.infer(crops(2), np.array([150.0, 300.0]))
    np.testing.assert_allclose(prediction.vertices, output.vertices.numpy(), atol=1e-5)
    np.testing.assert_allclose(prediction.presence, output.presence_logits.sigmoid().numpy(), atol=1e-5)


def test_a_crop_is_answered_the_same_alone_and_in_a_batch(engine: Engine) -> None:
    together = engine.infer(crops(4), np.full(4, 150.0))
    alone = engine.infer(crops(4)[2:3], np.full(1, 150.0))
    np.testing.assert_allclose(together.vertices[2], alone.vertices[0], atol=1e-5)


def test_bf16_stays_close_to_fp32(engine: Engine, weights: Path) -> None:
    reduced = Engine.load(weights, device="cpu", precision="bf16").infer(crops(2), np.full(2, 150.0))
    exact = engine.infer(crops(2), np.full(2, 150.0))
    assert np.abs(reduced.vertices - exact.vertices).mean() < 0.002


def test_names_say_variant_weights_and_hand_model(engine: Engine) -> None:
    assert engine.name == "lgnet-nano/mine/open_hand"
    assert engine.trained
    assert engine.input_size == SIZE


def test_without_weights_the_network_is_the_same_every_time_and_says_that_it_is_untrained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "manifest.yaml").write_text("default: nano\nweights: {}\n")
    monkeypatch.setattr("lgnet_ros.inference.manifest.weights_directory", lambda: tmp_path)
    state = torch.random.get_rng_state()
    first, second = Engine.load(), Engine.load("nano")
    assert not first.trained
    assert first.name == "lgnet-nano/untrained/open_hand"
    assert torch.equal(state, torch.random.get_rng_state())
    black = np.zeros((1, SIZE, SIZE, 3), dtype=np.uint8)
    focal = np.array([150.0])
    np.testing.assert_array_equal(first.infer(black, focal).vertices, second.infer(black, focal).vertices)


def test_crops_of_another_size_are_an_error(engine: Engine) -> None:
    with pytest.raises(ValueError, match=str(SIZE)):
        engine.infer(np.zeros((1, 256, 256, 3), dtype=np.uint8), np.array([100.0]))
    with pytest.raises(ValueError, match="uint8"):
        engine.infer(np.zeros((1, SIZE, SIZE, 3), dtype=np.float32), np.array([100.0]))


@pytest.mark.parametrize(("device", "precision"), [("tpu", "auto"), ("cpu", "int4")])
def test_unknown_devices_and_precisions_are_refused(weights: Path, device: str, precision: str) -> None:
    with pytest.raises(UserError, match="there are"):
        Engine.load(weights, device, precision)


@pytest.mark.parametrize(
    ("backend", "precision", "where"), [("torch", "int8", "OpenVINO on a CPU"), ("auto", "fp16", "CUDA only")]
)
def test_precisions_that_do_not_run_here_are_refused_with_those_that_do(
    weights: Path, backend: str, precision: str, where: str
) -> None:
    with pytest.raises(UserError, match=f"{where}.* there are fp32, bf16"):
        Engine.load(weights, "cpu", precision, backend=backend)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_cuda_without_a_gpu_is_refused_in_words(weights: Path) -> None:
    with pytest.raises(UserError, match="no CUDA GPU"):
        Engine.load(weights, "cuda")
