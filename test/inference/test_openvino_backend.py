"""OpenVINO against PyTorch, and the converted network on disk: made once, refused when it does not fit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("openvino")

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine, openvino_backend, save_weights
from lgnet_ros.inference.prediction import NetworkPrediction
from lgnet_ros.inference.weights import load_network
from lgnet_ros.network import LGNet, LGNetConfig

pytestmark = pytest.mark.slow  # one conversion, for all

SIZE = LGNetConfig.nano().input_size
FOCAL_PX = np.array([150.0, 300.0, 220.0])


@pytest.mark.parametrize("first", ["openvino_backend.openvino()", "quantization.versions()"])
def test_nobody_is_told_over_the_network_what_is_converted(first: str) -> None:
    if "quantization" in first:
        pytest.importorskip("nncf")
    code = f"from lgnet_ros.inference import openvino_backend, quantization; {first}"
    code += "; from openvino.tools.ovc import main; print(main.tm.__name__)"
    says = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert says.split()[-1] == "openvino.tools.ovc.telemetry_stub"


def small_network() -> LGNet:
    """Nano without its slowest parts to convert, with weights that leave no output at its initial value."""
    torch.manual_seed(3)
    config = replace(LGNetConfig.nano().without("lgblock"), centers=True, palms=True)
    network = LGNet(config, HandModel.load())
    with torch.no_grad():
        for tail in (network.refine_stage[0].tail[-1], network.refine_stage[1].tail[-1]):
            tail.weight.normal_(std=0.05)
        network.centers.head.weight.normal_()
        for _ in range(25):  # batch norms that fit their inputs, or nothing of an image comes through
            network.centers(torch.randn(2, 3, 96, 96))
    return network


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    save_weights(path, small_network(), "nano", "none", "Apache-2.0", storage="float32")
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("LGNET_BACKEND", raising=False)


@pytest.fixture(scope="module")
def folder(weights: Path, cache: Path) -> Path:
    """The converted network, where the engine keeps it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        Engine.load(weights, "cpu", backend="openvino")
    (folder,) = (cache / "lgnet_ros").iterdir()
    return folder


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy of the converted network that a test may spoil."""
    return Path(shutil.copytree(folder, tmp_path / "copy.openvino"))


@pytest.fixture
def no_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(network: LGNet) -> None:
        raise AssertionError("converted again")

    monkeypatch.setattr(openvino_backend, "converted", refuse)


def crops(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def rewrite(folder: Path, **changes: object) -> None:
    description = folder / "artefact.json"
    description.write_text(json.dumps({**json.loads(description.read_text()), **changes}))


def largest_difference(first: NetworkPrediction, second: NetworkPrediction) -> dict[str, float]:
    return {name: float(np.abs(value - getattr(second, name)).max()) for name, value in vars(first).items()}


def test_on_a_cpu_openvino_is_what_auto_stands_for(weights: Path, folder: Path, no_conversion: None) -> None:
    reduced = "bf16" if openvino_backend.has_bf16() else "fp32"
    assert Engine.load(weights, "cpu").backend.name == f"openvino-cpu-{reduced}"
    assert Engine.load(weights, "cpu", "fp32").backend.name == "openvino-cpu-fp32"
    assert Engine.load(weights, "cpu", backend="torch").backend.name == "torch-cpu-fp32"


@pytest.mark.parametrize("count", [1, 3])
def test_openvino_says_what_pytorch_says(
    weights: Path, folder: Path, count: int, no_conversion: None
) -> None:
    reference = Engine.load(weights, "cpu", backend="torch").infer(crops(count), FOCAL_PX[:count])
    prediction = Engine.load(weights, "cpu", "fp32").infer(crops(count), FOCAL_PX[:count])
    differences = largest_difference(prediction, reference)
    assert all(value.dtype == np.float32 for value in vars(prediction).values())
    assert differences.pop("rotations") < 2e-4
    assert max(differences.values()) < 2e-5, differences  # metres, cells, probabilities


@pytest.mark.parametrize(
    ("see", "size", "shape", "logits"),
    [
        (Engine.centers, (288, 384, 3), (6, 18, 24), np.s_[0]),
        (Engine.palms, (192, 192, 3), (2016, 6), np.s_[:, 0]),
    ],
)
def test_openvino_sees_in_whole_images_what_pytorch_sees(
    weights: Path,
    folder: Path,
    no_conversion: None,
    see: Callable[[Engine, np.ndarray], np.ndarray],
    size: tuple[int, int, int],
    shape: tuple[int, ...],
    logits: Any,
) -> None:
    image = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    reference = see(Engine.load(weights, "cpu", backend="torch"), image)
    seen = see(Engine.load(weights, "cpu", "fp32"), image)
    assert seen.shape == shape and seen.dtype == np.float32
    assert reference[logits].std() > 0.01
    for own, expected in ((seen, reference), (seen[logits], reference[logits])):
        np.testing.assert_allclose(own, expected, atol=1e-3 * np.abs(expected).max())


def test_batches_of_changing_size_are_answered_each_for_itself(
    weights: Path, folder: Path, no_conversion: None
) -> None:
    engine = Engine.load(weights, "cpu", "fp32")
    first = engine.infer(crops(3), FOCAL_PX)
    alone = engine.infer(crops(3)[1:2], FOCAL_PX[1:2])
    np.testing.assert_allclose(first.vertices[1], alone.vertices[0], atol=1e-5)
    assert first.vertices.shape[0] == 3


def test_bf16_stays_close_or_is_refused_where_the_cpu_lacks_it(
    weights: Path, folder: Path, no_conversion: None
) -> None:
    if not openvino_backend.has_bf16():
        with pytest.raises(UserError, match="bfloat16"):
            Engine.load(weights, "cpu", "bf16")
        return
    exact = Engine.load(weights, "cpu", "fp32").infer(crops(3), FOCAL_PX)
    reduced = Engine.load(weights, "cpu", "bf16").infer(crops(3), FOCAL_PX)
    assert 0 < np.abs(reduced.vertices - exact.vertices).mean() < 0.002
    assert np.abs(reduced.joints_25d - exact.joints_25d).max() < 0.25


def test_in_bf16_hands_are_posed_in_float32(weights: Path, folder: Path, no_conversion: None) -> None:
    if not openvino_backend.has_bf16():
        pytest.skip("this CPU has no bfloat16")
    prediction = Engine.load(weights, "cpu", "bf16").infer(crops(2), FOCAL_PX[:2])
    posed = HandModel.load().both(torch.from_numpy(prediction.rotations), torch.from_numpy(prediction.shape))
    rough = posed.vertices - posed.joints[..., :1, :]
    np.testing.assert_allclose(prediction.rough_vertices, rough.numpy(), atol=1e-5)
    regressor = torch.stack([HandModel.load().joint_regressor(side) for side in ("right", "left")])
    joints = regressor @ torch.from_numpy(prediction.vertices)
    np.testing.assert_allclose(prediction.joints, joints.numpy(), atol=1e-5)


def as_int8(folder: Path, weights: Path, loss_mm: float | None) -> Path:
    """What an export to int8 would leave beside the weights; the model itself is the float32 one."""
    beside = weights.with_name(f"{weights.stem}-int8.openvino")
    shutil.copytree(folder, beside)
    rewrite(beside, precision="int8", mpvpe_loss_mm=loss_mm)
    return beside


@pytest.fixture
def quantized(folder: Path, weights: Path) -> Iterator[Callable[[float | None], Path]]:
    made: list[Path] = []

    def make(loss_mm: float | None) -> Path:
        made.append(as_int8(folder, weights, loss_mm))
        return made[0]

    yield make
    shutil.rmtree(made[0])


def test_int8_runs_once_it_has_been_exported(
    weights: Path, quantized: Callable[[float | None], Path], no_conversion: None
) -> None:
    with pytest.raises(UserError, match=r"lgnet export .* --precision int8 --weights .*mine"):
        Engine.load(weights, "cpu", "int8")
    beside = quantized(None)
    assert Engine.load(weights, "cpu", "int8").backend.name == "openvino-cpu-int8"
    assert Engine.load(beside).backend.name == "openvino-cpu-int8"
    with pytest.raises(UserError, match="made for int8, does not run in fp32"):
        Engine.load(beside, precision="fp32")


@pytest.mark.parametrize(("loss_mm", "taken"), [(0.29, True), (0.31, False), (None, False)])
def test_without_bfloat16_auto_takes_int8_where_it_loses_next_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
    weights: Path,
    quantized: Callable[[float | None], Path],
    loss_mm: float | None,
    taken: bool,
    no_conversion: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(openvino_backend, "has_bf16", lambda: False)
    quantized(loss_mm)
    assert Engine.load(weights, "cpu").backend.name.endswith("int8") is taken
    assert ("not run in int8" in caplog.text) is not taken


def test_auto_says_in_one_line_why_it_runs_in_fp32(
    weights: Path,
    folder: Path,
    no_conversion: None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openvino_backend, "has_bf16", lambda: False)
    Engine.load(weights, "cpu")
    (line,) = caplog.messages
    assert "runs in fp32: this CPU has no bfloat16" in line


def test_the_exported_network_runs_without_its_weights(
    weights: Path, copy: Path, no_conversion: None
) -> None:
    engine, own = Engine.load(copy, precision="fp32"), Engine.load(weights, "cpu", "fp32")
    assert (engine.name, engine.trained, engine.input_size) == (own.name, True, SIZE)
    assert engine.info == own.info
    np.testing.assert_array_equal(
        engine.infer(crops(1), FOCAL_PX[:1]).vertices, own.infer(crops(1), FOCAL_PX[:1]).vertices
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 1}, "of format 1"),
        ({"backend": "onnx"}, "made for onnx"),
        ({"versions": {"openvino": "2020.1"}}, "stale: made with openvino 2020.1"),
        ({"code": "0" * 64}, "stale: made by another version of lgnet_ros"),
        ({"weights": {"nonsense": 1}}, "not ours"),
        ({"hand_model_sha256": "0" * 64}, "another hand model"),
        ({"files": {"sight.xml": "0" * 64}}, "damaged"),
        ({"files": None}, "damaged|not ours"),
    ],
)
def test_a_foreign_or_stale_artefact_is_refused_in_words(
    copy: Path, changes: dict[str, object], reason: str
) -> None:
    rewrite(copy, **changes)
    with pytest.raises(UserError, match=reason):
        Engine.load(copy)


def test_an_exported_network_runs_where_there_is_a_gpu(
    copy: Path, no_conversion: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert Engine.load(copy).backend.name.startswith("openvino-cpu-")


def test_a_disk_that_is_full_costs_the_copy_only(
    weights: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("Check failed\nbasic_ios::clear: iostream error")

    ready, _ = openvino_backend.open_models(folder)
    monkeypatch.setattr(openvino_backend, "converted", lambda network: ready)
    lone = Path(shutil.copy(weights, tmp_path / "lone.safetensors"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(openvino_backend.openvino(), "save_model", full)
    assert Engine.load(lone, "cpu").backend.name.startswith("openvino-cpu-")
    network, info = load_network(lone, HandModel.load())
    with pytest.raises(UserError, match="cannot be written .basic_ios::clear: iostream error"):
        openvino_backend.export_openvino(network, tmp_path / "mine.openvino", "mine", info)


def test_a_truncated_model_is_refused(copy: Path) -> None:
    model = copy / "sight.bin"
    model.write_bytes(model.read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged"):
        Engine.load(copy)


def test_a_folder_that_is_no_artefact_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.openvino").mkdir()
    with pytest.raises(UserError, match="no artefact"):
        Engine.load(tmp_path / "x.openvino")


@pytest.mark.parametrize("change", [{"fingerprint": "of other weights"}, {"versions": {"openvino": "0"}}])
def test_a_stale_cache_is_made_anew(
    weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    ready, _ = openvino_backend.open_models(folder)
    conversions: list[LGNet] = []
    monkeypatch.setattr(openvino_backend, "converted", lambda network: conversions.append(network) or ready)
    rewrite(folder, **change)
    Engine.load(weights, "cpu")
    assert len(conversions) == 1
    Engine.load(weights, "cpu")
    assert len(conversions) == 1
    assert list(folder.parent.iterdir()) == [folder]


def test_without_a_place_for_the_cache_it_runs_all_the_same(
    weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ready, _ = openvino_backend.open_models(folder)
    monkeypatch.setattr(openvino_backend, "converted", lambda network: ready)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert Engine.load(weights, "cpu").infer(crops(1), FOCAL_PX[:1]).presence.shape == (1, 2)


def test_a_home_that_may_not_be_looked_into_is_no_home(
    weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that runs as somebody else than its image thought, or as nobody."""
    ready, _ = openvino_backend.open_models(folder)
    monkeypatch.setattr(openvino_backend, "converted", lambda network: ready)
    monkeypatch.delenv("XDG_CACHE_HOME")
    for home in ("/proc/1/root/nowhere", "~"):
        monkeypatch.setattr("os.path.expanduser", lambda _, home=home: home)
        assert not openvino_backend.cache_directory().is_relative_to("~")
        assert Engine.load(weights, "cpu").backend.name.startswith("openvino-cpu-")


def test_a_cache_that_has_lost_its_description_is_made_anew(
    weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, _ = openvino_backend.open_models(folder)
    monkeypatch.setattr(openvino_backend, "converted", lambda network: ready)
    (folder / "artefact.json").unlink()
    Engine.load(weights, "cpu")
    assert openvino_backend.open_models(folder)


def test_the_environment_may_choose_the_backend(
    weights: Path, folder: Path, no_conversion: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LGNET_BACKEND", "torch")
    assert Engine.load(weights, "cpu").backend.name == "torch-cpu-fp32"
    monkeypatch.setenv("LGNET_BACKEND", "abacus")
    with pytest.raises(UserError, match="no backend 'abacus'"):
        Engine.load(weights, "cpu")


def test_openvino_on_a_gpu_is_refused(weights: Path) -> None:
    with pytest.raises(UserError, match="runs on the CPU"):
        Engine.load(weights, "cuda", backend="openvino")


def test_without_openvino_pytorch_runs(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_backend, "is_available", lambda: False)
    assert Engine.load(weights, "cpu").backend.name == "torch-cpu-fp32"


_LET_GO_ELSEWHERE = """
import signal, subprocess, sys, threading
import numpy as np
from lgnet_ros.inference import Engine

signal.signal(signal.SIGCHLD, lambda *_: None)
engines = [Engine.load(sys.argv[1], "cpu", backend="openvino")]
engine, size = engines[0], engines[0].input_size
engine.infer(np.zeros((1, size, size, 3), np.uint8), np.array([150.0]))
del engine
thread = threading.Thread(target=engines.clear)
thread.start()
thread.join()
subprocess.run(["true"], check=True)
"""


def test_a_signal_after_an_engine_was_let_go_on_another_thread_harms_nothing(
    weights: Path, folder: Path
) -> None:
    command = [sys.executable, "-c", _LET_GO_ELSEWHERE, str(weights)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
