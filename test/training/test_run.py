"""Training runs: resumed exactly after a kill, alike on two processes, checkpoints whole or not at all."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch

import lgnet_ros
from lgnet_ros.data.augment import CropSample
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference import Engine
from lgnet_ros.inference.weights import load_network, save_weights
from lgnet_ros.training.batches import RenderedSource
from lgnet_ros.training.checkpoints import read_checkpoint
from lgnet_ros.training.export import export, network_of
from lgnet_ros.training.initialization import initialized_network, load_parts
from lgnet_ros.training.parts import PartsHead
from lgnet_ros.training.recipe import Recipe
from lgnet_ros.training.run import Resources, RunFolder, fit
from lgnet_ros.training.sources import Sources

pytestmark = pytest.mark.slow
_CPU = Resources("cpu", 1)
AFTER_EACH_STEP = 1e-7  # minutes between checkpoints
_Make = Callable[[Recipe], Sources]


class _Kill(Exception):
    pass


class _KillAt(L.Callback):
    """Dies in the middle of a step, after the last checkpoint, as a killed process does."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_before_optimizer_step(self, trainer: L.Trainer, *_: object) -> None:
        if trainer.global_step == self._step:
            raise _Kill


def _train(
    recipe: Recipe,
    make: _Make,
    path: Path,
    model: HandModel,
    resume: bool = False,
    kill_at: int | None = None,
    minutes: float | None = None,
) -> dict[str, torch.Tensor]:
    folder = RunFolder(path)
    checkpoint = folder.open(recipe, resume)
    extra = () if kill_at is None else (_KillAt(kill_at),)
    resources = replace(_CPU, minutes=minutes)
    module = fit(recipe, folder, model, make(recipe), checkpoint, resources, extra)
    return module.network.state_dict()


def test_what_is_refused_before_it_starts_leaves_no_run(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="no part 'nope'"):
        _train(replace(recipe, frozen=("nope",)), sources, tmp_path / "run", hand_model)
    assert RunFolder(tmp_path / "run").open(recipe, resume=False) is None


def test_a_run_killed_twice_ends_with_the_weights_of_an_unbroken_one(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    unbroken = _train(recipe, sources, tmp_path / "unbroken", hand_model)
    recipe = replace(recipe, checkpoint_minutes=AFTER_EACH_STEP)
    first, second = sorted(np.random.default_rng().choice(np.arange(2, recipe.steps - 1), 2, replace=False))
    for kill_at, resume in ((first, False), (second, True)):
        with pytest.raises(_Kill):
            _train(recipe, sources, tmp_path / "broken", hand_model, resume, int(kill_at))
    resumed = _train(recipe, sources, tmp_path / "broken", hand_model, resume=True)
    for name, value in unbroken.items():
        assert torch.equal(value, resumed[name]), f"{name} differs after kills in steps {first} and {second}"
    ends = [read_checkpoint(RunFolder(tmp_path / name).last) for name in ("unbroken", "broken")]
    assert ends[0]["global_step"] == ends[1]["global_step"] == recipe.steps
    assert ends[0]["lr_schedulers"][0]["last_epoch"] == ends[1]["lr_schedulers"][0]["last_epoch"]


def test_a_run_that_the_clock_stopped_goes_on_exactly(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    recipe = replace(recipe, steps=3)
    unbroken = _train(recipe, sources, tmp_path / "unbroken", hand_model)
    last = RunFolder(tmp_path / "broken").last
    for _ in range(recipe.steps + 1):
        state = _train(recipe, sources, tmp_path / "broken", hand_model, last.exists(), minutes=1e-4)
        reached = read_checkpoint(last)["global_step"]
        if reached == recipe.steps:
            break
    assert reached == recipe.steps
    for name, value in unbroken.items():
        assert torch.equal(value, state[name]), name


def test_the_last_step_is_validated_and_may_be_the_best(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    """However rarely validations come: without it, what a schedule anneals to would not be exported."""
    assert recipe.validation.every_minutes == 60.0
    recipe = replace(recipe, steps=3)
    _train(recipe, sources, tmp_path / "run", hand_model)
    assert read_checkpoint(RunFolder(tmp_path / "run").best)["global_step"] == recipe.steps


def test_a_run_learns_logs_and_keeps_its_best(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    recipe = replace(recipe, steps=6, validation=replace(recipe.validation, every_minutes=1e-7))
    _train(recipe, sources, tmp_path / "run", hand_model)
    folder = RunFolder(tmp_path / "run")
    with folder.curve.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["samples"]) for row in rows] == sorted({int(row["samples"]) for row in rows})
    assert int(rows[-1]["step"]) == recipe.steps
    assert {
        "minutes",
        "learning_rate",
        "train/loss",
        "train/heatmap",
        "val/mpjpe_mm",
        "val/presence_f1",
    } <= rows[-1].keys()
    best = min(float(row["val/mpjpe_mm"]) for row in rows)
    saved = read_checkpoint(folder.best)["callbacks"]
    scores = [
        float(state["best_model_score"])
        for state in saved.values()
        if state.get("best_model_score") is not None
    ]
    assert min(scores) == pytest.approx(best, abs=1e-3)
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))


def test_what_is_exported_is_the_average_with_its_spread_fitted(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    recipe = replace(recipe, steps=2)
    _train(recipe, sources, tmp_path / "run", hand_model)
    folder, made = RunFolder(tmp_path / "run"), sources(recipe)
    network, step = network_of(folder.last, recipe, hand_model)
    info = export(network, step, recipe, made, made.validation, folder.weights, "float32")
    assert info.hand_model_sha256 == hand_model.sha256
    network, _ = load_network(folder.weights, hand_model)
    averaged, step = network_of(folder.last, recipe, hand_model)
    assert step == 2
    for name, value in averaged.state_dict().items():
        if name != "uncertainty_scale":
            assert torch.equal(value, network.state_dict()[name]), name
    assert not torch.equal(network.uncertainty_scale, torch.ones(3))
    assert Engine.load(folder.weights, "cpu", "fp32", hand_model).trained


def test_a_run_of_another_recipe_is_not_resumed_nor_overwritten(recipe: Recipe, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.open(recipe, resume=False) is None
    folder.begin(recipe)
    with pytest.raises(UserError, match="holds a training run already; --resume"):
        folder.open(recipe, resume=False)
    with pytest.raises(UserError, match="another recipe .*seed: 5, now 6"):
        folder.open(replace(recipe, seed=6), resume=True)
    assert folder.open(replace(recipe, checkpoint_minutes=9.0), resume=True) is None


def test_a_run_learns_from_what_its_device_cuts(
    recipe: Recipe, sketch: Callable[..., CropSample], sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    def make(recipe: Recipe) -> Sources:
        def render(index: int) -> CropSample:
            return replace(sketch(index, 160), mask=np.zeros((160, 160), np.uint8))

        return replace(sources(recipe), training=RenderedSource(recipe.data, render))

    recipe = replace(recipe, data=replace(recipe.data, album=16), parts_loss=1.0)
    start = initialized_network(recipe, hand_model).state_dict()
    learned = _train(recipe, make, tmp_path / "run", hand_model)
    assert any((learned[name] != value).any() for name, value in start.items())
    with (tmp_path / "run" / "curve.csv").open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert int(last["step"]) == 8 and int(last["samples"]) == 32
    assert float(last["val/mpjpe_mm"]) > 0
    held = read_checkpoint(RunFolder(tmp_path / "run").last)["state_dict"]
    assert held["parts.classify.weight"].std() > 0 and torch.isfinite(held["parts.classify.weight"]).all()


def test_a_later_stage_takes_over_what_fits(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    first = replace(recipe, steps=2, network={"refine_stage": False})
    _train(first, sources, tmp_path / "first", hand_model)
    checkpoint = RunFolder(tmp_path / "first").last
    network = initialized_network(replace(recipe, start_from=checkpoint), hand_model)
    before, _ = network_of(checkpoint, first, hand_model)
    for name, value in before.state_dict().items():
        assert torch.equal(value, network.state_dict()[name]), name
    assert network.refine_stage is not None


def test_training_goes_on_from_a_weights_file_too(
    recipe: Recipe, hand_model: HandModel, tmp_path: Path
) -> None:
    trained = initialized_network(recipe, hand_model)
    save_weights(tmp_path / "w.safetensors", trained, recipe.variant, "made up", "Apache-2.0", {}, "float32")
    begun = initialized_network(replace(recipe, seed=9, start_from=tmp_path / "w.safetensors"), hand_model)
    for name, value in trained.state_dict().items():
        assert torch.equal(value, begun.state_dict()[name]), name


def test_of_a_weights_file_a_part_alone_can_be_taken_over(
    recipe: Recipe, hand_model: HandModel, tmp_path: Path
) -> None:
    trained, file = initialized_network(recipe, hand_model), tmp_path / "w.safetensors"
    save_weights(file, trained, recipe.variant, "made up", "Apache-2.0", {}, "float32")
    anew = replace(recipe, seed=9)
    begun = initialized_network(replace(anew, start_from=file, taken_over=("backbone",)), hand_model)
    fresh = initialized_network(anew, hand_model).state_dict()
    for name, value in begun.state_dict().items():
        source = trained.state_dict() if name.startswith("backbone.") else fresh
        assert torch.equal(value, source[name]), name
    with pytest.raises(UserError, match="taken_over: the network has no part 'bakbone'"):
        initialized_network(replace(anew, start_from=file, taken_over=("bakbone",)), hand_model)


def test_parts_are_learned_beside_and_left_behind(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    validated = replace(recipe.validation, every_minutes=1e-7)
    recipe = replace(recipe, steps=3, parts_loss=1.0, validation=validated)
    recipe = replace(recipe, checkpoint_minutes=AFTER_EACH_STEP)
    with pytest.raises(_Kill):
        _train(recipe, sources, tmp_path / "run", hand_model, kill_at=2)
    _train(recipe, sources, tmp_path / "run", hand_model, resume=True)
    folder = RunFolder(tmp_path / "run")
    with folder.curve.open(newline="", encoding="utf-8") as file:
        losses = [float(row["train/parts"]) for row in csv.DictReader(file) if row["train/parts"]]
    assert losses and min(losses) > 0
    network, _ = network_of(folder.last, recipe, hand_model)  # loads strictly
    assert not any("parts" in name for name in network.state_dict())
    later = PartsHead(network.backbone.channels[2])
    load_parts(later, folder.last)
    for name, value in read_checkpoint(folder.last)["state_dict"].items():
        if name.startswith("parts."):
            assert torch.equal(value, later.state_dict()[name.removeprefix("parts.")])


def test_what_is_frozen_stays_as_it_began(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    recipe = replace(recipe, steps=2, frozen=("backbone.stem", "backbone.stem_norm", "backbone.stages.0"))
    began = initialized_network(recipe, hand_model).state_dict()
    ended = _train(recipe, sources, tmp_path / "run", hand_model)
    changed = {name for name, value in began.items() if not torch.equal(value, ended[name])}
    assert not {name for name in changed if name.startswith(recipe.frozen)}
    assert "backbone.stages.1.0.expand.weight" in changed
    assert "backbone.stages.1.0.expand_norm.running_mean" in changed


def test_what_rests_learns_but_keeps_the_statistics_that_it_began_with(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path
) -> None:
    frozen = ("backbone.stem*", "backbone.stages.*.depthwise", "backbone.stages.*.depthwise_norm")
    recipe = replace(recipe, steps=2, precision="bf16-mixed", frozen=frozen, resting=("backbone",))
    began = initialized_network(recipe, hand_model).state_dict()
    ended = _train(recipe, sources, tmp_path / "run", hand_model)
    changed = {name for name, value in began.items() if not torch.equal(value, ended[name])}
    assert not {name for name in changed if "backbone" in name and "running" in name}
    assert not {name for name in changed if name.startswith("backbone.stages") and "depthwise" in name}
    for learned in ("stages.1.0.expand.weight", "stages.5.3.project_norm.bias", "fused.2.depthwise.weight"):
        assert f"backbone.{learned}" in changed


@pytest.mark.parametrize("key", ["frozen", "resting"])
def test_a_part_that_does_not_exist_is_refused(
    recipe: Recipe, sources: _Make, hand_model: HandModel, tmp_path: Path, key: str
) -> None:
    recipe = replace(recipe, **{key: ("backbone.layer9",)})
    with pytest.raises(UserError, match=f"{key}: the network has no part 'backbone.layer9'"):
        _train(recipe, sources, tmp_path / "run", hand_model)


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """Each process sees its own images, both end with the same weights, and the validation is shared; then
    the first one goes on alone.
    """
    with _two_processes(tmp_path, steps=4) as run:
        said, _ = run.communicate(timeout=250)
    assert run.returncode == 0, said
    digests = {path.read_text() for path in tmp_path.glob("weights-*.txt")}
    assert len(list(tmp_path.glob("weights-*.txt"))) == 2
    assert (tmp_path / "score.txt").exists()
    assert len(digests) == 1
    with (tmp_path / "run" / "curve.csv").open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert int(last["samples"]) == 2 * 2 * int(last["step"])
    counts = {path.read_text() for path in tmp_path.glob("images-*.txt")}
    assert len(counts) == 2


def test_two_processes_end_when_they_are_told_to(tmp_path: Path) -> None:
    """In the middle of a step, in which each waits for the other; the last checkpoint is whole."""
    last = RunFolder(tmp_path / "run").last
    with _two_processes(tmp_path, steps=100_000) as run:
        while not last.exists():
            assert run.poll() is None, run.communicate()[0]
            time.sleep(0.1)
        os.killpg(run.pid, signal.SIGTERM)
        run.communicate(timeout=60)  # ends when the last process that could write has gone
    assert run.returncode == -signal.SIGTERM
    assert read_checkpoint(last)["global_step"] > 0


@contextmanager
def _two_processes(path: Path, steps: int) -> Iterator[subprocess.Popen[str]]:
    """`two_processes.py` in a group of processes of its own, of which none is left in the end."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(lgnet_ros.__file__).parents[1]),
    }
    run = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "two_processes.py"), str(path), str(steps)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield run
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
