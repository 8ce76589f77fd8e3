"""LGNet as Lightning trains and validates it."""

from __future__ import annotations

from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from lgnet_ros.data.augment import CropSample
from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.evaluation.estimates import estimate_of, of_the_asked, prediction_of
from lgnet_ros.evaluation.evaluation import Evaluation
from lgnet_ros.evaluation.records import HandsTruth
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.prediction import NetworkPrediction
from lgnet_ros.network import normalize
from lgnet_ros.network.backbone import BackboneFeatures
from lgnet_ros.network.losses import total_loss
from lgnet_ros.network.target import Target
from lgnet_ros.training.album import Album
from lgnet_ros.training.batches import Batch, stacked, to_tensors
from lgnet_ros.training.initialization import initialized_network, load_parts, named_parts
from lgnet_ros.training.optimizers import make_optimizer
from lgnet_ros.training.parts import PartsHead
from lgnet_ros.training.recipe import Recipe
from lgnet_ros.training.schedule import learning_rate_share

MONITORED = "val/mpjpe_mm"
_LOGGED_EVERY = 25  # steps: it takes a processor a good part of the time in which a GPU takes one


class LGNetModule(L.LightningModule):
    """The network with its losses, optimizer, learning-rate schedule and validation.

    vertex_parts: as `parts.vertex_parts` gives them, where the recipe trains on them.
    """

    def __init__(
        self,
        recipe: Recipe,
        hand_model: HandModel,
        total_steps: int,
        steps_per_epoch: int,
        validation: list[CropSample],
        mean_pose: MeanPose,
        vertex_parts: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.recipe, self.total_steps, self.steps_per_epoch = recipe, total_steps, steps_per_epoch
        self.network = initialized_network(recipe, hand_model)
        frozen = named_parts(self.network, "frozen", recipe.frozen)
        for part in frozen.values():
            part.requires_grad_(False)
        self._at_rest = [*frozen.values(), *named_parts(self.network, "resting", recipe.resting).values()]
        self._album = None
        if recipe.data.album:
            self._album = Album(recipe.data, recipe.seed, self.network.config.input_size, vertex_parts)
        self.parts: PartsHead | None = None
        self._seen: BackboneFeatures | None = None
        if recipe.parts_loss > 0:
            self.parts = PartsHead(self.network.backbone.channels[2]).to(memory_format=torch.channels_last)
            if recipe.start_from is not None:
                load_parts(self.parts, recipe.start_from)
            self.network.backbone.register_forward_hook(self._keep_seen)
        self.train()
        self._validation, self._mean_pose = validation, mean_pose
        self._evaluation: Evaluation | None = None

    def _keep_seen(self, _: nn.Module, __: tuple[Tensor], features: BackboneFeatures) -> None:
        self._seen = features

    def train(self, mode: bool = True) -> LGNetModule:
        """Into training mode; what is frozen or resting keeps the batch statistics that it began with."""
        super().train(mode)
        for part in self._at_rest:
            part.eval()
        return self

    def on_before_batch_transfer(
        self, batch: Batch | Tensor, dataloader_idx: int
    ) -> dict[str, Tensor] | Tensor:
        """Training batches come as arrays."""
        return to_tensors(batch) if isinstance(batch, dict) else batch

    def on_after_batch_transfer(
        self, batch: dict[str, Tensor] | Tensor, dataloader_idx: int
    ) -> dict[str, Tensor] | Tensor:
        """Where there is an album, training batches are cut from it."""
        if self._album is None or not isinstance(batch, dict):
            return batch
        return self._album.batch(batch, self.global_step, self.global_rank)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """One step's loss; now and then its parts are logged."""
        # What draws random numbers in a forward pass depends on the step alone, so that a resumed run draws
        # the same.
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.global_step)
        images = normalize(batch["images"]).contiguous(memory_format=torch.channels_last)
        output = self.network(images, batch["focal_px"])
        target = Target(**{name: batch[name] for name in Target._fields})
        config = self.network.config
        total, parts = total_loss(
            output, target, self.network.hand_model, config.input_size, config.loss_weights
        )
        if self.parts is not None:
            parts["parts"] = self.parts.loss(self._seen.last, batch["parts"])
            total = total + self.recipe.parts_loss * parts["parts"]
        if not torch.isfinite(total):
            raise UserError(
                f"training: the loss is {total.item()} in step {self.global_step}; lower the learning rate"
            )
        if self.global_step % _LOGGED_EVERY == 0:
            self.log("train/loss", total.detach(), prog_bar=True)
            self.log_dict({f"train/{name}": value.detach() for name, value in parts.items()})
        return total

    def configure_optimizers(self) -> dict[str, Any]:
        """The recipe's optimizer, stepped by its schedule."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = make_optimizer(self.recipe.optimizer, trained)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_share)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_validation_epoch_start(self) -> None:
        """Begins a new count."""
        self._evaluation = Evaluation(self.network.hand_model, self._mean_pose, images=False).to(self.device)

    def validation_step(self, indices: Tensor, batch_idx: int) -> None:
        """Adds some of the validation crops, by index."""
        samples = [self._validation[index] for index in indices.tolist()]
        prediction = self.predict_crops(samples)
        for index, sample in enumerate(samples):
            truth = HandsTruth.of_crop(sample)
            self._evaluation.add(estimate_of(prediction, index, truth), truth)

    def predict_crops(self, samples: list[CropSample]) -> NetworkPrediction:
        """What the network says of a list of crops."""
        images, focal_px = (values.to(self.device) for values in stacked(samples))
        images = normalize(images).contiguous(memory_format=torch.channels_last)
        return of_the_asked(prediction_of(self.network(images, focal_px)), samples)

    def on_validation_epoch_end(self) -> None:
        """Logs what the learning curve shows."""
        report = self._evaluation.report()
        values = {
            "mpjpe_mm": report["wrist"]["mpjpe_mm"],
            "mpvpe_mm": report["wrist"]["mpvpe_mm"],
            "mrrpe_mm": report["mrrpe_mm"],
            "presence_f1": report["presence_f1"],
            "swap_rate": report["swap_rate"],
            "missed_rate": report["missed_rate"],
            "wrist_known_mm": report["wrist_position_mm"]["known_size"],
            "wrist_unknown_mm": report["wrist_position_mm"]["unknown_size"],
            "palm_deg": report["palm_orientation_deg"],
            "mean_pose_mpjpe_mm": report["mean_pose"]["mpjpe_mm"],
        }
        # Already gathered over all processes by the metrics themselves.
        self.log_dict(
            {f"val/{name}": value for name, value in values.items() if value is not None}, rank_zero_only=True
        )
        self._evaluation = None

    def _learning_rate_share(self, step: int) -> float:
        return learning_rate_share(self.recipe.schedule, step, self.total_steps, self.steps_per_epoch)
