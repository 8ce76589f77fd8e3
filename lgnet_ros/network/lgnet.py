"""LGNet (Xue and Wang): one crop to two hand meshes, in a joint, a mesh and a refine stage."""

from __future__ import annotations

from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn

from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, RIGHT, SIDES, VERTEX_COUNT
from lgnet_ros.network.backbone import BackboneFeatures, ResNet50
from lgnet_ros.network.config import Backbone, LGNetConfig
from lgnet_ros.network.efficientnet import EfficientNetLite0
from lgnet_ros.network.hand_centers import HandCenters
from lgnet_ros.network.hands import PerHand
from lgnet_ros.network.heads import CameraHead, PresenceHead, RelativeTranslationHead
from lgnet_ros.network.heatmap import CELLS, sample_bilinear
from lgnet_ros.network.joint_stage import JointEstimate, make_joint_stage
from lgnet_ros.network.lgblock import make_lgblock
from lgnet_ros.network.lgfa import LGFA
from lgnet_ros.network.mesh_stage import MeshEstimate, make_mesh_stage
from lgnet_ros.network.output import LGNetOutput
from lgnet_ros.network.palms import Palms
from lgnet_ros.network.precision import full_precision
from lgnet_ros.network.projection import project_to_crop
from lgnet_ros.network.refine_stage import RefineInput, RefineStage
from lgnet_ros.network.sparse import NeighborSum

_SIDES = (RIGHT, LEFT)
_BACKBONES = {Backbone.RESNET50: ResNet50, Backbone.EFFICIENTNET_LITE0: EfficientNetLite0}


class LGNet(nn.Module):
    """The network of one configuration.

    Its hand model, a copy of its own, moves with it and never enters its state dict.

    centers, palms: look at whole images, where `forward` looks at crops; None in most configurations.

    Args:
        config: sizes, ablations, alternatives.
        hand_model: what the rough mesh is posed with, and whose mesh the refine stage's graph is.
    """

    uncertainty_scale: Tensor  # (3,) of x, y, z; 1 until fitted on a validation split

    def __init__(self, config: LGNetConfig, hand_model: HandModel) -> None:
        super().__init__()
        self.config = config
        # A copy: whoever gave it goes on posing hands on the CPU while the network is on a device.
        self.hand_model = deepcopy(hand_model)
        channels, separate = config.channels, config.lr_feature
        self.backbone = _BACKBONES[config.backbone]()
        stem, layer1, last = self.backbone.channels
        self.hand_features = PerHand(partial(_hand_features, last, channels), separate)
        self.embedding = nn.Parameter(0.5 * torch.randn(2, channels, CELLS, CELLS))
        self.lgblock = make_lgblock(config)
        self.joint_stage = PerHand(partial(make_joint_stage, config), separate)
        self.mesh_stage = make_mesh_stage(config)
        self.camera = PerHand(partial(CameraHead, channels, config.input_size), separate)
        self.presence = PerHand(partial(PresenceHead, channels), separate)
        self.relative_translation = RelativeTranslationHead(channels)
        self.refine_stage = _refine_stages(config, stem + layer1, hand_model) if config.refine_stage else None
        self.centers = HandCenters() if config.centers else None
        self.palms = Palms() if config.palms else None
        self.register_buffer("uncertainty_scale", torch.ones(3))

    def forward(self, images: Tensor, focal_px: Tensor) -> LGNetOutput:
        """Reconstruct both hands.

        Args:
            images: (B,3,S,S) RGB crops, normalized (see `normalize`), S = config.input_size.
            focal_px: (B,) the crop cameras' focal length, crop px.
        """
        backbone, own, adapted = self._features(images)
        joints = [self.joint_stage[side](adapted[side]) for side in _SIDES]
        mesh = self.mesh_stage(joints, self.hand_model)
        pooled = [features.mean((-2, -1)) for features in adapted]  # (B,5c/4) each
        wrists = torch.stack([self.camera[side](pooled[side], focal_px) for side in _SIDES], 1)
        with full_precision(wrists):
            rough = mesh.vertices - (self._joint_regressor() @ mesh.vertices)[..., :1, :]
        final = rough
        if self.refine_stage is not None:
            pixels = project_to_crop((rough + wrists[:, :, None]).detach(), focal_px, self.config.input_size)
            hands = [torch.cat([own[side], adapted[side]], 1) for side in _SIDES]
            final = rough + self._offsets(rough.detach(), pixels, joints, backbone, hands)
        presence = torch.cat([self.presence[side](pooled[side]) for side in _SIDES], -1)
        relative = self.relative_translation(torch.cat(pooled, -1))
        return self._output(joints, mesh, wrists, rough, final, relative, presence.float())

    @torch.no_grad()
    def attention_maps(self, images: Tensor, focal_px: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """What each LGFA attends to (Figure 4), by module name.

        Each is the first pass's (B,129,129) and the second's (B,64,129); keys are the class token, then the
        64 cells, row by row, of the module's first and second input.
        """
        maps: dict[str, tuple[Tensor, Tensor]] = {}

        def keep(name: str, module: LGFA, inputs: tuple[Tensor, ...]) -> None:
            maps[name] = module.attention_maps(*inputs)

        named = [(name, module) for name, module in self.named_modules() if isinstance(module, LGFA)]
        hooks = [module.register_forward_pre_hook(partial(keep, name)) for name, module in named]
        try:
            self(images, focal_px)
        finally:
            for hook in hooks:
                hook.remove()
        return maps

    def _features(self, images: Tensor) -> tuple[BackboneFeatures, list[Tensor], list[Tensor]]:
        """The image's maps, and per hand F_h (B,c,8,8) and F*_h (B,5c/4,8,8)."""
        backbone = self.backbone(images)
        own = [self.hand_features[side](backbone.last) + self.embedding[side] for side in _SIDES]
        tokens = [features.flatten(2).transpose(-1, -2) for features in own]  # (B,c,8,8) to (B,64,c)
        joined = self.lgblock(*tokens)
        adapted = [part.transpose(-1, -2).unflatten(-1, (CELLS, CELLS)) for part in joined]
        return backbone, own, adapted

    def _offsets(
        self,
        rough: Tensor,
        pixels: Tensor,
        joints: list[JointEstimate],
        backbone: BackboneFeatures,
        hands: list[Tensor],
    ) -> Tensor:
        """ΔM (B,2,778,3), m."""
        # Both hands look at the same image: one pass over its maps, and one over their gradients.
        places, size = pixels.flatten(1, 2), self.config.input_size  # (B,2·778,2)
        maps = (backbone.stem, backbone.layer1)
        fine = torch.cat([sample_bilinear(part.float(), places, size) for part in maps], -1)
        fine = fine.unflatten(1, (2, VERTEX_COUNT))
        offsets = []
        for side in _SIDES:
            cells = joints[side].joints.detach()
            inputs = RefineInput(rough[:, side], pixels[:, side], cells, fine[:, side], hands[side])
            offsets.append(self.refine_stage[side](inputs))
        return torch.stack(offsets, 1)

    def _output(
        self,
        joints: list[JointEstimate],
        mesh: MeshEstimate,
        wrists: Tensor,
        rough: Tensor,
        final: Tensor,
        relative: Tensor,
        presence: Tensor,
    ) -> LGNetOutput:
        with full_precision(final):
            rough_joints = self._joint_regressor() @ rough
            final_joints = rough_joints if final is rough else self._joint_regressor() @ final
        return LGNetOutput(
            joints_25d=torch.stack([hand.joints for hand in joints], 1),
            heatmap_logits=torch.stack([hand.logits for hand in joints], 1),
            joints_25d_std=torch.stack([hand.spread for hand in joints], 1) * self.uncertainty_scale,
            rotations=mesh.rotations,
            shape=mesh.shape,
            camera_translation=wrists,
            rough_vertices=rough,
            vertices=final,
            rough_joints=rough_joints,
            joints=final_joints,
            relative_translation=relative,
            presence_logits=presence,
        )

    def _joint_regressor(self) -> Tensor:
        """(2,21,778)."""
        return torch.stack([self.hand_model.joint_regressor(side) for side in SIDES])


def _hand_features(inputs: int, channels: int) -> nn.Sequential:
    """The 1×1 convolution that makes the image's features one hand's."""
    return nn.Sequential(nn.Conv2d(inputs, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())


def _refine_stages(config: LGNetConfig, fine_channels: int, hand_model: HandModel) -> PerHand:
    neighbor_sum = NeighborSum(hand_model.edges, VERTEX_COUNT)
    return PerHand(partial(RefineStage, config, fine_channels, neighbor_sum), config.lr_feature)
