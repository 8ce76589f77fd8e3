"""Contact of meshes against what is known in closed form and against a slow search over every triangle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.hand_model import HandModel
from lgnet_ros.interaction import SurfaceContact, SurfaceTopology, surface_contact

RADIUS = 0.05


@pytest.fixture(scope="module")
def sphere() -> tuple[np.ndarray, np.ndarray]:
    """An icosahedron divided four times: (V, 3) on a sphere of 5 cm, faces wound outward."""
    g = (1 + 5**0.5) / 2
    vertices = [
        (-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0), (0, -1, g), (0, 1, g),
        (0, -1, -g), (0, 1, -g), (g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1),
    ]  # fmt: skip
    faces = [
        (0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2),
        (10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5),
        (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1),
    ]  # fmt: skip
    points = [np.array(v, dtype=float) / np.linalg.norm(v) for v in vertices]
    for _ in range(3):
        middle: dict[tuple[int, int], int] = {}
        finer = []
        for face in faces:
            mids = []
            for k in range(3):
                edge = tuple(sorted((face[k], face[(k + 1) % 3])))
                if edge not in middle:
                    between = points[edge[0]] + points[edge[1]]
                    middle[edge] = len(points)
                    points.append(between / np.linalg.norm(between))
                mids.append(middle[edge])
            finer += [
                (face[0], mids[0], mids[2]),
                (face[1], mids[1], mids[0]),
                (face[2], mids[2], mids[1]),
                tuple(mids),
            ]
        faces = finer
    return RADIUS * np.array(points), np.array(faces)


def contact_of_spheres(
    sphere: tuple[np.ndarray, np.ndarray], apart: float, contact_m: float = 0.005
) -> SurfaceContact:
    vertices, faces = sphere
    topology = SurfaceTopology(faces, len(vertices))
    turn = Rotation.from_euler("xyz", [0.3, 0.2, 0.1]).as_matrix()
    return surface_contact(vertices, vertices @ turn.T + [apart, 0, 0], topology, topology, contact_m)


@pytest.mark.parametrize("gap", [0.001, 0.02, 0.3])
def test_spheres_apart_are_as_far_as_their_gap(sphere: tuple, gap: float) -> None:
    contact = contact_of_spheres(sphere, 2 * RADIUS + gap)
    assert contact.distance_m == pytest.approx(gap, abs=0.001)
    assert contact.penetration_m == 0
    first, second = contact.closest_points
    assert np.linalg.norm(second - first) == pytest.approx(contact.distance_m)
    np.testing.assert_allclose(first, [RADIUS, 0, 0], atol=0.02)


@pytest.mark.parametrize("depth", [0.002, 0.01])
def test_spheres_inside_each_other_penetrate_by_their_overlap(sphere: tuple, depth: float) -> None:
    contact = contact_of_spheres(sphere, 2 * RADIUS - depth)
    assert contact.distance_m == 0
    assert contact.penetration_m == pytest.approx(depth, abs=0.001)
    assert len(contact.contacts) > 0


def test_contacts_appear_within_the_contact_distance_only(sphere: tuple) -> None:
    assert len(contact_of_spheres(sphere, 2 * RADIUS + 0.004, 0.002).contacts) == 0
    contacts = contact_of_spheres(sphere, 2 * RADIUS + 0.004, 0.006).contacts
    assert len(contacts) > 0
    np.testing.assert_allclose(contacts[:, 0], RADIUS + 0.002, atol=0.002)


def test_swapping_the_surfaces_swaps_the_closest_points(sphere: tuple) -> None:
    vertices, faces = sphere
    topology, other = SurfaceTopology(faces, len(vertices)), vertices * [1, 0.8, 1.2] + [0.11, 0.02, 0.01]
    there, back = (
        surface_contact(*pair, topology, topology) for pair in ((vertices, other), (other, vertices))
    )
    assert there.distance_m == pytest.approx(back.distance_m)
    np.testing.assert_allclose(there.closest_points, back.closest_points[::-1], atol=1e-9)


def test_hands_in_any_relation_agree_with_a_search_over_every_triangle() -> None:
    model, rng = HandModel.load(), np.random.default_rng(0)
    right, left = (
        model(torch.zeros(16, 3), torch.zeros(10), side).vertices.double().numpy()
        for side in ("right", "left")
    )
    topologies = [SurfaceTopology(model.faces(side), 778) for side in ("right", "left")]
    for apart in (0.01, 0.06, 0.15):
        other = left @ Rotation.random(random_state=int(1000 * apart)).as_matrix().T + rng.normal(0, apart, 3)
        contact = surface_contact(right, other, *topologies)
        nearest = min(
            to_triangles(right, other[model.faces("left")]).min(),
            to_triangles(other, right[model.faces("right")]).min(),
        )
        if contact.penetration_m == 0:
            assert contact.distance_m == pytest.approx(nearest, abs=1e-9)
        else:
            assert contact.distance_m == 0


def test_an_open_wrist_does_not_make_the_world_inside_the_hand() -> None:
    model = HandModel.load()
    vertices = model(torch.zeros(16, 3), torch.zeros(10), "right").vertices.double().numpy()
    topology = SurfaceTopology(model.faces("right"), 778)
    # Fingers point to −x: this hand's fingers face the other's open wrist.
    behind_the_wrist = vertices + [0.30, 0, 0]
    assert surface_contact(vertices, behind_the_wrist, topology, topology).penetration_m == 0


def to_triangles(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(60,) distances of the points nearest to the triangles: the slow way, plane and edges of each."""
    centers = triangles.mean(axis=1)
    rough = np.linalg.norm(points[:, None] - centers, axis=-1).min(axis=1)
    points = points[np.argsort(rough)[:60], None]  # (60, 1, 3) against (F, 3)
    a, b, c = triangles.transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    height = ((points - a) * normal).sum(axis=-1)
    foot = points - height[..., None] * normal
    inside = np.ones(height.shape, dtype=bool)
    best = np.full(height.shape, np.inf)
    for p, q in ((a, b), (b, c), (c, a)):
        inside &= (np.cross(q - p, foot - p) * normal).sum(axis=-1) >= 0
        along = np.clip(((points - p) * (q - p)).sum(axis=-1) / ((q - p) ** 2).sum(axis=-1), 0, 1)
        best = np.minimum(best, np.linalg.norm(points - p - along[..., None] * (q - p), axis=-1))
    return np.where(inside, np.minimum(best, np.abs(height)), best).min(axis=1)
