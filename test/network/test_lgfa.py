"""LGFA against Algorithm 1 written out with explicit softmax."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from lgnet_ros.network.lgfa import LGFA


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return x @ layer.weight.T + layer.bias


def layer_norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / (variance + layer.eps).sqrt() * layer.weight + layer.bias


def plain_lgfa(module: LGFA, a: Tensor, b: Tensor, literal: bool) -> tuple[Tensor, list[Tensor]]:
    """Algorithm 1, line by line; also the two attention maps."""
    maps = []

    def adapt(query: Tensor, source: Tensor) -> Tensor:
        nq, ns = (x if literal else layer_norm(module.attention_norm, x) for x in (query, source))
        scores = linear(module.query, nq) @ linear(module.key, ns).mT / math.sqrt(query.shape[-1])
        exponents = (scores - scores.amax(-1, keepdim=True)).exp()
        maps.append(exponents / exponents.sum(-1, keepdim=True))
        attended = maps[-1] @ linear(module.value, ns) + query
        hidden = linear(module.mlp[1], attended if literal else layer_norm(module.mlp[0], attended))
        if not literal:
            hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
        return linear(module.mlp[3], hidden) + attended

    class_tokens = torch.cat([module.class_token] * len(a))
    t_f = linear(module.join, torch.cat([a, b], -1))
    t = torch.cat([class_tokens, a, b], 1)
    return adapt(t_f, adapt(t, t)), maps


@pytest.mark.parametrize("literal", [False, True])
def test_lgfa_equals_algorithm_1_written_out(literal: bool) -> None:
    module = LGFA(16, literal)
    a, b = torch.randn(2, 3, 64, 16)
    expected, maps = plain_lgfa(module, a, b, literal)
    torch.testing.assert_close(module(a, b), expected, atol=1e-5, rtol=1e-5)
    for got, reference in zip(module.attention_maps(a, b), maps, strict=True):
        torch.testing.assert_close(got, reference, atol=1e-5, rtol=1e-5)


def test_the_class_token_joins_129_tokens_and_attention_sums_to_one() -> None:
    first, second = LGFA(16).attention_maps(*torch.randn(2, 2, 64, 16))
    assert first.shape == (2, 129, 129)
    assert second.shape == (2, 64, 129)
    torch.testing.assert_close(second.sum(-1), torch.ones(2, 64))


def test_both_passes_share_query_key_value_and_mlp() -> None:
    c = 32
    weights = 2 * c * c + 3 * c * c + 8 * c * c
    biases_norms_and_token = c + 3 * c + 5 * c + 4 * c + c
    assert sum(p.numel() for p in LGFA(c).parameters()) == weights + biases_norms_and_token
