"""`lgnet train` from the shell: a short run, killed for real, resumed and exported; what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lgnet_ros
from lgnet_ros.cli.main import main
from lgnet_ros.inference.weights import read_info
from lgnet_ros.training.checkpoints import read_checkpoint

_TINY = (
    "variant: nano\nsteps: 6\nprecision: 32-true\nema_decay: 0.9\ncheckpoint_minutes: 0.0001\n"
    "data: {source: synthetic, batch: 2, workers: 1, replayed_share: 0.5, replay_window: 8}\n"
    "validation: {count: 2, every_minutes: 60, pictures: 1, calibration: 2}\n"
)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(_TINY)
    return path


@pytest.mark.slow
def test_a_run_killed_from_outside_is_resumed_and_exported(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "lgnet_ros.cli.main",
        "train",
        str(recipe),
        "--out",
        str(out),
        "--threads",
        "1",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(lgnet_ros.__file__).parents[1])}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    last = out / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + 150
    while not last.exists() and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    reached = read_checkpoint(last)["global_step"]
    assert 0 < reached <= 6
    resumed = subprocess.run(
        [*command, "--resume"], env=environment, capture_output=True, text=True, check=False
    )
    assert resumed.returncode == 0, resumed.stderr
    assert read_checkpoint(last)["global_step"] == 6
    info = read_info(out / "weights.safetensors")
    assert info.variant == "nano"
    assert "validation MPJPE" in resumed.stdout


@pytest.mark.slow
def test_a_run_that_its_minutes_end_exports_nothing(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights in a row's folder say that an ablation is done; half a training is none."""
    out = tmp_path / "run"
    assert main(["train", str(recipe), "--minutes", "0.0001", "--out", str(out)]) == 0
    assert "of 6 steps; --resume goes on" in capsys.readouterr().err
    assert (out / "checkpoints" / "last.ckpt").exists()
    assert not (out / "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["stepz=3"], "tiny.yaml: unknown key 'stepz'; did you mean 'steps'"),
        (["data.source=interhand26m", "data.root=/nowhere/ih"], "data.root: /nowhere/ih is no folder"),
        (["optimizer.learning_rate=-1.0"], "must be above 0"),
        (["--threads", "0"], "--threads 0: at least 1"),
    ],
)
def test_a_mistake_stops_before_anything_starts(
    recipe: Path, tmp_path: Path, overrides: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(recipe), *overrides, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path / "gone.yaml")]) == 2
    assert "gone.yaml: cannot be read" in capsys.readouterr().err


def test_what_belongs_to_shipping_starts_no_training(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(recipe), "--report", str(tmp_path), "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err == "lgnet: --report: goes with --ship\n"
    assert not (tmp_path / "run").exists()


def test_exporting_a_run_that_is_not_there_is_refused(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(recipe), "--export", "--out", str(tmp_path / "none")]) == 2
    assert "no such checkpoint" in capsys.readouterr().err
