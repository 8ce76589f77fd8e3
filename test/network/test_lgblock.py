"""LGBlock: Algorithm 2's flow, and what each ablation of it leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from lgnet_ros.network import LGNetConfig, LocalGraph
from lgnet_ros.network.graph import ChebyshevBlock, GINConvBlock
from lgnet_ros.network.lgblock import make_lgblock

SMALL = replace(LGNetConfig.nano(), channels=16)


def tokens() -> tuple[torch.Tensor, torch.Tensor]:
    right, left = torch.randn(2, 2, 64, 16)
    return right, left


def test_the_block_is_algorithm_2() -> None:
    block = make_lgblock(SMALL).eval()
    right, left = tokens()
    graph, hand = block.local_unit.graph.hands, block.global_unit.hand.hands
    local = block.local_unit.lgfa(graph[0](right), graph[1](left))
    shared = block.reduce(block.global_unit.lgfa(hand[0](right, local), hand[1](left, local)))
    got_right, got_left = block(right, left)
    torch.testing.assert_close(got_right, torch.cat([right, shared], -1))
    torch.testing.assert_close(got_left, torch.cat([left, shared], -1))


def test_without_lgblock_each_hand_keeps_to_itself() -> None:
    block = make_lgblock(SMALL.without("lgblock"))
    right, left = tokens()
    before, _ = block(right, left)
    after, _ = block(right, left + 1)
    torch.testing.assert_close(before, after)
    torch.testing.assert_close(before[..., :16], right)


def test_without_local_unit_a_linear_layer_joins_the_hands() -> None:
    block = make_lgblock(SMALL.without("local_unit")).eval()
    right, left = tokens()
    join = block.local_unit.join
    torch.testing.assert_close(block.local_unit(right, left), join(torch.cat([right, left], -1)))
    assert not any(isinstance(part, GINConvBlock) for part in block.modules())


def test_without_global_unit_the_local_features_pass() -> None:
    block = make_lgblock(SMALL.without("global_unit")).eval()
    right, left = tokens()
    shared = block.reduce(block.local_unit(right, left))
    torch.testing.assert_close(block(right, left)[1], torch.cat([left, shared], -1))


@pytest.mark.parametrize(
    "graph, kind",
    [(LocalGraph.GIN, GINConvBlock), (LocalGraph.CHEBYSHEV, ChebyshevBlock), (LocalGraph.NONE, nn.Identity)],
)
def test_the_local_graph_is_the_one_asked_for(graph: LocalGraph, kind: type[nn.Module]) -> None:
    block = make_lgblock(replace(SMALL, local_graph=graph))
    assert any(isinstance(part, kind) for part in block.local_unit.graph.modules())
    other = {GINConvBlock, ChebyshevBlock} - {kind}
    assert not any(isinstance(part, tuple(other)) for part in block.modules())


def test_one_branch_serves_both_hands_without_lr_feature() -> None:
    separate, shared = (
        sum(p.numel() for p in make_lgblock(c).parameters()) for c in (SMALL, SMALL.without("lr_feature"))
    )
    block = make_lgblock(SMALL)
    one_hand = [*block.local_unit.graph.hands[0].parameters(), *block.global_unit.hand.hands[0].parameters()]
    assert separate - shared == sum(p.numel() for p in one_hand)
