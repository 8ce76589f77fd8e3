"""The protocol's metrics against values worked by hand, and their identities on random hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lgnet_ros.evaluation import metrics
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth, with_missed_hands_filled
from lgnet_ros.evaluation.report import visibility_table
from lgnet_ros.evaluation.visibility import VisibilityErrors
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.interaction.contact import SurfaceTopology


def _hands(seed: int) -> np.ndarray:
    """Two random hands' joints (2, 21, 3), half a metre away."""
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, 0.05, (2, 21, 3)) + np.array([[[0.1, 0.0, 0.5]], [[-0.1, 0.0, 0.5]]])


def _truth(
    joints: np.ndarray, presence: tuple[bool, bool] = (True, True), visible: tuple[int, int] = (21, 21)
) -> HandsTruth:
    rotations = np.tile(np.eye(3), (2, 16, 1, 1))
    camera = CameraIntrinsics.from_field_of_view(128, 128, 1.0)
    seen = np.array(visible)
    return HandsTruth(np.array(presence), joints.copy(), joints.copy(), rotations, camera, "made up", seen)


def _estimate(joints: np.ndarray, score: tuple[float, float] = (1.0, 1.0)) -> HandsEstimate:
    """An estimate that says exactly these joints, meshes made of the joints themselves."""
    relative = joints - joints[:, :1]
    wrists = joints[:, 0].copy()
    return HandsEstimate(np.array(score), relative, relative, relative, wrists[1] - wrists[0], wrists, wrists)


def test_aligned_errors_of_a_hand_worked_by_hand() -> None:
    true = np.zeros((21, 3))
    true[9] = [0.0, 0.1, 0.0]
    true[8] = [0.03, 0.1, 0.0]
    predicted = np.full((21, 3), 0.7)
    predicted[9] = [0.7, 0.75, 0.7]  # the palm is half as long: s = 2
    predicted[8] = [0.7, 0.75, 0.72]  # doubled: (0, 0.1, 0.04) against (0.03, 0.1, 0): 3-4-5
    joints = (predicted, true)
    assert metrics.hand_scale(*joints) == pytest.approx(2.0)
    from_wrist = metrics.aligned_errors(*joints, *joints, metrics.ROOTS["wrist"])
    assert from_wrist[8] == pytest.approx(50.0)
    assert from_wrist.mean() == pytest.approx(50.0 / 21)
    from_knuckle = metrics.aligned_errors(*joints, *joints, metrics.ROOTS["middle_mcp"])
    np.testing.assert_allclose(np.delete(from_knuckle, 8), 0.0, atol=1e-9)
    assert from_knuckle[8] == pytest.approx(50.0)


@given(st.integers(0, 10_000), st.floats(0.3, 3.0))
@settings(max_examples=30, deadline=None)
def test_aligned_errors_do_not_see_translation_and_size(seed: int, size: float) -> None:
    first, second = _hands(seed)
    for root in metrics.ROOTS.values():
        plain = metrics.aligned_errors(first, second, first, second, root)
        moved = first * size + [1.0, -2.0, 3.0]
        np.testing.assert_allclose(
            metrics.aligned_errors(moved, second, moved, second, root), plain, atol=1e-8
        )
        assert plain[root] == pytest.approx(0.0, abs=1e-9)
        same = metrics.aligned_errors(moved, first, moved, first, root)
        np.testing.assert_allclose(same, 0.0, atol=1e-8)


def test_a_prediction_collapsed_to_a_point_is_as_wrong_as_the_hand_is_large() -> None:
    joints, point = _hands(0)[0], np.full((21, 3), 0.4)
    errors = metrics.aligned_errors(point, joints, point, joints, metrics.WRIST)
    np.testing.assert_allclose(errors, np.linalg.norm(joints - joints[0], axis=1) * 1000, atol=1e-6)


def test_area_under_pck_by_hand() -> None:
    assert metrics.area_under_pck(np.array([0.0, 25.0, 50.0, 80.0])) == pytest.approx(
        (1.0 + 0.5 + 0.0 + 0.0) / 4
    )


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_exact_area_is_the_integral_of_the_pck_curve(seed: int) -> None:
    errors = np.random.default_rng(seed).exponential(20.0, 100)
    steps = 50_000
    middles = (np.arange(steps) + 0.5) * (metrics.PCK_LIMIT_MM / steps)
    assert metrics.area_under_pck(errors) == pytest.approx(
        metrics.pck_curve(errors, middles).mean(), abs=1e-4
    )
    below = np.minimum(errors, metrics.PCK_LIMIT_MM)
    assert metrics.area_under_pck(errors) == pytest.approx(1.0 - below.mean() / metrics.PCK_LIMIT_MM)


def test_pck_counts_errors_at_the_threshold() -> None:
    curve = metrics.pck_curve(np.array([1.0, 2.0, 2.0, 9.0]), np.array([0.5, 1.0, 2.0, 50.0]))
    np.testing.assert_allclose(curve, [0.0, 0.25, 0.75, 1.0])


def test_relative_root_error_is_unscaled_and_needs_both_hands() -> None:
    joints = _hands(1)
    estimate = replace(
        _estimate(joints), relative_translation=joints[1, 0] - joints[0, 0] + [0.003, 0.0, -0.004]
    )
    assert metrics.relative_root_error(estimate, _truth(joints)) == pytest.approx(5.0)
    assert metrics.relative_root_error(estimate, _truth(joints, (True, False))) is None


def test_a_single_hand_taken_for_the_other_one_is_swapped() -> None:
    joints = _hands(2)
    only_left = _truth(joints, (False, True))
    assert metrics.is_swapped(_estimate(joints, (0.9, 0.1)), only_left).tolist() == [False, True]
    assert not metrics.is_swapped(_estimate(joints, (0.9, 0.8)), only_left).any()
    assert not metrics.is_swapped(_estimate(joints, (0.1, 0.1)), only_left).any()


def test_two_hands_are_swapped_when_the_exchanged_prediction_fits_better() -> None:
    joints = _hands(3)
    assert not metrics.is_swapped(_estimate(joints), _truth(joints)).any()
    assert metrics.is_swapped(_estimate(joints[::-1]), _truth(joints)).all()


@pytest.mark.parametrize("side", ["right", "left"])
def test_palm_orientation_error_is_the_angle_it_was_turned_by(side: str) -> None:
    joints = _hands(4)[0]
    turn = Rotation.from_rotvec(np.radians(33.0) * np.array([0.6, 0.0, 0.8])).as_matrix()
    assert metrics.palm_orientation_error(joints @ turn.T, joints, side) == pytest.approx(33.0)


def test_wrist_errors_are_distances_and_absent_hands_have_none() -> None:
    joints = _hands(5)
    errors = metrics.wrist_position_errors(joints[:, 0] + [0.0, 0.03, 0.04], _truth(joints, (True, False)))
    assert errors[0] == pytest.approx(50.0)
    assert np.isnan(errors[1])


def _sphere(radius: float, rings: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere with a vertex at either end of the x axis, wound outward."""
    polar = np.linspace(0, np.pi, rings)[1:-1]
    around = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    ring = np.stack([np.ones_like(around), np.cos(around), np.sin(around)], -1)
    inner = np.concatenate([ring * [np.cos(p), np.sin(p), np.sin(p)] for p in polar])
    vertices = np.concatenate([[[1.0, 0, 0]], inner, [[-1.0, 0, 0]]]) * radius
    count, last = len(around), len(vertices) - 1
    faces = []
    for k in range(count):
        after = (k + 1) % count
        faces.append((0, 1 + k, 1 + after))
        faces.append((last, last - count + after, last - count + k))
        for row in range(len(polar) - 1):
            a, b = 1 + row * count + k, 1 + row * count + after
            faces += [(a, a + count, b), (b, a + count, b + count)]
    return vertices, np.array(faces)


@pytest.mark.parametrize(("apart_m", "depth_mm"), [(0.092, 8.0), (0.12, 0.0)])
def test_penetration_of_two_spheres(apart_m: float, depth_mm: float) -> None:
    vertices, faces = _sphere(0.05)
    topologies = (SurfaceTopology(faces, len(vertices)),) * 2
    depth = metrics.penetration(np.stack([vertices, vertices]), np.array([apart_m, 0.0, 0.0]), topologies)
    assert depth == pytest.approx(depth_mm, abs=0.3)


def test_mirrored_poses_are_symmetric_and_others_differ_by_their_mean_angle() -> None:
    truth = _truth(_hands(6))
    angles = np.random.default_rng(6).normal(0, 0.5, (16, 3))
    right = Rotation.from_rotvec(angles).as_matrix()
    left = Rotation.from_rotvec(angles * [1, -1, -1]).as_matrix()
    assert metrics.pose_asymmetry(replace(truth, rotations=np.stack([right, left]))) == pytest.approx(
        0.0, abs=1e-5
    )
    bent = left.copy()
    bent[1:6] = left[1:6] @ Rotation.from_rotvec([np.radians(30.0), 0, 0]).as_matrix()
    assert metrics.pose_asymmetry(replace(truth, rotations=np.stack([right, bent]))) == pytest.approx(10.0)
    assert metrics.pose_asymmetry(replace(truth, presence=np.array([True, False]))) is None


def test_jitter_ignores_motion_and_drift_and_sees_noise() -> None:
    frames = np.arange(5.0)[:, None, None]
    motion = np.sin(frames) * _hands(7)[0]
    drift = 0.01 * frames * np.ones((1, 21, 3))
    assert metrics.jitter(motion + drift, motion) == pytest.approx(0.0, abs=1e-9)
    shake = np.zeros_like(motion)
    shake[::2, :, 0] = 0.001  # 1, 0, 1, 0, 1 mm: second differences are ±2 mm
    assert metrics.jitter(motion + shake, motion) == pytest.approx(2.0)


def test_a_missed_hand_counts_as_the_baseline_and_takes_the_pair_with_it() -> None:
    joints, mean = _hands(8), _hands(9)
    truth, baseline = _truth(joints), _estimate(mean)
    filled = with_missed_hands_filled(_estimate(joints, (0.9, 0.2)), truth, baseline)
    np.testing.assert_array_equal(filled.joints[0], joints[0] - joints[0, 0])
    np.testing.assert_array_equal(filled.joints[1], baseline.joints[1])
    np.testing.assert_array_equal(filled.wrist_unknown_size[1], baseline.wrist_unknown_size[1])
    np.testing.assert_array_equal(filled.relative_translation, baseline.relative_translation)


def test_a_hand_that_is_not_there_cannot_be_missed() -> None:
    joints = _hands(10)
    estimate = _estimate(joints, (0.9, 0.2))
    assert (
        with_missed_hands_filled(estimate, _truth(joints, (True, False)), _estimate(_hands(11))) is estimate
    )


def _shifted_fingertips(joints: np.ndarray, shift_m: float) -> np.ndarray:
    """Off by a twenty-first of the shift in the mean; wrist and palm stay, so nothing is aligned away."""
    moved = joints.copy()
    moved[:, 20, 0] += shift_m
    return moved


def test_hands_are_counted_by_what_is_in_sight_with_their_own_errors() -> None:
    found = VisibilityErrors()
    for visible, shift_m, score in (((0, 21), 0.021, (0.9, 0.9)), ((16, 15), 0.042, (0.2, 0.9))):
        joints = _hands(0)
        estimate = _estimate(_shifted_fingertips(joints, shift_m), score)
        truth = _truth(joints, visible=visible)
        found.update(metrics.mpjpe(estimate, truth), estimate.found, truth)
    rows = {(row["from"], row["to"]): row for row in found.compute()}
    assert {span: row["hands"] for span, row in rows.items()} == {
        (0, 0): 1, (1, 4): 0, (5, 10): 0, (11, 15): 1, (16, 21): 2
    }  # fmt: skip
    assert rows[0, 0]["mpjpe_mm"] == pytest.approx(1.0)
    assert rows[11, 15]["mpjpe_mm"] == pytest.approx(2.0)
    assert rows[16, 21]["mpjpe_mm"] == pytest.approx(1.5)
    assert rows[16, 21]["missed"] == pytest.approx(0.5)
    assert np.isnan(rows[1, 4]["mpjpe_mm"])


def test_absent_hands_do_not_count_and_empty_spans_are_not_printed() -> None:
    found, joints = VisibilityErrors(), _hands(1)
    estimate = _estimate(joints)
    truth = _truth(joints, presence=(True, False), visible=(7, 0))
    found.update(metrics.mpjpe(estimate, truth), estimate.found, truth)
    table = visibility_table({"by_visible_joints": found.compute()})
    assert table.splitlines()[2:] == ["| 5–10 | 1 | 0.000 | 0.0 | 0.0 |"]
