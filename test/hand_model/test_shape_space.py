from __future__ import annotations

import numpy as np
import torch

from lgnet_ros.hand_model import HandModel, mesh


def hand_length(model: HandModel, shape: torch.Tensor) -> torch.Tensor:
    posed = model(torch.zeros(*shape.shape[:-1], 16, 3), shape, "right")
    return (posed.joints[..., 12, :] - posed.joints[..., 0, :]).norm(dim=-1)


def test_components_are_ordered_by_variance_and_orthogonal(open_hand: HandModel) -> None:
    components = open_hand.arrays("right").shapedirs.reshape(-1, 10).astype(float)
    strengths = np.linalg.norm(components, axis=0)
    assert (np.diff(strengths) <= 0).all()
    cosines = (components / strengths).T @ (components / strengths)
    np.testing.assert_allclose(cosines, np.eye(10), atol=1e-4)


def test_the_first_component_is_size_and_positive_is_larger(open_hand: HandModel) -> None:
    shape = torch.zeros(3, 10)
    shape[:, 0] = torch.tensor([-1.0, 0.0, 1.0])
    small, mean, large = hand_length(open_hand, shape).tolist()
    assert 1.04 < large / mean < 1.09 and 0.91 < small / mean < 0.96


def test_normal_coefficients_span_the_human_range_of_hand_lengths(open_hand: HandModel) -> None:
    shapes = torch.tensor(np.random.default_rng(0).normal(size=(400, 10)), dtype=torch.float32)
    lengths = hand_length(open_hand, shapes)
    assert 0.05 < (lengths.std() / lengths.mean()).item() < 0.08


def test_hands_of_any_likely_shape_stay_right_side_out(open_hand: HandModel) -> None:
    shapes = torch.tensor(np.random.default_rng(1).normal(size=(60, 10)), dtype=torch.float32)
    posed = open_hand(torch.zeros(60, 16, 3), shapes, "right")
    faces = open_hand.faces("right")
    rest = mesh.face_normals(open_hand.arrays("right").v_template.astype(float), faces)
    normals = mesh.face_normals(posed.vertices.double().numpy(), faces)
    assert ((normals * rest).sum(-1) < 0).mean() < 1e-3
