"""`lgnet bench` where it talks over DDS itself."""

from __future__ import annotations

import json
import os

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lgnet_ros.cli.main import main


def test_frame_work_of_two_hands_is_measured_with_every_output_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--only", "frame_work", "--frames", "20", "--json"]) == 0
    plain, with_overlay = json.loads(capsys.readouterr().out)["frame_work"]
    assert (plain["overlay"], with_overlay["overlay"]) == (False, True)
    for row in (plain, with_overlay):
        assert row["frames"] > 0 and row["total_p50_ms"] <= row["total_p95_ms"]
        assert min(row[f"{part}_p50_ms"] for part in ("receive", "pipeline", "decode_and_publish")) > 0


@pytest.mark.skipif("LGNET_BENCHMARK" not in os.environ, reason="takes a minute: set LGNET_BENCHMARK=1")
def test_soak_reports_lateness_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--soak", "0.5", "--node-weights", "truth", "--json"]) == 0
    soaked = json.loads(capsys.readouterr().out)["soak"]
    assert soaked["results"] > 0 and soaked["rss_last_mb"] > 50
    assert soaked["passed"] == (soaked["late"] == 0 and soaked["growth_mb"] <= 5)
