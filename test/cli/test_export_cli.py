"""`lgnet export`: what it writes, and what it refuses. The conversion itself: test_openvino_backend."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lgnet_ros.cli.main import main
from lgnet_ros.evaluation import quantizing
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine, openvino_backend, quantization, save_weights
from lgnet_ros.inference.lean import SEEN
from lgnet_ros.inference.openvino_runner import core
from lgnet_ros.inference.quantization import CalibrationCrops
from lgnet_ros.inference.tracing import INPUTS, SIGHT
from lgnet_ros.network import LGNet, LGNetConfig


@pytest.fixture(scope="module")
def network() -> LGNet:
    torch.manual_seed(3)
    return LGNet(LGNetConfig.nano().without("lgblock"), HandModel.load())


@pytest.fixture
def weights(tmp_path: Path, network: LGNet) -> Path:
    path = tmp_path / "mine.safetensors"
    save_weights(path, network, "nano", "none", "Apache-2.0", storage="float32")
    return path


@pytest.fixture
def quick_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with the right inputs and outputs instead of half a minute's conversion."""
    openvino = pytest.importorskip("openvino")
    from openvino import opset13

    def stand_in(network: LGNet) -> dict[str, Any]:
        crops = opset13.parameter([1, 128, 128, 3], np.uint8)
        focal = opset13.parameter([1], np.float32)
        results = [opset13.result(opset13.relu(focal)) for _ in SEEN]
        model = openvino.Model(results, [crops, focal])
        for port, name in zip([*model.inputs, *model.outputs], [*INPUTS, *SEEN], strict=True):
            port.get_tensor().set_names({name})
        return {SIGHT: model}

    monkeypatch.setattr(openvino_backend, "converted", stand_in)


def test_the_artefact_lies_beside_the_weights_with_versions_and_checksums(
    weights: Path, quick_conversion: None, capsys: pytest.CaptureFixture[str]
) -> None:
    import openvino

    assert main(["export", "--backend", "openvino", "--weights", str(weights), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    folder = weights.with_name("mine.openvino")
    assert report["folder"] == str(folder)
    assert report["versions"] == {"openvino": openvino.__version__}
    assert report["hand_model_sha256"] == HandModel.load().sha256
    assert report["weights"]["variant"] == "nano"
    assert set(report["files"]) == {"sight.xml", "sight.bin"}
    for name, sha256 in report["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
    assert {path.name for path in weights.parent.iterdir()} == {"mine.safetensors", "mine.openvino"}


def test_the_engine_takes_what_was_exported_beside_the_weights_until_they_change(
    weights: Path,
    network: LGNet,
    quick_conversion: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["export", "--backend", "openvino", "--weights", str(weights)]) == 0
    Engine.load(weights, "cpu", backend="openvino")
    assert not (tmp_path / "cache").exists()
    with torch.no_grad():
        network.presence[0].bias.add_(1.0)
    save_weights(weights, network, "nano", "none", "Apache-2.0", storage="float32")
    Engine.load(weights, "cpu", backend="openvino")
    assert "mine.openvino: stale: made from other weights" in caplog.text
    assert (tmp_path / "cache" / "lgnet_ros").is_dir()


def test_exporting_again_replaces_what_was_there(weights: Path, quick_conversion: None) -> None:
    folder = weights.with_name("mine.openvino")
    for _ in range(2):
        assert main(["export", "--backend", "openvino", "--weights", str(weights)]) == 0
        (folder / "artefact.json").chmod(0o600)
    assert {path.name for path in folder.iterdir()} == {"sight.xml", "sight.bin", "artefact.json"}
    assert {path.name for path in weights.parent.iterdir()} == {"mine.safetensors", "mine.openvino"}


def test_an_int8_artefact_says_how_much_it_loses_and_lies_beside_the_others(
    weights: Path,
    quick_conversion: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seen: list[CalibrationCrops] = []
    errors = {"fp32": 20.0, "int8": 20.125}

    def stand_in(model: Any, calibration: CalibrationCrops, *names: tuple[str, ...]) -> Any:
        seen.append(calibration)
        return model

    def error_mm(engine: Engine, count: int, split: str) -> float:
        assert split == "validation"
        return errors[engine.backend.name.rsplit("-", 1)[1]]

    monkeypatch.setattr(openvino_backend, "quantized", stand_in)
    monkeypatch.setattr(quantization, "versions", lambda: {"nncf": "3"})
    monkeypatch.setattr(quantizing, "mesh_error_mm", error_mm)
    command = ["export", "--backend", "openvino", "--precision", "int8", "--crops", "3"]
    assert main([*command, "--weights", str(weights), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["folder"] == str(weights.with_name("mine-int8.openvino"))
    assert (report["precision"], report["mpvpe_loss_mm"]) == ("int8", 0.125)
    assert set(report["versions"]) == {"openvino", "nncf"}
    assert seen[0].crops.shape == (3, 192, 192, 3) and seen[0].crops.dtype == np.uint8
    assert seen[0].focal_px.shape == (3,) and (seen[0].focal_px > 0).all()


def test_int8_is_for_openvino_and_without_nncf_says_what_to_install(
    weights: Path,
    quick_conversion: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["export", "--weights", str(weights), "--precision", "int8", "--crops", "1"]
    assert main([*command, "--backend", "onnx"]) == 2
    assert "--backend openvino only" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "nncf", None)
    assert main([*command, "--backend", "openvino"]) == 2
    assert "pip install nncf" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--weights", "nowhere.safetensors"], "no such weights file"),
        (["--out", "somewhere"], "ends in .openvino"),
        (["--weights", "nano", "--out", "{tmp}/full.openvino"], "holds something else"),
        (["--weights", "nano", "--out", "{tmp}/file/x.openvino"], "cannot be written"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    quick_conversion: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "full.openvino").mkdir()
    (tmp_path / "file").write_text("")
    given = [argument.replace("{tmp}", str(tmp_path)) for argument in arguments]
    assert main(["export", "--backend", "openvino", *given]) == 2
    said = capsys.readouterr().err
    assert reason in said and said.count("\n") == 1


def test_weights_without_a_file_need_a_place_for_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.yaml").write_text("default: nano\nweights: {}\n")
    monkeypatch.setattr("lgnet_ros.inference.manifest.weights_directory", lambda: tmp_path)
    assert main(["export", "--backend", "openvino", "--weights", "nano"]) == 2
    assert "give --out DIR.openvino" in capsys.readouterr().err


def test_onnx_without_its_packages_says_which(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", "--backend", "onnx", "--weights", str(weights)]) == 2
    assert "pip install onnx onnxscript" in capsys.readouterr().err
    assert not weights.with_name("mine.onnx").exists()


@pytest.mark.slow
def test_the_onnx_files_say_what_pytorch_says(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    pytest.importorskip("openvino")
    torch.manual_seed(3)
    network = LGNet(replace(LGNetConfig.nano(), centers=True, palms=True), HandModel.load())
    weights = tmp_path / "mine.safetensors"
    save_weights(weights, network, "nano", "none", "Apache-2.0", storage="float32")
    assert main(["export", "--backend", "onnx", "--weights", str(weights)]) == 0

    def request_of(name: str) -> Any:
        model = core().read_model(weights.with_name("mine.onnx") / name)
        hints = {"INFERENCE_PRECISION_HINT": "f32"}
        return core().compile_model(model, "CPU", hints).create_infer_request()

    request = request_of("model.onnx")
    size = network.config.input_size
    crops = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    focal_px = np.array([150.0, 300.0, 220.0], dtype=np.float32)
    request.infer({"crops": crops, "focal_px": focal_px})
    engine = Engine.load(weights, "cpu", backend="torch")
    expected = engine.infer(crops, focal_px)
    for name in ("vertices", "joints_25d", "camera_translation", "relative_translation"):
        np.testing.assert_allclose(request.get_tensor(name).data, getattr(expected, name), atol=2e-5)
    searches = (("centers", (288, 384, 3), "maps"), ("palms", (192, 192, 3), "hands"))
    for name, shape, output in searches:
        image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        request = request_of(f"{name}.onnx")
        request.infer({"image": image[None]})
        expected = getattr(engine, name)(image)
        np.testing.assert_allclose(request.get_tensor(output).data[0], expected, atol=1e-3)
