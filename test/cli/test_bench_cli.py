"""`lgnet bench`: what it reports. How fast anything is, no test says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lgnet_ros.cli.main import main
from lgnet_ros.data.synthetic.clips import Clip
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.evaluation import engine_speed, yardstick
from lgnet_ros.evaluation.engine_speed import Case, cases, measure, with_losses
from lgnet_ros.evaluation.speed_report import markdown
from lgnet_ros.evaluation.stage_speed import TruthfulEstimator, stage_milliseconds
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import save_weights
from lgnet_ros.network import LGNet, LGNetConfig
from lgnet_ros.pipeline import HandsPipeline

ENGINE_KEYS = {
    "variant", "backend", "precision", "p50_ms", "p95_ms", "p99_ms", "rss_mb", "trained", "mpvpe_loss_mm",
}  # fmt: skip


def row(backend: str, precision: str, p50_ms: float, error_mm: float | None) -> dict:
    return {
        "variant": "nano", "backend": backend, "device": "cpu", "precision": precision, "p50_ms": p50_ms,
        "p95_ms": 9.0, "p99_ms": 9.5, "fps": 100.0, "runs": 10, "load_s": 1.0, "rss_mb": 400,
        "trained": error_mm is not None, "mpvpe_mm": error_mm,
    }  # fmt: skip


def report(engine: list[dict]) -> dict:
    from lgnet_ros.evaluation.machine import machine

    nothing = {
        "node": [],
        "frame_work": [],
        "pipeline": None,
        "hand_model": None,
        "synthetic": None,
        "not_measured": [],
    }
    return {"machine": machine(), "engine": engine, **nothing}


def test_json_is_alone_on_standard_output_and_holds_what_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "--only", "hand_model", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert {"machine", "engine", "node"} <= set(written)
    assert written["machine"]["cores"] >= 1 and "torch" in written["machine"]["versions"]
    assert written["engine"] == [] and written["node"] == []
    assert written["hand_model"]["batch"] == 64 and written["hand_model"]["p50_ms"] > 0


def test_the_yardstick_names_what_it_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(yardstick, "_WARM_UP", 1)
    monkeypatch.setattr(yardstick, "_RUNS", 3)
    assert main(["bench", "--only", "yardstick"]) == 0
    printed = capsys.readouterr().out
    assert "ResNet-50 alone" in printed and "| fp32 | " in printed


def test_an_engine_row_has_the_documented_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_speed, "_LEAST", 3)
    (measured,) = with_losses([measure(Case("nano", "eager", "cpu", "fp32", 0.01, crops=0), lambda: 123.4)])
    assert set(measured) >= ENGINE_KEYS
    assert measured["p50_ms"] <= measured["p95_ms"] <= measured["p99_ms"]
    assert measured["rss_mb"] == 123 and measured["speedup"] == 1.0


@pytest.mark.slow  # renders the mean pose of the training split
def test_weights_that_count_as_trained_are_measured_on_test_crops(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(engine_speed, "_LEAST", 3)
    torch.manual_seed(3)
    path = tmp_path / "mine.safetensors"
    save_weights(path, LGNet(LGNetConfig.nano(), HandModel.load()), "nano", "none", "Apache-2.0")
    rows = [
        measure(Case(str(path), backend, "cpu", precision, 0.01, crops=2), lambda: 0.0)
        for backend, precision in (("eager", "fp32"), ("torch", "fp32"), ("torch", "bf16"))
    ]
    plain, same, reduced = with_losses(rows)
    assert plain["trained"] and plain["mpvpe_mm"] > 10
    assert plain["mpvpe_loss_mm"] == 0
    assert abs(same["mpvpe_loss_mm"]) < 0.01 < plain["mpvpe_mm"]
    assert abs(reduced["mpvpe_loss_mm"]) < 5


def test_what_cannot_run_here_is_named_and_not_measured() -> None:
    (measured,) = with_losses([measure(Case("nano", "openvino", "cuda", "fp32", 0.01), lambda: 0.0)])
    assert "runs on the CPU" in measured["not_measured"]
    assert "runs on the CPU" in markdown(report([measured]))


def test_losses_are_taken_against_the_network_as_it_is_trained() -> None:
    plain, reduced = with_losses([row("eager", "fp32", 10.0, 20.0), row("openvino", "bf16", 2.0, 20.25)])
    assert (plain["mpvpe_loss_mm"], plain["speedup"]) == (0.0, 1.0)
    assert (reduced["mpvpe_loss_mm"], reduced["speedup"]) == (0.25, 5.0)


def test_the_table_says_untrained_speed_only() -> None:
    table = markdown(report(with_losses([row("torch", "fp32", 10.0, None)])))
    assert "untrained: speed only" in table
    assert "| nano | torch | cpu | fp32 | 10.0 |" in table
    assert "cores" in table.splitlines()[0] and "Load at the start" in table.splitlines()[0]


def test_every_variant_begins_with_the_network_as_it_is_trained() -> None:
    measured = cases(("full", "nano"), 1.0, 0)
    for variant in ("full", "nano"):
        own = [case for case in measured if case.variant == variant]
        assert (own[0].backend, own[0].device, own[0].precision) == ("eager", "cpu", "fp32")
        assert len(own) == len(set(own)) >= 2


def test_the_truthful_estimator_puts_both_hands_where_they_are() -> None:
    clip, estimator = (
        Clip(0, "hand_over", SyntheticSettings(split="test")),
        TruthfulEstimator(HandModel.load()),
    )
    pipeline = HandsPipeline(estimator)
    for number in range(6):
        now_s = 0.4 * clip.duration_s + number / 30.0
        estimator.sample = clip.frame(now_s)
        frame = pipeline.step(estimator.sample.image, clip.intrinsics, now_s)
    assert {hand.side for hand in frame.hands} == {"right", "left"}
    for side, name in enumerate(("right", "left")):
        relative = frame.hand(name).raw.joints - frame.hand(name).raw.joints[0]
        truth = estimator.sample.joints[side] - estimator.sample.joints[side, 0]
        assert abs(relative / frame.hand(name).scale - truth).max() < 0.003


def test_memory_is_compared_after_it_has_settled() -> None:
    pytest.importorskip("rclpy", reason="rclpy is not installed")
    from lgnet_ros.node.status.soak import settled_memory

    held = [(float(second), 300.0 + min(second, 60)) for second in range(1800)]
    assert settled_memory(held, 1800.0) == (360.0, 360.0)
    leaking = [(second, mb + 0.01 * second) for second, mb in held]
    first, last = settled_memory(leaking, 1800.0)
    assert last - first == pytest.approx(17.3, abs=0.2)
    assert settled_memory([(float(s), 10.0 * s) for s in range(40)], 40.0) == (245.0, 345.0)


def test_stages_beside_the_network_are_all_timed() -> None:
    stages = stage_milliseconds(HandModel.load(), frames=3)
    assert {"detection", "crop", "tracking", "placement", "filter", "interaction"} == set(stages)


@pytest.mark.parametrize(
    "arguments", [["--seconds", "0"], ["--samples", "0"], ["--node-seconds", "nan"], ["--soak", "0"]]
)
def test_impossible_amounts_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err
