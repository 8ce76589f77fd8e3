"""A training recipe: everything that decides which weights come out, read from one YAML file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lgnet_ros.errors import UserError
from lgnet_ros.network.config import VARIANTS, LGNetConfig
from lgnet_ros.training.strict import build, read_yaml, require, with_overrides


@dataclass(frozen=True)
class DataRecipe:
    """Where training images come from.

    Attributes:
        source: "synthetic" images, rendered while training, or "interhand26m".
        root: the dataset's folder, for interhand26m; for synthetic, a folder of background photographs or
        null.
        batch: images per process and step.
        workers: processes that prepare batches; 0 prepares them in the training process. With synthetic
            images it decides which rendered image is replayed when, so it is part of what must stay for an
            exact resume.
        replayed_share: share of each batch (synthetic) cut anew from images rendered earlier.
        replay_window: how many rendered images (synthetic) each worker keeps for that.
        album: how many rendered images (synthetic) the device that trains keeps to cut crops from itself, the
            replayed ones from any of them, while workers only render: for a GPU. 0: workers cut, each from
            its window.
        color_jitter: strength of colour changes; 1 is the usual one, 0 none.
        max_roll_deg: largest turn in the image plane.
        scenes: which synthetic scenes and crops: "all", "tracked"; "one_hand", "near" to begin with.
    """

    source: Literal["synthetic", "interhand26m"]
    root: Path | None = None
    batch: int = 32
    workers: int = 1
    replayed_share: float = 0.0
    replay_window: int = 1024
    album: int = 0
    color_jitter: float = 1.0
    max_roll_deg: float = 45.0
    scenes: Literal["all", "tracked", "one_hand", "near"] = "all"

    def __post_init__(self) -> None:
        require(self.batch > 0, f"data.batch {self.batch} must be above 0")
        require(self.workers >= 0, f"data.workers {self.workers} must not be negative")
        require(0 <= self.replayed_share < 1, f"data.replayed_share {self.replayed_share} must be in [0, 1)")
        require(self.replay_window > 0, f"data.replay_window {self.replay_window} must be above 0")
        require(
            self.album == 0 or self.album >= self.batch, f"data.album {self.album} must be 0 or hold a batch"
        )
        require(self.album == 0 or self.source == "synthetic", "data.album: only of synthetic images")
        require(self.color_jitter >= 0, f"data.color_jitter {self.color_jitter} must not be negative")
        require(0 <= self.max_roll_deg <= 180, f"data.max_roll_deg {self.max_roll_deg} must be in [0, 180]")
        if self.source == "interhand26m":
            require(self.root is not None, "data.root: interhand26m needs the dataset's folder")
        if self.root is not None:
            require(self.root.is_dir(), f"data.root: {self.root} is no folder; is the dataset there?")

    @property
    def fresh_per_batch(self) -> int:
        """How many images of a batch are rendered for it, at least one."""
        return max(1, round(self.batch * (1.0 - self.replayed_share)))


@dataclass(frozen=True)
class OptimizerRecipe:
    """Adam (the paper's), AdamW or Muon, the peak learning rate, and the norm that gradients are clipped to
    (null: none). With Muon, `learning_rate` is that of matrices, `adam_learning_rate` that of what is left to
    AdamW.
    """

    name: Literal["adam", "adamw", "muon"] = "adam"
    learning_rate: float = 1e-4
    adam_learning_rate: float = 1e-3
    weight_decay: float = 0.0
    gradient_clip: float | None = None

    def __post_init__(self) -> None:
        for rate in ("learning_rate", "adam_learning_rate"):
            require(getattr(self, rate) > 0, f"optimizer.{rate} {getattr(self, rate)} must be above 0")
        require(self.weight_decay >= 0, f"optimizer.weight_decay {self.weight_decay} must not be negative")
        require(
            self.gradient_clip is None or self.gradient_clip > 0,
            "optimizer.gradient_clip must be above 0 or null",
        )


@dataclass(frozen=True)
class ScheduleRecipe:
    """How the learning rate runs: a linear warm-up, then "cosine" down to `final_share` of the peak, or
    "steps" (times
    `factor` at the start of each milestone epoch, counted from 0 as the paper counts)."""

    name: Literal["cosine", "steps"] = "cosine"
    warmup_steps: int = 0
    final_share: float = 0.01
    milestones_epochs: tuple[int, ...] = ()
    factor: float = 0.1

    def __post_init__(self) -> None:
        require(self.warmup_steps >= 0, f"schedule.warmup_steps {self.warmup_steps} must not be negative")
        require(0 <= self.final_share <= 1, f"schedule.final_share {self.final_share} must be in [0, 1]")
        require(0 < self.factor <= 1, f"schedule.factor {self.factor} must be in (0, 1]")
        ordered = list(self.milestones_epochs) == sorted(set(self.milestones_epochs))
        require(ordered, f"schedule.milestones_epochs {list(self.milestones_epochs)} must rise")


@dataclass(frozen=True)
class ValidationRecipe:
    """How many images of the fixed validation split are looked at, and every how many minutes; pictures of
    the first `pictures` of them go to TensorBoard. On `calibration` other images (synthetic) the exported
    weights' errors are fitted.
    """

    count: int = 256
    every_minutes: float = 10.0
    pictures: int = 8
    calibration: int = 500

    def __post_init__(self) -> None:
        require(self.count > 0, f"validation.count {self.count} must be above 0")
        require(self.every_minutes > 0, f"validation.every_minutes {self.every_minutes} must be above 0")
        require(self.pictures >= 0, f"validation.pictures {self.pictures} must not be negative")
        require(self.calibration > 0, f"validation.calibration {self.calibration} must be above 0")


@dataclass(frozen=True)
class Recipe:
    """A whole recipe; `docs/training.md` explains the choices.

    Attributes:
        variant: "full", "light" or "nano".
        steps: optimizer steps; or `epochs` over a dataset of finite size. Exactly one of them.
        hand_model: folder of an imported MANO, null for the open hand.
        backbone_weights: weights for the backbone as published (see `load_published`), or null.
        frozen: parts of the network that stay as they begin, batch statistics included: "backbone.stem", say,
            or "backbone.stages.*.depthwise".
        resting: parts that learn, but whose batch norms keep the statistics that they begin with.
        start_from: checkpoint of an earlier stage, or a weights file, taken over where it fits, or null.
        taken_over: parts of the network that are taken over from it, named as in `frozen`; none named: all.
        seed: of images, augmentation and initial weights.
        precision: "bf16-mixed" (autocast; weights stay float32) or "32-true".
        ema_decay: of the averaged weights, which are what is validated and exported; 0 turns averaging off.
        checkpoint_minutes: how often the last state is saved.
        network: overrides of `LGNetConfig`'s entries. losses: of its `LossWeights`.
        parts_loss: weight of an auxiliary task for the backbone, see `training.parts`; 0: none.
    """

    variant: str
    data: DataRecipe
    steps: int | None = None
    epochs: int | None = None
    hand_model: Path | None = None
    backbone_weights: Path | None = None
    frozen: tuple[str, ...] = ()
    resting: tuple[str, ...] = ()
    start_from: Path | None = None
    taken_over: tuple[str, ...] = ()
    seed: int = 0
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    ema_decay: float = 0.999
    checkpoint_minutes: float = 5.0
    optimizer: OptimizerRecipe = OptimizerRecipe()
    schedule: ScheduleRecipe = ScheduleRecipe()
    validation: ValidationRecipe = ValidationRecipe()
    network: dict[str, Any] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    parts_loss: float = 0.0

    def __post_init__(self) -> None:
        require(self.variant in VARIANTS, f"variant '{self.variant}' is none of {', '.join(VARIANTS)}")
        require((self.steps is None) != (self.epochs is None), "give either steps or epochs")
        length = self.steps if self.steps is not None else self.epochs
        require(length is not None and length > 0, f"steps or epochs: {length} must be above 0")
        endless = self.data.source == "synthetic"
        require(not endless or self.epochs is None, "epochs: synthetic images never repeat; give steps")
        require(self.seed >= 0, f"seed {self.seed} must not be negative")
        require(0 <= self.ema_decay < 1, f"ema_decay {self.ema_decay} must be in [0, 1)")
        require(self.checkpoint_minutes > 0, f"checkpoint_minutes {self.checkpoint_minutes} must be above 0")
        require(self.parts_loss >= 0, f"parts_loss {self.parts_loss} must not be negative")
        require(
            not self.taken_over or self.start_from is not None,
            "taken_over: name with start_from what to take the parts from",
        )
        for name in ("hand_model", "backbone_weights", "start_from"):
            path = getattr(self, name)
            require(path is None or path.exists(), f"{name}: {path} does not exist")
        self.network_config()

    @classmethod
    def read(cls, path: Path, overrides: list[str] | None = None) -> Recipe:
        """A recipe file with `key=value` overrides.

        Raises:
            UserError: anything that is wrong with it; nothing has been started by then.
        """
        return build(cls, with_overrides(read_yaml(path), overrides or []), str(path))

    def network_config(self) -> LGNetConfig:
        """The network to train: the variant with the recipe's overrides.

        Raises:
            UserError: an override names no entry, or has no possible value.
        """
        preset = LGNetConfig.preset(self.variant).as_dict()
        unknown = set(self.losses) - set(preset["loss_weights"])
        if unknown:
            raise UserError(
                f"losses: unknown '{sorted(unknown)[0]}'; known are {', '.join(preset['loss_weights'])}"
            )
        for key, value in self.network.items():
            fits = key in preset and type(value) is type(preset[key]) and key != "loss_weights"
            require(fits, f"network.{key}: {value!r} is no setting of the network")
        losses = {**preset["loss_weights"], **self.losses}
        return LGNetConfig.from_dict({**preset, **self.network, "loss_weights": losses})

    def without(self, ablation: str) -> Recipe:
        """The same recipe for one row of the paper's Table III."""
        ablated = self.network_config().without(ablation).as_dict()
        losses = ablated.pop("loss_weights")
        return replace(self, network=ablated, losses=losses)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the log's folder and the weights' metadata."""
        return _plain(asdict(self))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value
