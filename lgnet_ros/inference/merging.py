"""Both hands' layers as one: a CPU spends less on few large products than on many small ones.

A merged layer holds the weights of right and left one above the other and takes activations with a hand axis
in front, (2,N,c). Batch norms have been folded away before; the scale and shift of a LayerNorm go into the
layers behind it. All functions are those of the plain modules, whose names they bear.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgnet_ros.hand_model.topology import JOINT_COUNT
from lgnet_ros.network.graph import GINConvBlock, GINResBlock
from lgnet_ros.network.hands import PerHand
from lgnet_ros.network.joint_transformer import HEADS, JointTransformer, TransformerBlock
from lgnet_ros.network.lgfa import LGFA


class Matrix(NamedTuple):
    """A layer x W + b: weight (I,O), bias (O,), in float64 until it is done."""

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, layer: nn.Linear | nn.Conv2d) -> Matrix:
        """A linear layer, or a 1×1 convolution as one on tokens."""
        weight = layer.weight.detach().double().flatten(1).T
        bias = weight.new_zeros(weight.shape[1]) if layer.bias is None else layer.bias.detach().double()
        return cls(weight, bias)

    def after(self, norm: nn.Module) -> Matrix:
        """The layer for what comes before the scale and shift of a LayerNorm; unchanged for an identity."""
        if not isinstance(norm, nn.LayerNorm):
            return self
        scale, shift = norm.weight.detach().double(), norm.bias.detach().double()
        return Matrix(scale[:, None] * self.weight, self.bias + shift @ self.weight)

    def beside(self, other: Matrix) -> Matrix:
        """Both layers of one input: the outputs side by side."""
        return Matrix(torch.cat([self.weight, other.weight], 1), torch.cat([self.bias, other.bias]))


_MANY = 128  # outputs of a product


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x W of one layer, (I,O), or of one for each hand, (2,I,O).

    Both hands' products at once are not for AMX, in OpenVINO 2026.4, where rows outnumber many outputs: those
    take a third of the time one after the other.
    """
    hands, outputs = weight.ndim == 3, weight.shape[-1]
    if hands and len(x) == len(weight) and _MANY <= outputs <= x.shape[-2]:
        return torch.stack([rows @ of_hand for rows, of_hand in zip(x, weight, strict=True)])
    return x @ weight


class Affine(nn.Module):
    """x W + b of one layer, (I,O), or of one for each hand, (2,I,O)."""

    weight: Tensor
    bias: Tensor

    def __init__(self, matrices: Sequence[Matrix]) -> None:
        super().__init__()
        weight, bias = (torch.stack(parts).float() for parts in zip(*matrices, strict=True))
        bias = bias.unsqueeze(-2)
        several = len(matrices) > 1
        self.register_buffer("weight", (weight if several else weight[0]).contiguous(), persistent=False)
        self.register_buffer("bias", bias if several else bias[0], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(…,N,I) to (…,N,O)."""
        return product(x, self.weight) + self.bias


def hands_of(modules: PerHand) -> tuple[nn.Module, nn.Module]:
    """Right and left; twice the same where they share one."""
    return modules[0], modules[1]


def normalized(x: Tensor) -> Tensor:
    """LayerNorm without its scale and shift."""
    return F.layer_norm(x, x.shape[-1:])


class MergedLGFA(nn.Module):
    """One `LGFA`, or one for each hand.

    Keys are what they are made from: of (Q q)·(K k) all of K goes into the queries, but for what is the same
    for all keys of a query, which a softmax does not see. The values' bias passes through the attention,
    whose weights sum to 1, and is added behind it.
    """

    class_token: Tensor
    value: Tensor
    value_bias: Tensor

    def __init__(self, blocks: Sequence[LGFA]) -> None:
        super().__init__()
        tokens = torch.cat([block.class_token.detach() for block in blocks])
        self.register_buffer("class_token", tokens, persistent=False)
        self.normalizes = isinstance(blocks[0].attention_norm, nn.LayerNorm)
        self.join = Affine([Matrix.of(block.join) for block in blocks])
        self.query = Affine([_query_for_plain_keys(block) for block in blocks])
        value = Affine([Matrix.of(block.value).after(block.attention_norm) for block in blocks])
        self.register_buffer("value", value.weight, persistent=False)
        self.register_buffer("value_bias", value.bias, persistent=False)
        self.mlp = _mlp([block.mlp for block in blocks])

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(H,64,c) and (H,64,c) to (H,64,c), H the number of blocks."""
        tokens = torch.cat([self.class_token, first, second], -2)
        return self._adapt(self.join(torch.cat([first, second], -1)), self._adapt(tokens, tokens))

    def _adapt(self, queries: Tensor, sources: Tensor) -> Tensor:
        keys = self._before(sources)
        query = self.query(keys if queries is sources else self._before(queries))
        parts = (part[:, None] for part in (query, keys, product(keys, self.value)))  # (H,1,N,c) each
        attended = _attention(*parts)[:, 0] + (queries + self.value_bias)
        return self.mlp(self._before(attended)) + attended

    def _before(self, x: Tensor) -> Tensor:
        return normalized(x) if self.normalizes else x


class MergedGIN(nn.Module):
    """Both hands' `GINConvBlock`s and `GINResBlock`s, one after the other.

    Args:
        stacks: right and left.
        neighbor_sum: (2,N,c) to x_i + Σ neighbors.
    """

    def __init__(
        self, stacks: tuple[nn.Sequential, nn.Sequential], neighbor_sum: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.neighbor_sum = neighbor_sum
        pairs = list(zip(*(_blocks(stack) for stack in stacks), strict=True))
        self.first = nn.ModuleList(Affine([Matrix.of(hand.mlp[0]) for _, hand in pair]) for pair in pairs)
        self.second = nn.ModuleList(Affine([Matrix.of(hand.mlp[2]) for _, hand in pair]) for pair in pairs)
        self.roles = [role for (role, _), _ in pairs]

    def forward(self, x: Tensor) -> Tensor:
        """(2,N,c) to (2,N,c)."""
        kept = x
        for role, first, second in zip(self.roles, self.first, self.second, strict=True):
            kept = x if role == _OPENS else kept
            x = F.relu(second(F.relu(first(self.neighbor_sum(x)))))
            x = x + kept if role == _CLOSES else x
        return x


class MergedTransformer(nn.Module):
    """Both hands' `JointTransformer`s: (2,21,c) to (2,21,c), before the last norm's scale and shift.

    A 22nd token, to which none attends, makes the number of rows even: only such products are for AMX in
    OpenVINO 2026.4, in less than half the time.
    """

    embedding: Tensor

    def __init__(self, hands: tuple[JointTransformer, JointTransformer]) -> None:
        super().__init__()
        embedding = torch.stack([hand.embedding.detach() for hand in hands])
        self.register_buffer("embedding", embedding, persistent=False)
        self.blocks = nn.Sequential(*map(_MergedBlock, zip(*(hand.blocks for hand in hands), strict=True)))

    def forward(self, features: Tensor) -> Tensor:
        tokens = F.pad(features + self.embedding, (0, 0, 0, JOINT_COUNT % 2))
        return normalized(self.blocks(tokens)[:, :JOINT_COUNT])


class _MergedBlock(nn.Module):
    """Both hands' `TransformerBlock`s, of joints and of tokens behind them that none attends to."""

    def __init__(self, blocks: tuple[TransformerBlock, ...]) -> None:
        super().__init__()
        self.qkv = Affine([_scaled_qkv(block) for block in blocks])
        self.out = Affine([Matrix.of(block.out) for block in blocks])
        self.mlp = _mlp([block.mlp for block in blocks])

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(normalized(x)).unflatten(-1, (3, HEADS, -1))  # (2,22,3,4,c/4)
        query, key, value = (part.transpose(1, 2) for part in qkv.unbind(2))  # (2,4,22,c/4)
        attended = _attention(query, key[:, :, :JOINT_COUNT], value[:, :, :JOINT_COUNT])
        x = x + self.out(attended.transpose(1, 2).flatten(-2))
        return x + self.mlp(normalized(x))


_ALONE, _OPENS, _CLOSES = range(3)  # a GINConvBlock of its own, the first and the last of a GINResBlock


def _blocks(stack: nn.Sequential) -> list[tuple[int, GINConvBlock]]:
    """The GINConvBlocks of a stack with their roles in it."""
    found: list[tuple[int, GINConvBlock]] = []
    for part in stack:
        inside = isinstance(part, GINResBlock)
        found += [(_OPENS, part.first), (_CLOSES, part.second)] if inside else [(_ALONE, part)]
    return found


def _mlp(layers: Sequence[nn.Sequential]) -> nn.Sequential:
    """Norm (done outside), linear, activation, linear."""
    widen = Affine([Matrix.of(hand[1]).after(hand[0]) for hand in layers])
    return nn.Sequential(widen, layers[0][2], Affine([Matrix.of(hand[3]) for hand in layers]))


def _query_for_plain_keys(block: LGFA) -> Matrix:
    query, key = (Matrix.of(part).after(block.attention_norm) for part in (block.query, block.key))
    scale = 1 / math.sqrt(key.weight.shape[1])
    return Matrix(scale * query.weight @ key.weight.T, scale * query.bias @ key.weight.T)


def _scaled_qkv(block: TransformerBlock) -> Matrix:
    weight, bias = Matrix.of(block.qkv).after(block.attention_norm)
    channels = len(weight)
    scale = torch.ones_like(bias)
    scale[:channels] = 1 / math.sqrt(channels // HEADS)
    return Matrix(scale * weight, scale * bias)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(q kᵀ) v, (H,heads,N,d) each, the queries scaled beforehand.

    Without an axis for a single head OpenVINO 2026.4 ends the process while it compiles.
    """
    return (query @ key.transpose(-1, -2)).softmax(-1) @ value
