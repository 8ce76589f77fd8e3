from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull, cKDTree

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel, mesh
from lgnet_ros.hand_model.topology import SIDES


def piercing_pairs(vertices: np.ndarray, faces: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of faces without a common vertex of which one's edge passes through the other, by brute force."""
    corners = vertices[faces]
    low, high = corners.min(1), corners.max(1)
    pairs = []
    for one in range(len(faces)):
        near = np.flatnonzero((low <= high[one]).all(1) & (high >= low[one]).all(1))
        near = near[~np.isin(faces[near], faces[one]).any(1)]
        for edge in range(3):
            start, end = corners[one, edge], corners[one, (edge + 1) % 3]
            pairs += [(one, int(other)) for other in near[_pierces(start, end, corners[near])]]
    return pairs


def _pierces(start: np.ndarray, end: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Möller and Trumbore: does the segment pass through each triangle?"""
    along = end - start
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    across = np.cross(along, second)
    determinant = np.einsum("ij,ij->i", first, across)
    safe = np.where(np.abs(determinant) > 1e-18, determinant, np.inf)
    offset = start - triangles[:, 0]
    u = np.einsum("ij,ij->i", offset, across) / safe
    turned = np.cross(offset, first)
    v = turned @ along / safe
    t = np.einsum("ij,ij->i", second, turned) / safe
    return (u >= 0) & (v >= 0) & (u + v <= 1) & (t >= 0) & (t <= 1) & np.isfinite(safe)


def test_the_counts_are_manos(open_hand: HandModel) -> None:
    arrays = open_hand.arrays("right")
    assert (arrays.v_template.shape, arrays.f.shape) == ((778, 3), (1538, 3))
    assert len(np.unique(arrays.f)) == 778


def test_it_is_a_sphere_with_one_hole_of_sixteen_edges(open_hand: HandModel) -> None:
    faces = open_hand.faces("right")
    assert mesh.euler_characteristic(faces) == 1
    assert len(open_hand.wrist_boundary) == 16
    directed = [tuple(edge) for edge in mesh.directed_edges(faces)]
    assert len(set(directed)) == len(directed), "an edge runs twice the same way: not orientable there"
    uses = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)[1]
    assert sorted(set(uses)) == [1, 2] and (uses == 1).sum() == 16


@pytest.mark.parametrize("side", SIDES)
def test_normals_point_outward(open_hand: HandModel, side: str) -> None:
    vertices = open_hand.arrays(side).v_template.astype(float)
    centered = vertices - vertices[open_hand.wrist_boundary].mean(0)  # so that the open end adds nothing
    assert 2e-4 < mesh.enclosed_volume(centered, open_hand.faces(side)) < 5e-4  # m³: 200 to 500 ml


def test_every_open_edge_has_a_face_with_an_apex_of_its_own(open_hand: HandModel) -> None:
    on_rim = np.isin(open_hand.faces("right"), open_hand.wrist_boundary).sum(1)
    assert (on_rim == 3).sum() == 0 and (on_rim == 2).sum() == 16


def test_vertex_normals_of_a_ball_point_away_from_its_center() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    faces = ConvexHull(points).simplices
    outward = (mesh.face_normals(points, faces) * points[faces].mean(1)).sum(1) > 0
    faces = np.where(outward[:, None], faces, faces[:, ::-1])
    assert (mesh.vertex_normals(points, faces) * points).sum(1).min() > 0.9


def test_no_face_passes_through_another_at_rest(open_hand: HandModel) -> None:
    assert piercing_pairs(open_hand.arrays("right").v_template.astype(float), open_hand.faces("right")) == []


def test_the_brute_force_check_finds_a_pierced_pair() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.2, 0.2, -1], [0.2, 0.2, 1], [0.3, 5, 1.0]])
    assert piercing_pairs(vertices, np.array([[0, 1, 2], [3, 4, 5]]))


def test_the_frame_is_as_documented(open_hand: HandModel) -> None:
    vertices = open_hand.arrays("right").v_template
    tips = dict(
        zip(
            ("thumb", "index", "middle", "ring", "little"),
            vertices[open_hand.fingertip_vertices],
            strict=True,
        )
    )
    assert tips["middle"][0] < -0.15  # fingers along −x
    assert (
        tips["thumb"][2] > tips["index"][2] > tips["middle"][2] > tips["ring"][2] > tips["little"][2]
    )  # thumb +z
    nails = vertices[open_hand.nail_vertices[7:]]  # the fingers' nails lie on the back, +y
    pads = vertices[open_hand.fingertip_vertices[1:]].mean(0)
    assert nails[:, 1].mean() > pads[1]
    assert vertices[open_hand.wrist_boundary][:, 0] == pytest.approx(0.012, abs=1e-4)


def test_fingertips_are_the_farthest_vertices_of_their_fingers(open_hand: HandModel) -> None:
    arrays = open_hand.arrays("right")
    for last_joint, tip in zip((15, 3, 6, 12, 9), arrays.fingertip_vertices, strict=True):
        center = (arrays.J_regressor @ arrays.v_template)[last_joint]
        segment = np.flatnonzero(arrays.weights[:, last_joint] > 0.9)
        distances = np.linalg.norm(arrays.v_template[segment] - center, axis=1)
        assert np.linalg.norm(arrays.v_template[tip] - center) > 0.97 * distances.max()


def test_vertices_are_denser_at_the_fingertips_than_on_the_palm(open_hand: HandModel) -> None:
    vertices = open_hand.arrays("right").v_template
    spacing = cKDTree(vertices).query(vertices, k=4)[0][:, 1:].mean(1)
    near_tip = (
        np.linalg.norm(vertices[:, None] - vertices[open_hand.fingertip_vertices], axis=2).min(1) < 0.012
    )
    palm = open_hand.arrays("right").weights[:, 0] > 0.9
    assert spacing[near_tip].mean() < 0.7 * spacing[palm].mean()


def test_a_closed_mesh_is_no_hand() -> None:
    tetrahedron = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]])
    with pytest.raises(UserError, match="closed"):
        mesh.boundary_loop(tetrahedron)
