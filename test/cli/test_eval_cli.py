"""`lgnet eval`: the JSON that others rely on, the report's folder, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lgnet_ros.cli.main import main
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import save_weights
from lgnet_ros.network import LGNet, LGNetConfig

_KEYS = {
    "count", "wrist", "middle_mcp", "mrrpe_mm", "presence_f1", "swap_rate", "missed_rate",
    "wrist_position_mm", "vertex_px", "mask_iou", "mean_pose",
}  # fmt: skip


@pytest.mark.slow
def test_the_json_report_has_the_promised_keys_and_the_folder_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    arguments = ["eval", "--weights", "nano", "--device", "cpu", "--count", "3", "--json", "--out", str(out)]
    assert main(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() >= _KEYS
    for root in ("wrist", "middle_mcp"):
        assert printed[root].keys() >= {"mpjpe_mm", "mpvpe_mm", "auc"}
    assert printed["wrist_position_mm"].keys() == {"known_size", "unknown_size"}
    assert printed["vertex_px"].keys() == printed["mask_iou"].keys() == {"rough", "final"}
    assert printed["mean_pose"]["mpjpe_mm"] > 0
    assert printed["count"] == 3
    assert any("tracked" in name for name in printed["others"])
    assert json.loads((out / "report.json").read_text()) == printed
    made = {path.name for path in out.iterdir()}
    assert {"report.md", "report.json", "pck.png", "predictions.jpg", "failures.jpg"} <= made
    assert "mean pose" in (out / "report.md").read_text()


@pytest.mark.slow
def test_runs_of_ablations_stand_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LGNET_BACKEND", "torch")  # spares two conversions
    configurations = {"complete": LGNetConfig.nano(), "lgblock": LGNetConfig.nano().without("lgblock")}
    runs, out = tmp_path / "runs", tmp_path / "out"
    for name, configuration in configurations.items():
        (runs / name).mkdir(parents=True)
        network = LGNet(configuration, HandModel.load())
        save_weights(runs / name / "weights.safetensors", network, "nano", "none", "Apache-2.0")
    arguments = ["--ablations", str(runs), "--crops", "tracked", "--count", "2", "--out", str(out)]
    assert main(["eval", *arguments]) == 0
    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == ["complete", "lgblock"]
    assert json.loads((out / "ablations.json").read_text()).keys() == configurations.keys()
    assert "| lgblock |" in (out / "ablations.md").read_text()
    assert (out / "ablations.jpg").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "0"], "--count 0: at least 1"),
        (["--dataset", "hic"], "--dataset hic: say where it is with --root"),
        (["--dataset", "hic", "--root", "."], "meshes are MANO's"),
        (["--dataset", "interhand26m", "--root", "."], "meshes are MANO's"),
        (["--weights", "nowhere.safetensors", "--count", "1"], "nowhere.safetensors"),
        (["--ablations", "/nowhere"], "no runs of ablations"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
