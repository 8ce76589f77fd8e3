"""Muon: orthogonal steps for matrices, AdamW's for the rest, and a state that can be taken up again."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lgnet_ros.training.muon import Muon, is_matrix, orthogonalized


@pytest.mark.parametrize("shape", [(16, 16), (12, 40), (40, 12)])
def test_all_directions_of_a_matrix_get_about_the_same_length(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalized(torch.randn(3, *shape)))
    assert values.min() > 0.6 and values.max() < 1.3


def test_the_directions_themselves_stay() -> None:
    torch.manual_seed(1)
    left, _, right = torch.linalg.svd(torch.randn(20, 20))
    matrix = left @ torch.diag(torch.linspace(1, 2, 20)) @ right
    aligned = (left.T @ orthogonalized(matrix[None])[0] @ right.T).diagonal()
    assert (aligned > 0.6).all()


def test_convolutions_are_matrices_and_depthwise_kernels_vectors_and_narrow_ones_are_not() -> None:
    assert is_matrix(nn.Conv2d(16, 32, 3).weight) and is_matrix(nn.Linear(8, 9).weight)
    assert not is_matrix(nn.Conv2d(16, 16, 3, groups=16).weight)
    assert not is_matrix(nn.Linear(16, 3).weight) and not is_matrix(nn.Linear(16, 8).bias)


def test_what_is_no_matrix_learns_as_with_adamw() -> None:
    torch.manual_seed(2)
    ours = nn.Parameter(torch.randn(7))
    theirs = nn.Parameter(ours.detach().clone())
    muon = Muon([{"params": [ours], "lr": 0.01, "weight_decay": 0.1}])
    adamw = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1)
    for step in range(20):
        gradient = torch.randn(7) * (step + 1)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        muon.step()
        adamw.step()
    torch.testing.assert_close(ours, theirs)


def test_a_least_squares_problem_is_solved_and_a_state_taken_up_again_goes_the_same_way() -> None:
    torch.manual_seed(3)
    weight, inputs = torch.randn(10, 12), torch.randn(64, 12)

    def learn(layer: nn.Linear, optimizer: Muon, steps: int) -> float:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = (layer(inputs) - inputs @ weight.T).square().mean()
            loss.backward()
            optimizer.step()
        return loss.item()

    layer = nn.Linear(12, 10)
    groups = [{"params": [layer.weight], "lr": 0.05, "matrices": True}, {"params": [layer.bias], "lr": 0.01}]
    optimizer = Muon(groups)
    first = learn(layer, optimizer, 1)
    learn(layer, optimizer, 99)
    other = copy.deepcopy(layer)
    resumed = Muon([{"params": [other.weight], "matrices": True}, {"params": [other.bias]}])
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert learn(layer, optimizer, 50) < 0.01 * first
    learn(other, resumed, 50)
    torch.testing.assert_close(layer.weight, other.weight)
