"""LGFA, the local-and-global feature adaptive module (Algorithm 1, Eqs. 3–6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lgnet_ros.network.attention import attention, attention_weights


class LGFA(nn.Module):
    """Joins two token sets into one.

    ```
    tf  = FC(concat_channels(A, B))        FCToken
    t   = concat_tokens(cls, A, B)
    ts  = adapt(t, t)                      SAToken
    out = adapt(tf, ts)
    adapt(q, kv) = MLP(a) + a  with  a = softmax(Q q · (K kv)ᵀ / √c) · V kv + q
    ```
    Q, K, V and the MLP are shared by the two passes, one head.

    Args:
        channels: c.
        literal: as the algorithm is written, a linear MLP and no normalization; else GELU and pre-LayerNorm.
    """

    def __init__(self, channels: int, literal: bool = False) -> None:
        super().__init__()
        self.join = nn.Linear(2 * channels, channels)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, channels))
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.attention_norm = nn.Identity() if literal else nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Identity() if literal else nn.LayerNorm(channels),
            nn.Linear(channels, 4 * channels),
            nn.Identity() if literal else nn.GELU(),
            nn.Linear(4 * channels, channels),
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(B,64,c) and (B,64,c) to (B,64,c)."""
        joined, tokens = self._tokens(first, second)
        return self._adapt(joined, self._adapt(tokens, tokens))

    @torch.no_grad()
    def attention_maps(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """The two passes' attention, (B,129,129) and (B,64,129); keys are cls, then A's and B's tokens."""
        joined, tokens = self._tokens(first, second)
        return self._weights(tokens, tokens), self._weights(joined, self._adapt(tokens, tokens))

    def _tokens(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """FCToken (B,64,c) and the concatenated tokens (B,129,c)."""
        class_token = self.class_token.to(first.dtype).expand(first.shape[0], -1, -1)
        return self.join(torch.cat([first, second], -1)), torch.cat([class_token, first, second], 1)

    def _adapt(self, queries: Tensor, sources: Tensor) -> Tensor:
        query = self.attention_norm(queries)
        source = query if sources is queries else self.attention_norm(sources)
        attended = attention(self.query(query), self.key(source), self.value(source)) + queries
        return self.mlp(attended) + attended

    def _weights(self, queries: Tensor, sources: Tensor) -> Tensor:
        query, key = self.query(self.attention_norm(queries)), self.key(self.attention_norm(sources))
        return attention_weights(query, key)
