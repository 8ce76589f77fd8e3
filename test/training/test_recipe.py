"""Recipes that ship can be read; impossible ones are refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lgnet_ros.errors import UserError
from lgnet_ros.network import ABLATIONS
from lgnet_ros.paths import config_directory
from lgnet_ros.training.recipe import Recipe, ScheduleRecipe
from lgnet_ros.training.schedule import learning_rate_share

_MINIMAL = {"variant": "nano", "steps": 10, "data": {"source": "synthetic"}}


def _write(path: Path, content: dict) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("name", ["full", "light", "nano", "nano_start", "nano_gpu", "nano_ablations"])
def test_synthetic_recipes_that_ship_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(config_directory().parent)  # weights to start from are named from there
    recipe = Recipe.read(Path("config/train") / f"synthetic_{name}.yaml")
    assert recipe.variant == name.partition("_")[0]


def test_the_papers_recipe_is_the_papers(tmp_path: Path) -> None:
    overrides = [f"data.root={tmp_path}", f"hand_model={tmp_path}"]
    recipe = Recipe.read(config_directory() / "train" / "interhand26m.yaml", overrides)
    assert (recipe.variant, recipe.epochs, recipe.data.batch) == ("full", 30, 32)
    assert (recipe.optimizer.name, recipe.optimizer.learning_rate) == ("adam", 1e-4)
    shares = {
        epoch: learning_rate_share(recipe.schedule, epoch * 100, 3000, 100) for epoch in (0, 9, 10, 15, 29)
    }
    assert shares == pytest.approx({0: 1.0, 9: 1.0, 10: 0.1, 15: 0.01, 29: 0.01})
    weights = recipe.network_config().loss_weights
    assert (weights.mesh, weights.joint, weights.normal, weights.edge, weights.laplacian) == (1, 1, 1, 1, 50)


def test_a_missing_dataset_is_refused_with_its_path() -> None:
    with pytest.raises(UserError, match=r"data\.root: /nowhere/ih is no folder"):
        Recipe.read(config_directory() / "train" / "interhand26m.yaml", ["data.root=/nowhere/ih"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("variant=mini", "'mini' is none of full, light, nano"),
        ("taken_over=[backbone]", "taken_over: name with start_from what to take"),
        ("steps=0", "must be above 0"),
        ("epochs=3", "either steps or epochs"),
        ("data.batch=-1", "data.batch -1 must be above 0"),
        ("data.replayed_share=1.0", "must be in"),
        ("data.sorce=synthetic", "unknown key 'sorce'; did you mean 'source'"),
        ("optimizer.learning_rate=0.0", "must be above 0"),
        ("optimizer.name=sgd", "'sgd' is none of adam, adamw, muon"),
        ("schedule.milestones_epochs=[5, 2]", "must rise"),
        ("precision=fp16", "none of bf16-mixed, 32-true"),
        ("ema_decay=1.0", "ema_decay 1.0 must be in"),
        ("hand_model=/nowhere/mano", "hand_model: /nowhere/mano does not exist"),
        ("network.chanels=64", "network.chanels"),
        ("network.channels=wide", "network.channels: 'wide'"),
        ("losses.normals=1.0", "losses: unknown 'normals'"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, override: str, message: str) -> None:
    path = _write(tmp_path / "recipe.yaml", _MINIMAL)
    with pytest.raises(UserError) as refusal:
        Recipe.read(path, [override])
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_interhand_needs_its_folder(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "recipe.yaml", {"variant": "full", "epochs": 1, "data": {"source": "interhand26m"}}
    )
    with pytest.raises(UserError, match="interhand26m needs the dataset's folder"):
        Recipe.read(path)


def test_network_and_loss_overrides_reach_the_network(tmp_path: Path) -> None:
    path = _write(tmp_path / "recipe.yaml", _MINIMAL)
    config = Recipe.read(path, ["network.refine_stage=false", "losses.heatmap=0.25"]).network_config()
    assert not config.refine_stage
    assert config.loss_weights.heatmap == 0.25


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablated_recipe_is_the_ablated_network(tmp_path: Path, ablation: str) -> None:
    recipe = Recipe.read(_write(tmp_path / "recipe.yaml", _MINIMAL))
    assert recipe.without(ablation).network_config() == recipe.network_config().without(ablation)


def test_the_cosine_rises_over_the_warm_up_and_ends_at_its_final_share() -> None:
    recipe = ScheduleRecipe(warmup_steps=4, final_share=0.1)
    shares = [learning_rate_share(recipe, step, 101, 1) for step in range(101)]
    assert shares[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert shares[4] == pytest.approx(1.0)
    assert shares[52] == pytest.approx(0.1 + 0.9 * 0.5, abs=0.01)
    assert shares[-1] == pytest.approx(0.1)
    assert all(later <= earlier for earlier, later in zip(shares[4:], shares[5:], strict=False))
