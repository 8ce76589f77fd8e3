"""LGNet for one crop on a CPU: the same function in a third of the operations.

Both hands go through one set of merged layers (`merging`), and what the hand model does lies outside, in
compiled loops (`posing`), between two networks:

    crop ─► `Sight` ─► rotations, shape, places, maps ─► posing ─► `Refinement` ─► offsets
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.hand_model.topology import JOINT_COUNT, LEFT, RIGHT, ROTATION_COUNT, SHAPE_COUNT
from lgnet_ros.inference.folding import fold_batch_norms
from lgnet_ros.inference.merging import (
    Affine,
    Matrix,
    MergedGIN,
    MergedLGFA,
    MergedTransformer,
    hands_of,
)
from lgnet_ros.network import LGNet, LGNetConfig, normalize
from lgnet_ros.network.graph import GINConvBlock
from lgnet_ros.network.heatmap import CELLS, cell_weights, centered, moments
from lgnet_ros.network.lgblock import GlobalUnit, JoinedTokens, LGBlock, LocalOnly, LocalUnit, SelfAdaptation
from lgnet_ros.network.mesh_stage import ParameterRegressor
from lgnet_ros.network.refine_stage import RefineStage
from lgnet_ros.network.units import CENTIMETRE

SEEN = (
    "joints_25d",
    "joints_25d_std",
    "sixd",
    "shape",
    "camera_translation",
    "relative_translation",
    "presence_logits",
    "cell_weights",
)
"""What `Sight` says of both hands: as in `LGNetOutput`, without the batch axis; sixd (2,16,6): 6D rotations.

cell_weights (2,21,64), with which joint features are sampled, is an output for its precision: what leads from
the last product to an output stays in float32 where the rest does not.
"""

MAPS = ("stem", "layer1", "cells", "start")
"""What it hands to the refine stage, where there is one, maps row by row: stem and layer1 (1,H·W,C); F_h and
F*_h through their share of the head's first layer, cells (2,64,4w); joints through theirs, start (2,4w)."""

EXACT = ("heatmaps", "marginals", "handed_stem", "handed_layer1")
"""Parts of `Sight` that 8 bits are too few for, beside what gives its outputs."""

_REGRESSED = 6 * ROTATION_COUNT + SHAPE_COUNT


def is_lean(config: LGNetConfig) -> bool:
    """Whether there is a lean form: of all but the ablations without a joint stage or a mesh stage."""
    return config.joint_stage and config.mesh_stage


class Sight(nn.Module):
    """One crop (1,S,S,3) uint8 RGB and its focal length (1,) px to `SEEN` and, to refine, `MAPS`."""

    embedding: Tensor
    uncertainty_scale: Tensor

    def __init__(self, network: LGNet) -> None:
        """`network` is in evaluation mode, its batch norms folded; shares its backbone, changes nothing."""
        super().__init__()
        joints, mesh = hands_of(network.joint_stage), network.mesh_stage
        self.backbone = network.backbone
        self.hand_features = Affine([Matrix.of(hand[0]) for hand in hands_of(network.hand_features)])
        embedding = network.embedding.detach().flatten(2).transpose(1, 2).contiguous()  # (2,64,c)
        self.register_buffer("embedding", embedding, persistent=False)
        self.register_buffer("uncertainty_scale", network.uncertainty_scale.clone(), persistent=False)
        self.adapt = _merged_block(network.lgblock)
        self.heatmaps = Affine([Matrix.of(hand.heatmaps) for hand in joints])
        self.joint_features = Affine([Matrix.of(hand.features[0]) for hand in joints])
        self.transformer = MergedTransformer(hands_of(mesh.transformer))
        pairs = zip(hands_of(mesh.parameters_of), hands_of(mesh.transformer), strict=True)
        regressors = [_regressor(regressor, before.norm) for regressor, before in pairs]
        self.of_features = Affine([features for features, _ in regressors])
        self.camera = network.camera[RIGHT]
        places = zip(hands_of(network.camera), hands_of(network.presence), strict=True)
        self.places = Affine([Matrix.of(camera.linear).beside(Matrix.of(logit)) for camera, logit in places])
        self.relative_translation = network.relative_translation
        self.refines = network.refine_stage is not None
        of_joints = [joints for _, joints in regressors]
        if self.refines:
            stages = hands_of(network.refine_stage)
            self.handed_stem, self.handed_layer1 = map(_HandedOver, network.backbone.channels[:2])
            self.cells = Affine([_on_adapted(stage, network.config.channels) for stage in stages])
            pairs = zip(of_joints, stages, strict=True)
            of_joints = [first.beside(Matrix.of(stage.head_joints)) for first, stage in pairs]
        self.of_joints = Affine(of_joints)
        self.marginals = _Marginals()

    def forward(self, crops: Tensor, focal_px: Tensor) -> tuple[Tensor, ...]:
        backbone = self.backbone(normalize(crops))
        own = F.relu(self.hand_features(_tokens(backbone.last))) + self.embedding
        adapted = self.adapt(own)  # (2,64,5c/4)
        joints, spread = self._joints(adapted)
        weights = cell_weights(joints[..., :2])
        features = self.transformer(weights @ F.relu(self.joint_features(adapted)))
        of_joints = self.of_joints(centered(joints).flatten(1)[:, None])
        regressed, start = of_joints.split([_REGRESSED, of_joints.shape[-1] - _REGRESSED], -1)
        regressed = regressed + self.of_features(features.flatten(1)[:, None])
        sixd, shape = regressed.squeeze(1).split([6 * ROTATION_COUNT, SHAPE_COUNT], -1)
        pooled = adapted.mean(-2, keepdim=True)
        camera, presence = self.places(pooled).squeeze(1).split([3, 1], -1)
        wrists = self.camera.placed(camera, focal_px)
        relative = self.relative_translation(pooled.flatten()[None])[0]
        sixd = sixd.unflatten(-1, (ROTATION_COUNT, 6))
        spread = spread * self.uncertainty_scale
        seen = (joints, spread, sixd, shape, wrists, relative, presence[:, 0], weights)
        if not self.refines:
            return seen
        maps = (self.handed_stem(backbone.stem), self.handed_layer1(backbone.layer1), self.cells(adapted))
        return *seen, *maps, start[:, 0]

    def _joints(self, adapted: Tensor) -> tuple[Tensor, Tensor]:
        """`soft_argmax` of the heat maps, the sums over rows, columns and layers as one product."""
        logits = self.heatmaps(adapted).transpose(1, 2).reshape(2, JOINT_COUNT, -1)  # (2,21,512)
        return moments(self.marginals(logits.softmax(-1)))


class Refinement(nn.Module):
    """What is seen under the vertices to their offsets ΔM (2,778,3), m.

    Inputs: found (2,778,F+3), stem, layer1 and M_r in decimetres; start (2,778,4w), `cells` under the
    vertices plus `start` of the joints.
    """

    def __init__(self, network: LGNet) -> None:
        """See `Sight`."""
        super().__init__()
        stages = hands_of(network.refine_stage)
        self.head = Affine([Matrix.of(stage.head_vertex) for stage in stages])
        self.narrow = Affine([Matrix.of(stage.head[1]) for stage in stages])
        self.graph = MergedGIN(tuple(stage.graph for stage in stages), _MeshSum(stages[0]))
        self.tail = nn.Sequential(
            Affine([Matrix.of(stage.tail[0]) for stage in stages]),
            nn.ReLU(),
            Affine([Matrix.of(stage.tail[2]) for stage in stages]),
        )

    def forward(self, found: Tensor, start: Tensor) -> Tensor:
        hidden = F.relu(self.narrow(F.relu(self.head(found) + start)))
        return CENTIMETRE * self.tail(self.graph(hidden))


def lean(network: LGNet) -> tuple[Sight, Refinement | None]:
    """The two networks; the given one stays as it is."""
    folded = copy.deepcopy(network).cpu().eval()
    fold_batch_norms(folded)
    return Sight(folded).eval(), Refinement(folded).eval() if folded.refine_stage is not None else None


class _MergedLGBlock(nn.Module):
    """Own features (2,64,c) to adapted ones (2,64,5c/4): `LGBlock`."""

    def __init__(self, block: LGBlock) -> None:
        super().__init__()
        local, wide = block.local_unit, block.global_unit
        self.graph = _merged_graph(local) if isinstance(local, LocalUnit) else nn.Identity()
        self.join = MergedLGFA([local.lgfa]) if isinstance(local, LocalUnit) else _Joined(local)
        self.global_unit = None if isinstance(wide, LocalOnly) else _MergedGlobalUnit(wide)
        self.reduce = Affine([Matrix.of(block.reduce)])

    def forward(self, own: Tensor) -> Tensor:
        graph = self.graph(own)
        shared = self.join(graph[:LEFT], graph[LEFT:])  # (1,64,c)
        if self.global_unit is not None:
            shared = self.global_unit(own, shared)
        return torch.cat([own, self.reduce(shared).expand(2, -1, -1)], -1)


class _MergedGlobalUnit(nn.Module):
    def __init__(self, unit: GlobalUnit) -> None:
        super().__init__()
        self.hands = MergedLGFA(hands_of(unit.hand))
        self.lgfa = MergedLGFA([unit.lgfa])

    def forward(self, own: Tensor, local: Tensor) -> Tensor:
        hands = self.hands(own, local.expand(2, -1, -1))
        return self.lgfa(hands[:LEFT], hands[LEFT:])


class _Joined(nn.Module):
    """`JoinedTokens`."""

    def __init__(self, unit: JoinedTokens) -> None:
        super().__init__()
        self.join = Affine([Matrix.of(unit.join)])

    def forward(self, right: Tensor, left: Tensor) -> Tensor:
        return self.join(torch.cat([right, left], -1))


class _SelfAdapted(nn.Module):
    """`SelfAdaptation`."""

    def __init__(self, block: SelfAdaptation) -> None:
        super().__init__()
        self.reduce = Affine([Matrix.of(block.reduce)])

    def forward(self, own: Tensor) -> Tensor:
        return torch.cat([own, self.reduce(own)], -1)


class _HandedOver(nn.Module):
    """Maps as an output, row by row, through a convolution that changes nothing.

    Without it OpenVINO would keep in float32 all that leads to the output since the last convolution, sums of
    residual blocks among it, and turn the map in memory: on ResNet-50 a tenth of the time.
    """

    ones: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("ones", torch.ones(channels, 1, 1, 1), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        return _tokens(F.conv2d(maps, self.ones, groups=len(self.ones)))


class _Marginals(nn.Module):
    """Distributions (…,512) over z, y, x to (…,3,8) along x, y and z: sums as a product.

    In bfloat16 they are off by up to 0.4 %, and so would be a place in the crop; hence the division.
    """

    sums: Tensor

    def __init__(self) -> None:
        super().__init__()
        z, y, x = torch.meshgrid(*[torch.arange(CELLS)] * 3, indexing="ij")
        sums = torch.cat([F.one_hot(part.flatten(), CELLS) for part in (x, y, z)], 1)
        self.register_buffer("sums", sums.float(), persistent=False)

    def forward(self, probability: Tensor) -> Tensor:
        sums = (probability @ self.sums).unflatten(-1, (3, CELLS))
        return sums / sums.sum(-1, keepdim=True)


class _EachHand(nn.Module):
    """Modules that have no merged form, one hand after the other."""

    def __init__(self, hands: Sequence[nn.Module]) -> None:
        super().__init__()
        self.hands = nn.ModuleList(hands)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([hand(x[side : side + 1]) for side, hand in enumerate(self.hands)])


class _GridSum(nn.Module):
    """A cell and its eight neighbors: a convolution by ones."""

    ones: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("ones", torch.ones(channels, 1, 3, 3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        maps = x.unflatten(1, (CELLS, CELLS)).permute(0, 3, 1, 2)  # (2,c,8,8)
        return _tokens(F.conv2d(maps, self.ones, padding=1, groups=len(self.ones)))


class _MeshSum(nn.Module):
    """A `NeighborSum` on both hands' meshes as on one of twice the size, the one operation that it is."""

    members: Tensor
    starts: Tensor

    def __init__(self, stage: RefineStage) -> None:
        super().__init__()
        own = stage.graph[0].first.neighbor_sum
        members, starts, nodes = own.matrix_members, own.matrix_starts, len(own.matrix_starts)
        self.register_buffer("members", torch.cat([members, members + nodes]), persistent=False)
        self.register_buffer("starts", torch.cat([starts, starts + len(members)]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.embedding_bag(self.members, x.flatten(0, 1), self.starts, mode="sum").unflatten(0, (2, -1))


def _merged_block(block: nn.Module) -> nn.Module:
    return _SelfAdapted(block) if isinstance(block, SelfAdaptation) else _MergedLGBlock(block)


def _merged_graph(unit: LocalUnit) -> nn.Module:
    hands = hands_of(unit.graph)
    if isinstance(hands[0], nn.Sequential) and isinstance(hands[0][0], GINConvBlock):
        return MergedGIN(hands, _GridSum(hands[0][0].mlp[0].in_features))
    return _EachHand(hands)


def _tokens(maps: Tensor) -> Tensor:
    """(K,C,H,W) to (K,H·W,C), which costs nothing behind a convolution."""
    return maps.flatten(2).transpose(1, 2)


def _regressor(regressor: ParameterRegressor, norm: nn.LayerNorm) -> tuple[Matrix, Matrix]:
    """6D rotations, then shape, of features (21·c) before the last norm's scale and shift, and of joints
    (21·3); to be added.
    """
    both = Matrix.of(regressor.rotations).beside(Matrix.of(regressor.shape))
    scale, shift = norm.weight.detach().double(), norm.bias.detach().double()
    of_features, of_joints = both.weight.unflatten(0, (JOINT_COUNT, -1)).split([len(scale), 3], 1)
    bias = both.bias + torch.einsum("c,jco->o", shift, of_features)
    of_features = scale[:, None] * of_features
    return Matrix(of_features.flatten(0, 1), torch.zeros_like(bias)), Matrix(of_joints.flatten(0, 1), bias)


def _on_adapted(stage: RefineStage, channels: int) -> Matrix:
    """The head's layer of [F_h, F*_h] as one of F*_h, which begins with F_h."""
    own, adapted = Matrix.of(stage.head_hand).weight.split([channels, channels + channels // 4])
    weight = adapted.clone()
    weight[:channels] += own
    return Matrix(weight, weight.new_zeros(weight.shape[1]))
