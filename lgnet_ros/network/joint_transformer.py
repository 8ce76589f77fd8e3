"""SJT, the self-joint transformer: the 21 joints of one hand attend to one another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lgnet_ros.hand_model.topology import JOINT_COUNT
from lgnet_ros.network.attention import attention

BLOCKS = 4
HEADS = 4
MLP_RATIO = 4


class JointTransformer(nn.Module):
    """Learned positional embedding, four pre-norm blocks, a last LayerNorm: (B,21,c) to (B,21,c)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(0.02 * torch.randn(JOINT_COUNT, channels))
        self.blocks = nn.Sequential(*(TransformerBlock(channels) for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.blocks(features + self.embedding))


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)) with GELU (Vaswani et al., 2017; pre-norm)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, MLP_RATIO * channels),
            nn.GELU(),
            nn.Linear(MLP_RATIO * channels, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(self.attention_norm(x)).unflatten(-1, (3, HEADS, -1))  # (B,21,3c) to (B,21,3,4,c/4)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B,4,21,c/4) each
        attended = attention(query, key, value)
        x = x + self.out(attended.transpose(1, 2).flatten(-2))
        return x + self.mlp(x)
