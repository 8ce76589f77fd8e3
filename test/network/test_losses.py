"""Losses against loops over faces, edges, neighbors and cells; and what masks must keep out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lgnet_ros.hand_model import HandModel
from lgnet_ros.network import (
    LGNet,
    LGNetConfig,
    LGNetOutput,
    LossWeights,
    Target,
    losses,
    mesh_losses,
    total_loss,
)
from lgnet_ros.network.heatmap import cells_to_depth, cells_to_pixels
from lgnet_ros.network.mesh_topology import MeshTopology

# A tetrahedron that lacks a face: vertices of two and of three neighbors, edges of one and of two faces.
FACES = np.array([[0, 1, 2], [0, 2, 3]])
EDGES = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]])
BOTH = torch.ones(2, 2, dtype=torch.bool)


def meshes() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    vertices, target = torch.randn(2, 2, 2, 4, 3, generator=generator)
    return vertices, target


def test_mesh_and_joint_losses_are_mean_absolute_centimetres() -> None:
    vertices, target = meshes()
    expected = 100 * np.abs(vertices.numpy() - target.numpy()).mean()
    assert mesh_losses.mesh_loss(vertices, target, BOTH).item() == pytest.approx(expected)
    joints = torch.ones(2, 2, 4, dtype=torch.bool)
    joints[0, 1, 2] = False
    kept = np.abs(vertices.numpy() - target.numpy())[joints.numpy()]
    assert mesh_losses.joint_loss(vertices, target, joints).item() == pytest.approx(100 * kept.mean())


def test_normal_loss_equals_loops_over_faces_and_edges() -> None:
    vertices, target = (mesh.numpy() for mesh in meshes())
    values = []
    for b, h in np.ndindex(2, 2):
        for face in FACES:
            p, q, r = target[b, h, face]
            normal = np.cross(q - p, r - p) / np.linalg.norm(np.cross(q - p, r - p))
            for start, end in ((0, 1), (1, 2), (2, 0)):
                edge = vertices[b, h, face[end]] - vertices[b, h, face[start]]
                values.append(abs(edge @ normal) / np.linalg.norm(edge))
    got = mesh_losses.normal_loss(*meshes(), MeshTopology(FACES, 4), BOTH)
    assert got.item() == pytest.approx(np.mean(values), abs=1e-5)


def test_edge_loss_equals_loops_over_faces_and_edges() -> None:
    vertices, target = (mesh.numpy() for mesh in meshes())
    values = []
    for b, h in np.ndindex(2, 2):
        for face in FACES:
            for start, end in ((0, 1), (1, 2), (2, 0)):
                lengths = [
                    np.linalg.norm(m[b, h, face[end]] - m[b, h, face[start]]) for m in (vertices, target)
                ]
                values.append(abs(lengths[0] - lengths[1]))
    got = mesh_losses.edge_loss(*meshes(), MeshTopology(FACES, 4), BOTH)
    assert got.item() == pytest.approx(100 * np.mean(values), rel=1e-5)


def test_laplacian_loss_equals_neighbor_lists() -> None:
    vertices, target = (mesh.numpy() for mesh in meshes())
    neighbors = {i: [a + b - i for a, b in EDGES.tolist() if i in (a, b)] for i in range(4)}
    values = []
    for b, h in np.ndindex(2, 2):
        offsets = 100 * (target[b, h] - vertices[b, h])
        for i in range(4):
            values.append(np.sum((offsets[i] - np.mean([offsets[k] for k in neighbors[i]], axis=0)) ** 2))
    got = mesh_losses.laplacian_loss(*meshes(), MeshTopology(FACES, 4), BOTH)
    assert got.item() == pytest.approx(np.mean(values), rel=1e-5)


def test_a_mesh_moved_as_a_whole_has_neither_normal_edge_nor_laplacian_loss(hand_model: HandModel) -> None:
    target = hand_model.both(torch.zeros(1, 2, 16, 3), torch.zeros(1, 2, 10)).vertices
    moved, mask = target + torch.tensor([0.01, -0.02, 0.03]), BOTH[:1]
    mesh = MeshTopology(hand_model.faces("left"), 778)
    assert mesh_losses.mesh_loss(moved, target, mask).item() == pytest.approx(2.0, rel=1e-4)
    assert mesh_losses.normal_loss(moved, target, mesh, mask) < 1e-4
    assert mesh_losses.edge_loss(moved, target, mesh, mask) < 1e-4
    assert mesh_losses.laplacian_loss(moved, target, mesh, mask) < 1e-6


def test_masked_entries_have_neither_value_nor_gradient() -> None:
    values = torch.tensor([[1.0, math.nan], [3.0, math.inf]], requires_grad=True)
    mask = torch.tensor([[True, False], [True, False]])
    mean = mesh_losses.masked_mean(values, mask)
    assert mean.item() == 2
    (gradient,) = torch.autograd.grad(mean, values)
    torch.testing.assert_close(gradient, torch.tensor([[0.5, 0.0], [0.5, 0.0]]))
    assert mesh_losses.masked_mean(values, torch.zeros_like(mask)).item() == 0


def test_heatmap_loss_is_the_cross_entropy_written_out() -> None:
    logits = torch.randn(1, 2, 21, 8, 8, 8)
    target = torch.full((1, 2, 21, 3), 3.0)
    target[..., 2] = 4.25
    log_probability = logits.flatten(-3).log_softmax(-1).unflatten(-1, (8, 8, 8))
    expected = -(0.75 * log_probability[..., 4, 3, 3] + 0.25 * log_probability[..., 5, 3, 3]).mean()
    got = losses.heatmap_loss(logits, target, torch.ones(1, 2, 21, dtype=torch.bool))
    torch.testing.assert_close(got, expected)


def test_projection_loss_by_hand() -> None:
    """1 cm to the right, 0.5 m away, f = 200 px: 4 px, a quarter of a cell; half of it, as y agrees."""
    target = torch.tensor([0.0, 0.0, 0.5]).expand(1, 2, 21, 3)
    joints, mask = target + torch.tensor([0.01, 0, 0]), torch.ones(1, 2, 21, dtype=torch.bool)
    got = losses.projection_loss(joints, target, torch.tensor([200.0]), mask, 128)
    assert got.item() == pytest.approx(0.125, rel=1e-4)


def test_joints_to_cells_goes_by_the_crops_pixels_and_the_wrists_depth() -> None:
    joints = torch.tensor([0.1, -0.05, 0.8]).repeat(1, 2, 21, 1)
    joints[:, :, 1, 2] = 0.9
    cells = losses.joints_to_cells(joints, torch.tensor([300.0]), 256)
    pixels = cells_to_pixels(cells[0, 1, 1, :2], 256)
    torch.testing.assert_close(pixels, torch.tensor([127.5 + 300 * 0.1 / 0.9, 127.5 - 300 * 0.05 / 0.9]))
    torch.testing.assert_close(cells_to_depth(cells[0, 1, 1, 2]), torch.tensor(0.1))
    torch.testing.assert_close(cells[0, 0, 0, 2], torch.tensor(3.5))


@pytest.fixture(scope="module")
def network(hand_model: HandModel) -> LGNet:
    torch.manual_seed(0)
    return LGNet(replace(LGNetConfig.nano(), input_size=128), hand_model)


def perfect(target: Target, output: LGNetOutput) -> LGNetOutput:
    """An output that says what the target says."""
    wrists = target.joints[:, :, :1]
    vertices, joints = target.vertices - wrists, target.joints - wrists
    return output._replace(
        joints_25d=losses.joints_to_cells(target.joints, target.focal_px, 128),
        rotations=target.rotations,
        shape=target.shape,
        camera_translation=wrists[:, :, 0],
        rough_vertices=vertices,
        vertices=vertices,
        rough_joints=joints,
        joints=joints,
        relative_translation=target.joints[:, 1, 0] - target.joints[:, 0, 0],
        presence_logits=100 * (2 * target.presence - 1),
    )


def test_the_truth_has_no_loss_but_the_spread_of_its_heat_maps(
    network: LGNet, hand_model: HandModel, make_scene: Callable[..., tuple[Tensor, Target]]
) -> None:
    images, target = make_scene(2)
    output = perfect(target, network.eval()(images, target.focal_px))
    _, parts = total_loss(output, target, hand_model, 128)
    assert {name for name, value in parts.items() if value > 1e-3} == {"heatmap"}


def test_the_total_is_the_weighted_sum_of_parts_named_as_their_weights(
    network: LGNet, hand_model: HandModel, make_scene: Callable[..., tuple[Tensor, Target]]
) -> None:
    images, target = make_scene(2)
    weights = LossWeights(mesh=0.3, shape=7.0, normal=0.0)
    total, parts = total_loss(network.eval()(images, target.focal_px), target, hand_model, 128, weights)
    assert set(parts) == {field.name for field in fields(LossWeights)} - {"normal"}  # its weight is 0
    expected = sum(getattr(weights, name) * value for name, value in parts.items())
    torch.testing.assert_close(total, expected)


def spoiled(target: Target, how: str) -> Target:
    """A target whose first sample lacks something, with NaN where nothing is known."""
    nan = torch.full_like(target.joints[0, 1], math.nan)
    target = Target(*(part.clone() for part in target))
    if how == "left hand absent":
        target.presence[0, 1] = 0
        target.joints[0, 1], target.vertices[0, 1], target.rotations[0, 1] = nan, math.nan, math.nan
    elif how == "all hands absent":
        target.presence[:] = 0
        target.joints[:], target.vertices[:] = 0, 0
    elif how == "hand behind the camera":
        target.joints[0, 1, :, 2] -= 2
        target.vertices[0, 1, :, 2] -= 2
    elif how == "all joints masked":
        target.joints_valid[:] = False
        target.joints[:] = math.nan
    elif how == "no mesh annotated":
        target.mesh_valid[:] = False
        target.vertices[:], target.shape[:], target.rotations[:] = math.nan, math.nan, math.nan
    return target


@pytest.mark.parametrize(
    "how",
    [
        "left hand absent",
        "all hands absent",
        "hand behind the camera",
        "all joints masked",
        "no mesh annotated",
    ],
)
def test_nothing_missing_makes_a_nan(
    how: str, network: LGNet, hand_model: HandModel, make_scene: Callable[..., tuple[Tensor, Target]]
) -> None:
    images, target = make_scene(2)
    target = spoiled(target, how)
    network.train().zero_grad()
    total, parts = total_loss(network(images, target.focal_px), target, hand_model, 128)
    total.backward()
    assert total.isfinite()
    assert all(value.isfinite() for value in parts.values())
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_an_absent_hand_is_taught_nothing_but_its_absence(
    network: LGNet, hand_model: HandModel, make_scene: Callable[..., tuple[Tensor, Target]]
) -> None:
    images, target = make_scene(2)
    target.presence[:, 1] = 0
    output = network.eval()(images, target.focal_px)
    leaves = output._replace(vertices=output.vertices.detach().requires_grad_())
    total, _ = total_loss(leaves, target, hand_model, 128)
    (gradient,) = torch.autograd.grad(total, leaves.vertices)
    assert gradient[:, 0].any()
    assert not gradient[:, 1].any()


def test_joints_that_a_soft_argmax_cannot_reach_are_masked(
    network: LGNet, hand_model: HandModel, make_scene: Callable[..., tuple[Tensor, Target]]
) -> None:
    images, target = make_scene(1)
    joints = target.joints.clone()
    joints[0, 0, 5] = torch.tensor([0.3, 0.0, 0.75])  # 82 px right of the middle of 128: outside the crop
    joints[0, 0, 6] = joints[0, 0, 0] + torch.tensor([0.0, 0.0, 0.24])  # deeper than 0.22 m
    output = network.eval()(images, target.focal_px)
    leaves = output._replace(joints_25d=output.joints_25d.detach().requires_grad_())
    total, _ = total_loss(leaves, target._replace(joints=joints), hand_model, 128)
    (gradient,) = torch.autograd.grad(total, leaves.joints_25d)
    assert not gradient[0, 0, 5].any()
    assert not gradient[0, 0, 6].any()
    assert gradient[0, 0, 7].any()
