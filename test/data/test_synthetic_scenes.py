"""What happens in scenes: shares of the test split, plausible hands, no flesh in flesh."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from lgnet_ros.data.synthetic.build import PlacedHand, hand_kits
from lgnet_ros.data.synthetic.choreography import HANDED_OVER_S
from lgnet_ros.data.synthetic.clips import CLIP_NAMES, Clip
from lgnet_ros.data.synthetic.looks import sample_person
from lgnet_ros.data.synthetic.meshes import Mesh
from lgnet_ros.data.synthetic.orientation import (
    arm_along,
    random_rotation,
    root_from,
    sample_arm,
    sample_root,
    sample_viewpoint,
)
from lgnet_ros.data.synthetic.pairs import sample_apart, sample_pair
from lgnet_ros.data.synthetic.poses import POSES, sample_pose, within_limits
from lgnet_ros.data.synthetic.scene import sample_scene
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.shapes import sample_shape
from lgnet_ros.data.synthetic.stream import render_crop_sample
from lgnet_ros.data.synthetic.surroundings import bodies, table
from lgnet_ros.data.synthetic.texture_bank import texture_bank
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.anatomy import JOINT_LIMITS
from lgnet_ros.hand_model.topology import LEFT, RIGHT, SIDES


def test_fast_posing_is_the_hand_models() -> None:
    model, rng = HandModel.load(), np.random.default_rng(0)
    for side in (RIGHT, LEFT):
        kit, shape = hand_kits()[side], rng.normal(0, 1, 10).astype(np.float32)
        rotations = kit.hand.rotations(rng.normal(0, 0.4, (15, 3)), random_rotation(rng))
        grown = kit.grown(shape)
        fast = kit.hand.pose(rotations, grown.vertices, grown.joints)
        slow = model(torch.from_numpy(rotations), torch.from_numpy(shape), SIDES[side])
        for name in ("vertices", "joints", "chain"):
            np.testing.assert_allclose(getattr(fast, name), getattr(slow, name).numpy(), atol=2e-6)
        np.testing.assert_allclose(fast.turned, slow.rotations.numpy(), atol=1e-5)


def test_lessons_begin_with_one_whole_hand_that_fills_the_crop() -> None:
    settings = SyntheticSettings(scenes="one_hand")
    crops = [render_crop_sample(3, index, settings, 64) for index in range(20)]
    assert all(crop.presence.sum() == 1 for crop in crops)
    assert {int(crop.presence.argmax()) for crop in crops} == {RIGHT, LEFT}
    for crop in crops:
        joints = crop.joints[crop.presence][0]
        pixels = crop.focal_px * joints[:, :2] / joints[:, 2:]
        assert np.ptp(pixels, axis=0).max() > 0.35 * 64


def test_the_second_lesson_shows_hands_near_each_other_that_fill_the_crop() -> None:
    settings = SyntheticSettings(scenes="near")
    crops = [render_crop_sample(3, index, settings, 64) for index in range(30)]
    of_two = [crop for crop in crops if crop.presence.all()]
    assert 10 <= len(of_two) <= 25
    for crop in of_two:
        joints = crop.joints.reshape(-1, 3)
        pixels = crop.focal_px * joints[:, :2] / joints[:, 2:]
        assert np.ptp(pixels, axis=0).max() > 0.35 * 64


def test_named_and_sampled_poses_stay_within_the_joints_ranges() -> None:
    rng, kit = np.random.default_rng(1), hand_kits()[RIGHT]
    for angles in [
        *(within_limits(pose) for pose in POSES.values()),
        *(sample_pose(rng, kit.hand, kit.spheres) for _ in range(50)),
    ]:
        assert np.all(angles >= JOINT_LIMITS[..., 0] - 0.02) and np.all(angles <= JOINT_LIMITS[..., 1] + 0.25)


def test_a_root_points_the_fingers_and_the_back_where_it_is_told() -> None:
    fingers, back = np.array([0.6, -0.8, 0.0]), np.array([0.0, 0.0, -1.0])
    for side, toward_fingers in ((RIGHT, [-1.0, 0, 0]), (LEFT, [1.0, 0, 0])):
        root = root_from(fingers, back, 0.0, side)
        np.testing.assert_allclose(root @ root.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(root) == pytest.approx(1.0)
        np.testing.assert_allclose(root @ toward_fingers, fingers, atol=1e-12)
        np.testing.assert_allclose(root @ [0, 1.0, 0], back, atol=1e-12)
        turned = root_from(fingers, back, 0.7, side)
        np.testing.assert_allclose(turned, Rotation.from_rotvec(0.7 * fingers).as_matrix() @ root, atol=1e-12)


def test_most_hands_are_within_ninety_degrees_of_upright() -> None:
    rng = np.random.default_rng(2)
    upright = [(sample_root(rng, RIGHT) @ [-1.0, 0, 0])[1] < 0 for _ in range(600)]
    assert 0.74 < np.mean(upright) < 0.86  # 60 % by design, and half of the rest


def test_hand_lengths_spread_by_six_percent() -> None:
    rng, kit = np.random.default_rng(3), hand_kits()[RIGHT]
    sizes = [kit.grown(sample_shape(rng, kit.hand)).size for _ in range(600)]
    assert 0.052 < np.std(sizes) < 0.066
    assert abs(np.mean(sizes) - 1.0) < 0.01


def test_skin_tones_are_even_over_the_human_range() -> None:
    rng, bank = np.random.default_rng(4), texture_bank("test")
    people = [sample_person(rng, "test", bank) for _ in range(500)]
    counts, _ = np.histogram([person.tone for person in people], bins=3, range=(0, 9))
    assert counts.min() > 120
    light = np.mean([p.back.mean() for p in people if p.tone < 1])
    dark = np.mean([p.back.mean() for p in people if p.tone > 8])
    assert light / dark > 8


def test_the_test_split_has_the_shares_that_the_design_fixes() -> None:
    settings = SyntheticSettings(split="test")
    counts = np.zeros(3)
    for index in range(150):
        hands = sum(hand is not None for hand in sample_scene(21, index, settings).hands)
        counts[hands] += 1
    shares = counts / counts.sum()
    np.testing.assert_allclose(shares, [0.10, 0.30, 0.60], atol=0.1)


def _deepest(inner: PlacedHand, outer: PlacedHand) -> float:
    """How deep the deepest vertex of one hand lies in the other: solid angles tell inside, triangles' planes
    depth."""
    faces = np.concatenate([outer.kit.hand.faces, _cap(outer)])
    v = outer.posed.vertices.astype(np.float64)
    points = inner.posed.vertices.astype(np.float64)
    points = points[np.all((points > v.min(axis=0)) & (points < v.max(axis=0)), axis=1)]
    if not len(points):
        return 0.0
    a, b, c = (v[faces[:, k]][None] - points[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(edge, axis=2) for edge in (a, b, c))
    solid = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
    rest = la * lb * lc + np.sum(a * b, 2) * lc + np.sum(b * c, 2) * la + np.sum(c * a, 2) * lb
    inside = points[np.abs(np.arctan2(solid, rest).sum(axis=1)) > np.pi]
    if not len(inside):
        return 0.0
    centers = v[faces].mean(axis=1)
    normals = np.cross(v[faces[:, 1]] - v[faces[:, 0]], v[faces[:, 2]] - v[faces[:, 0]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    nearest = np.argmin(np.linalg.norm(inside[:, None] - centers[None], axis=2), axis=1)
    return float(np.abs(np.einsum("pi,pi->p", inside - centers[nearest], normals[nearest])).max())


def _cap(hand: PlacedHand) -> np.ndarray:
    loop = hand.kit.arm.boundary
    fan = np.stack([np.full(len(loop) - 2, loop[0]), loop[2:], loop[1:-1]], axis=1)
    return fan if hand.side == RIGHT else fan[:, ::-1]


@pytest.mark.slow
def test_interacting_hands_do_not_pass_through_each_other() -> None:
    """Fewer than 1 in 100 deeper than 5 mm: here none of 40; some do touch."""
    rng, kits = np.random.default_rng(6), hand_kits()
    depths, gaps = [], []
    for _ in range(40):
        shape = sample_shape(rng, kits[RIGHT].hand)
        right, left = sample_pair(rng, kits, sample_root(rng, RIGHT), shape)
        depths.append(max(_deepest(right, left), _deepest(left, right)))
        difference = right.posed.vertices[:, None] - left.posed.vertices[None]
        gaps.append(float(np.sqrt(np.square(difference).sum(axis=2).min())))
    assert max(depths) < 0.005
    assert np.mean(np.array(gaps) < 0.006) > 0.2


def test_hands_apart_do_not_touch() -> None:
    rng, kits = np.random.default_rng(7), hand_kits()
    for _ in range(20):
        right, left = sample_apart(rng, kits, np.zeros(10), mirrored=True)
        difference = right.posed.vertices[:, None] - left.posed.vertices[None]
        assert np.sqrt(np.square(difference).sum(axis=2).min()) > 0.005


@pytest.mark.parametrize("name", CLIP_NAMES)
def test_clips_move_smoothly_and_close_their_loop(name: str) -> None:
    clip = Clip(0, name, SyntheticSettings(split="test", width=160, height=120))
    frames = [clip.frame(t) for t in (1.0, 1.02, 1.04)]
    for side in range(2):
        if all(frame.presence[side] for frame in frames):
            steps = [
                np.linalg.norm(b.joints[side] - a.joints[side], axis=1).max()
                for a, b in zip(frames, frames[1:], strict=False)
            ]
            assert max(steps) < 0.06  # 3 m/s
            assert abs(steps[0] - steps[1]) < 0.02
    before, after = clip.frame(clip.duration_s - 0.005), clip.frame(clip.duration_s + 0.005)
    for side in np.flatnonzero(before.presence & after.presence):
        assert np.linalg.norm(before.joints[side] - after.joints[side], axis=1).max() < 0.02


@pytest.mark.parametrize(("split", "seed"), [("train", 1), ("train", 5), ("test", 0), ("validation", 3)])
def test_what_is_handed_over_is_in_one_hand_and_then_in_the_other(split: str, seed: int) -> None:
    clip = Clip(seed, "hand_over", SyntheticSettings(split=split, width=160, height=120))
    for time_s, holder in ((1.0, RIGHT), (HANDED_OVER_S - 0.05, RIGHT), (HANDED_OVER_S, LEFT), (4.4, LEFT)):
        hands = clip._hands(time_s)
        thing = np.concatenate([_spread(part.mesh) for part in clip._carried.parts(time_s, hands)])
        assert cKDTree(hands[holder].posed.vertices).query(thing)[0].min() < 0.01, time_s


def _spread(mesh: Mesh) -> np.ndarray:
    """(K, 3) points all over a mesh's faces."""
    shares = np.array([(a, b, 12 - a - b) for a in range(13) for b in range(13 - a)]) / 12
    return (shares @ mesh.vertices[mesh.faces]).reshape(-1, 3)


def test_tables_lie_below_hands_and_forearms() -> None:
    settings, below = SyntheticSettings(), 0
    for index in range(40):
        rng = np.random.default_rng(index)
        view, textures = sample_viewpoint(rng), texture_bank("train")
        kit, side = hand_kits()[index % 2], index % 2
        hand = kit.posed(np.zeros((15, 3)), sample_root(rng, side), np.array([0.0, 0.0, 0.6]), np.zeros(10))
        arm = sample_arm(rng, hand.posed.turned[0], side, view)
        person = sample_person(rng, settings.split, textures)
        for part in table(rng, view, [(hand, person, arm)], textures):
            center, normal = part.mesh.vertices.mean(axis=0), part.mesh.normals[0]
            normal = normal * -np.sign((center - hand.posed.joints.mean(axis=0)) @ normal)
            elbow = hand.posed.chain[0] + 0.24 * arm.forearm
            for point in (*hand.posed.joints, elbow):
                assert (point - center) @ normal > 0
            below += 1
    assert below > 8


@pytest.mark.parametrize(("towards", "kept"), [((0.0, 0.0, -1.0), False), ((0.0, 1.0, 0.0), True)])
def test_a_shoulder_before_the_persons_own_hand_is_left_out_where_asked(towards: tuple, kept: bool) -> None:
    rng, textures = np.random.default_rng(4), texture_bank("train")
    view = next(view for view in (sample_viewpoint(rng) for _ in range(50)) if view.name != "facing")
    hand = hand_kits()[RIGHT].posed(np.zeros((15, 3)), np.eye(3), np.array([0.0, 0.0, 0.8]), np.zeros(10))
    person, arm = sample_person(rng, "train", textures), arm_along(np.array(towards), np.array(towards))
    labelled = [(hand, person, arm)]
    assert len(bodies(rng, view, labelled, person, in_the_way=True)) == 1
    assert len(bodies(rng, view, labelled, person, in_the_way=False)) == int(kept)


def test_a_clip_frame_depends_on_its_time_alone() -> None:
    settings = SyntheticSettings(width=160, height=120)
    first = Clip(5, "wave", settings)
    late = first.frame(2.5)
    first.frame(0.1)
    again = Clip(5, "wave", settings).frame(2.5)
    np.testing.assert_array_equal(late.image, again.image)
    np.testing.assert_array_equal(late.vertices, again.vertices)


def test_an_unknown_clip_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="clip 'dance' is not one of wave"):
        Clip(0, "dance")
