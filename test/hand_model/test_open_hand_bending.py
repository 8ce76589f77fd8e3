"""The open hand through the anatomical range of each joint: nothing turns inside out, nothing collapses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lgnet_ros.hand_model import HandModel, mesh
from lgnet_ros.hand_model.anatomy import (
    FINGER_JOINT_NAMES,
    JOINT_LIMITS,
    anatomical_axes,
    rotations_from_angles,
)

MOST_BAD_FACES = 0.01
MOST_VOLUME_CHANGE = 0.20
COLLAPSED = 0.05  # of the area at rest


def angles_through_the_range(joint: int) -> list[np.ndarray]:
    """(15, 3) angles: flexion in five steps at the middle and both ends of abduction; the twist's ends."""
    flexion, abduction, twist = JOINT_LIMITS[joint]
    combined = [(f, a, 0.0) for f in np.linspace(*flexion, 5) for a in sorted({0.0, *abduction})]
    result = []
    for own in [*combined, *((0.0, 0.0, t) for t in twist)]:
        angles = np.zeros((15, 3))
        angles[joint] = own
        result.append(angles)
    return result


def posed(model: HandModel, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    local = rotations_from_angles(torch.tensor(angles, dtype=torch.float32), anatomical_axes(model, "right"))
    hand = model(torch.cat([torch.eye(3)[None], local]), torch.zeros(10), "right")
    return hand.vertices.double().numpy(), hand.rotations.double().numpy()


def share_of_bad_faces(model: HandModel, vertices: np.ndarray, rotations: np.ndarray) -> float:
    """Faces that look against where their bones turn them, or have lost their area."""
    arrays, faces = model.arrays("right"), model.faces("right")
    rest = mesh.face_normals(arrays.v_template.astype(float), faces)
    bent = mesh.face_normals(vertices, faces)
    expected = np.einsum("fj,jab,fb->fa", arrays.weights[faces].mean(1), rotations, rest)
    inverted = (bent * expected).sum(1) < 0
    collapsed = np.linalg.norm(bent, axis=1) < COLLAPSED * np.linalg.norm(rest, axis=1)
    return float((inverted | collapsed).mean())


def segment_faces(model: HandModel, joint: int) -> np.ndarray:
    """The faces of one finger segment: those whose corners all move most with the joint's bone."""
    owner = model.arrays("right").weights.argmax(1)
    faces = model.faces("right")
    return faces[(owner[faces] == joint + 1).all(1)]


def segment_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume of a segment whose open ends are closed by fans from their middles."""
    edges = {tuple(edge) for edge in mesh.directed_edges(faces)}
    following = {a: b for a, b in edges if (b, a) not in edges}
    volume = mesh.enclosed_volume(vertices, faces)
    while following:
        loop = [next(iter(following))]
        while loop[-1] in following:
            loop.append(following.pop(loop[-1]))
        rim = vertices[loop[:-1]]
        fan = np.cross(np.roll(rim, -1, axis=0), rim)  # the lid's edges run against the rim's
        volume += float(fan.sum(0) @ rim.mean(0)) / 6
    return volume


@pytest.mark.parametrize("joint", range(15), ids=FINGER_JOINT_NAMES)
def test_at_most_one_face_in_a_hundred_inverts_or_collapses(open_hand: HandModel, joint: int) -> None:
    shares = [share_of_bad_faces(open_hand, *posed(open_hand, a)) for a in angles_through_the_range(joint)]
    assert max(shares) <= MOST_BAD_FACES


@pytest.mark.parametrize("joint", range(15), ids=FINGER_JOINT_NAMES)
def test_each_finger_segment_keeps_its_volume_within_a_fifth(open_hand: HandModel, joint: int) -> None:
    segments = [segment_faces(open_hand, segment) for segment in range(15)]
    rest = [segment_volume(open_hand.arrays("right").v_template.astype(float), faces) for faces in segments]
    assert min(rest) > 1e-6  # each holds at least a milliliter
    for angles in angles_through_the_range(joint):
        vertices, _ = posed(open_hand, angles)
        for before, faces in zip(rest, segments, strict=True):
            assert segment_volume(vertices, faces) / before == pytest.approx(1.0, abs=MOST_VOLUME_CHANGE)


def test_a_fist_keeps_the_whole_hands_volume_better_than_without_correctives(open_hand: HandModel) -> None:
    angles = np.zeros((15, 3))
    angles[:12, 0] = np.tile(np.radians([85, 95, 60]), 4)
    vertices, rotations = posed(open_hand, angles)
    arrays, faces = open_hand.arrays("right"), open_hand.faces("right")
    template = arrays.v_template.astype(float)
    local = rotations_from_angles(
        torch.tensor(angles, dtype=torch.float32), anatomical_axes(open_hand, "right")
    )
    offsets = arrays.posedirs @ (local - torch.eye(3)).flatten().numpy()
    skinned_back = np.linalg.solve(np.einsum("vj,jab->vab", arrays.weights, rotations), np.zeros((778, 3, 1)))
    assert skinned_back.shape == (778, 3, 1)  # the blends are invertible: no vertex is torn between bones
    plain = vertices - np.einsum("vj,jab,vb->va", arrays.weights, rotations, offsets)
    whole = mesh.enclosed_volume(template, faces)
    kept, lost = (abs(mesh.enclosed_volume(v, faces) / whole - 1) for v in (vertices, plain))
    assert kept < 0.05 and kept < 0.6 * lost


def test_the_segment_volume_of_a_cut_box_is_the_boxs() -> None:
    corners = np.array([[x, y, z] for x in (0, 1.0) for y in (0, 2.0) for z in (0, 3.0)]) + 5
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6)]  # the lids z = 0 and z = 3 are open
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    assert segment_volume(corners, faces) == pytest.approx(6.0)
