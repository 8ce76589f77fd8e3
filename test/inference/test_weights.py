"""Weights files: what is written comes back, and nothing else is let in."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import load_network, manifest, read_info, save_weights
from lgnet_ros.network import LGNet, LGNetConfig


@pytest.fixture(scope="module")
def model() -> HandModel:
    return HandModel.load()


@pytest.fixture(scope="module")
def network(model: HandModel) -> LGNet:
    torch.manual_seed(1)
    return LGNet(LGNetConfig.nano(), model).eval()


@pytest.fixture(scope="module")
def saved(network: LGNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "nano.safetensors"
    save_weights(path, network, "nano", "rendered images", "Apache-2.0", {"mpjpe_mm": 9.5})
    return path


def outputs(network: LGNet) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    with torch.inference_mode():
        return network(torch.randn(1, 3, 192, 192), torch.tensor([200.0]))._asdict()


@pytest.mark.parametrize(("storage", "tolerance_m"), [("float32", 0.0), ("float16", 1e-3), ("int8", 1e-2)])
def test_a_network_comes_back_as_it_was_saved(
    network: LGNet, model: HandModel, tmp_path: Path, storage: str, tolerance_m: float
) -> None:
    save_weights(tmp_path / "w.safetensors", network, "nano", "none", "Apache-2.0", storage=storage)
    loaded, info = load_network(tmp_path / "w.safetensors", model)
    error = (outputs(loaded)["vertices"] - outputs(network)["vertices"]).abs().max()
    assert error <= tolerance_m
    assert info.storage == storage


def test_smaller_storages_are_smaller(network: LGNet, tmp_path: Path) -> None:
    sizes = []
    for storage in ("float32", "float16", "int8"):
        save_weights(tmp_path / storage, network, "nano", "none", "Apache-2.0", storage=storage)
        sizes.append((tmp_path / storage).stat().st_size)
    assert sizes[1] < 0.55 * sizes[0]
    assert sizes[2] < 0.35 * sizes[0]


def test_published_palms_are_not_stored_in_8_bits(model: HandModel, tmp_path: Path) -> None:
    network = LGNet(replace(LGNetConfig.nano(), palms=True), model).eval()
    save_weights(tmp_path / "w.safetensors", network, "nano", "none", "Apache-2.0", storage="int8")
    stored = load_file(tmp_path / "w.safetensors")
    assert {stored[name].dtype for name in stored if name.startswith("palms.")} == {
        torch.float16,
        torch.float32,
    }
    assert stored["backbone.stem.weight"].dtype == torch.int8
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 192, 192, 3), dtype=np.uint8))
    with torch.inference_mode():
        seen, expected = load_network(tmp_path / "w.safetensors", model)[0].palms(image), network.palms(image)
    np.testing.assert_allclose(seen, expected, atol=1e-2)


def test_a_file_says_what_it_is_without_being_loaded(saved: Path, model: HandModel) -> None:
    info = read_info(saved)
    assert (info.variant, info.hand_model, info.hand_model_sha256) == ("nano", "open_hand", model.sha256)
    assert info.metrics == {"mpjpe_mm": 9.5}
    assert (info.training_data, info.licence) == ("rendered images", "Apache-2.0")
    assert LGNetConfig.from_dict(info.config) == LGNetConfig.nano()


def test_the_hand_model_is_not_in_the_file(saved: Path) -> None:
    assert not any(778 in tensor.shape for tensor in load_file(saved).values())


@pytest.mark.parametrize("place", [0.3, 0.7, 0.999])
def test_a_flipped_byte_is_refused(saved: Path, model: HandModel, tmp_path: Path, place: float) -> None:
    content = bytearray(saved.read_bytes())
    content[int(place * len(content)) - 1] ^= 0x40
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        load_network(damaged, model)


def test_a_truncated_or_foreign_file_is_refused(saved: Path, model: HandModel, tmp_path: Path) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(UserError, match="not a readable weights file"):
        load_network(cut, model)
    save_file({"x": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match="not weights of lgnet_ros"):
        load_network(tmp_path / "foreign.safetensors", model)
    with pytest.raises(UserError, match="no such weights file"):
        load_network(tmp_path / "absent.safetensors", model)
    with pytest.raises(UserError, match="a folder, as of an exported network"):
        load_network(tmp_path, model)


def test_weights_for_another_hand_model_are_refused_and_both_are_named(saved: Path, model: HandModel) -> None:
    other = HandModel(model.arrays("right"), model.arrays("left"), "mano")
    other.sha256 = "0" * 64
    with pytest.raises(UserError, match="trained on the hand model 'open_hand'.*not on 'mano'"):
        load_network(saved, other)


def test_a_description_that_does_not_fit_the_tensors_is_refused(
    saved: Path, model: HandModel, tmp_path: Path
) -> None:
    from safetensors import safe_open

    with safe_open(saved, framework="pt") as file:
        header = json.loads(file.metadata()["lgnet_ros"])
    header["config"] = LGNetConfig.light().as_dict()
    save_file(load_file(saved), tmp_path / "w.safetensors", {"lgnet_ros": json.dumps(header)})
    with pytest.raises(UserError, match="not weights of LGNet"):
        load_network(tmp_path / "w.safetensors", model)


def test_an_unknown_storage_is_refused(network: LGNet, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="float16"):
        save_weights(tmp_path / "w", network, "nano", "", "", storage="int4")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(
    saved: Path, network: LGNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"old")

    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(UserError, match=r"w\.safetensors: cannot be written \(No space left"):
        save_weights(path, network, "nano", "", "")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("w.safetensors", b"old")]


def listed(directory: Path, saved: Path, sha256: str | None = None) -> Path:
    (directory / "nano.safetensors").write_bytes(saved.read_bytes())
    entry = {"file": "nano.safetensors", "variant": "nano", "sha256": sha256 or manifest.file_sha256(saved)}
    (directory / "manifest.yaml").write_text(
        yaml.safe_dump({"default": "nano-synthetic", "weights": {"nano-synthetic": entry}})
    )
    return directory


@pytest.mark.parametrize("name", [None, "nano", "nano-synthetic"])
def test_the_manifest_finds_weights_by_default_variant_and_name(
    saved: Path, tmp_path: Path, name: str | None
) -> None:
    choice = manifest.choose(name, listed(tmp_path, saved))
    assert choice == manifest.Choice("nano-synthetic", "nano", tmp_path / "nano.safetensors")


def test_a_variant_without_weights_starts_untrained(saved: Path, tmp_path: Path) -> None:
    assert manifest.choose("full", listed(tmp_path, saved)) == manifest.Choice("untrained", "full", None)


def test_a_listed_file_that_was_altered_or_is_missing_is_refused(saved: Path, tmp_path: Path) -> None:
    listed(tmp_path, saved, sha256="0" * 64)
    with pytest.raises(UserError, match="SHA-256 differs"):
        manifest.choose("nano", tmp_path)
    (tmp_path / "nano.safetensors").unlink()
    with pytest.raises(UserError, match="the file is missing"):
        manifest.choose("nano", tmp_path)


def test_unknown_names_are_refused_with_those_there_are(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no weights 'huge'; there are nano-synthetic, full, light, nano"):
        manifest.choose("huge", listed(tmp_path, saved))


@pytest.mark.parametrize("text", ["", "default: nano", "default: nano\nweights: {a: {file: x}}", ": :"])
def test_a_malformed_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.yaml").write_text(text)
    with pytest.raises(UserError, match="not a manifest"):
        manifest.choose("nano", tmp_path)


def test_the_shipped_manifest_names_files_that_are_there_and_whole() -> None:
    choice = manifest.choose(None)
    assert choice.path is None or choice.path.is_file()
    assert np.isin(choice.variant, ["full", "light", "nano"])
