"""The whole protocol on made-up estimators: a perfect one, one that misses, swaps or invents hands."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.data.augment import CropSample
from lgnet_ros.evaluation import report
from lgnet_ros.evaluation.aggregate import AlignedErrors, MeanError, MedianError, PresenceScores
from lgnet_ros.evaluation.baseline import MeanPose
from lgnet_ros.evaluation.evaluation import Evaluation
from lgnet_ros.evaluation.records import HandsEstimate, HandsTruth
from lgnet_ros.geometry.crops import CropCamera
from lgnet_ros.hand_model import HandModel

_MODEL = HandModel.load()


def _sample(seed: int, presence: tuple[bool, bool] = (True, True)) -> CropSample:
    rng = np.random.default_rng(seed)
    rotvecs = rng.normal(0.0, 0.3, (32, 3))
    rotations = Rotation.from_rotvec(rotvecs).as_matrix().reshape(2, 16, 3, 3).astype(np.float32)
    shape = rng.normal(0.0, 0.5, (2, 10)).astype(np.float32)
    with torch.no_grad():
        posed = _MODEL.both(torch.from_numpy(rotations), torch.from_numpy(shape))
    offset = np.array([[[0.1, 0.0, 0.6]], [[-0.1, 0.0, 0.6]]], np.float32)
    there = np.array(presence)
    return CropSample(
        image=np.full((64, 64, 3), 90, np.uint8),
        focal_px=70.0,
        presence=there,
        vertices=posed.vertices.numpy() + offset,
        joints=posed.joints.numpy() + offset,
        rotations=rotations,
        shape=shape,
        joints_valid=np.repeat(there[:, None], 21, axis=1),
        mesh_valid=there,
        visibility=np.repeat(there[:, None], 21, axis=1),
        mask=None,
        crop=CropCamera(np.eye(3), 70.0, 64),
        flipped=False,
        key=str(seed),
    )


def _perfect(truth: HandsTruth) -> HandsEstimate:
    wrists = truth.joints[:, 0].copy()
    vertices, joints = truth.vertices - wrists[:, None], truth.joints - wrists[:, None]
    score = truth.presence.astype(float)
    return HandsEstimate(score, vertices, joints, vertices, wrists[1] - wrists[0], wrists, wrists)


@pytest.fixture(scope="module")
def mean_pose() -> MeanPose:
    return MeanPose.of(_sample(1000 + k) for k in range(8))


def _evaluate(mean_pose: MeanPose, samples: list[CropSample], change=lambda estimate: estimate) -> dict:
    evaluation = Evaluation(_MODEL, mean_pose)
    for sample in samples:
        truth = HandsTruth.of_crop(sample)
        evaluation.add(change(_perfect(truth)), truth)
    return evaluation.report()


def test_a_perfect_estimator_has_no_errors_and_the_mean_pose_has(mean_pose: MeanPose) -> None:
    found = _evaluate(mean_pose, [_sample(0), _sample(1, (True, False)), _sample(2, (False, False))])
    assert found["count"] == 3
    for root in ("wrist", "middle_mcp"):
        assert found[root]["mpjpe_mm"] == pytest.approx(0.0, abs=1e-6)
        assert found[root]["mpvpe_mm"] == pytest.approx(0.0, abs=1e-6)
        assert found[root]["auc"] == pytest.approx(1.0)
    assert (found["presence_f1"], found["swap_rate"], found["missed_rate"]) == (1.0, 0.0, 0.0)
    assert found["wrist_position_mm"] == {"known_size": 0.0, "unknown_size": 0.0}
    assert found["mask_iou"] == {"rough": 1.0, "final": 1.0}
    assert found["vertex_px"]["final"] == pytest.approx(0.0, abs=1e-9)
    assert found["palm_orientation_deg"] == pytest.approx(0.0, abs=1e-4)
    assert found["mean_pose"]["mpjpe_mm"] > 5.0
    assert found["mean_pose"]["mrrpe_mm"] > 0.0


def test_missed_hands_cost_what_the_mean_pose_costs(mean_pose: MeanPose) -> None:
    blind = _evaluate(mean_pose, [_sample(k) for k in range(4)], lambda e: replace(e, score=np.zeros(2)))
    assert blind["wrist"]["mpjpe_mm"] == pytest.approx(blind["mean_pose"]["mpjpe_mm"])
    assert blind["mrrpe_mm"] == pytest.approx(blind["mean_pose"]["mrrpe_mm"])
    assert blind["missed_rate"] == 1.0
    assert blind["presence_recall"] == 0.0
    assert blind["presence_precision"] is None


def test_every_second_hand_missed_costs_half_of_that(mean_pose: MeanPose) -> None:
    samples = [_sample(k) for k in range(4)]
    right_only = _evaluate(mean_pose, samples, lambda e: replace(e, score=np.array([1.0, 0.0])))
    assert right_only["missed_rate"] == 0.5
    assert right_only["wrist_position_mm"]["unknown_size"] < 200
    left = _evaluate(mean_pose, samples, lambda e: replace(e, score=np.array([0.0, 1.0])))
    both = right_only["wrist"]["mpjpe_mm"] + left["wrist"]["mpjpe_mm"]
    assert both == pytest.approx(right_only["mean_pose"]["mpjpe_mm"])


def test_invented_hands_lower_precision_alone(mean_pose: MeanPose) -> None:
    found = _evaluate(
        mean_pose, [_sample(0, (True, False)), _sample(1)], lambda e: replace(e, score=np.ones(2))
    )
    assert found["presence_precision"] == pytest.approx(3 / 4)
    assert found["presence_recall"] == 1.0
    assert found["presence_f1"] == pytest.approx(6 / 7)
    assert found["wrist"]["mpjpe_mm"] == pytest.approx(0.0, abs=1e-6)


def test_a_shifted_wrist_is_seen_in_metres_and_pixels_but_not_in_the_pose(mean_pose: MeanPose) -> None:
    def shifted(estimate: HandsEstimate) -> HandsEstimate:
        return replace(estimate, wrist_unknown_size=estimate.wrist_unknown_size + [0.03, 0.04, 0.0])

    found = _evaluate(mean_pose, [_sample(k) for k in range(3)], shifted)
    assert found["wrist_position_mm"]["unknown_size"] == pytest.approx(50.0)
    assert found["wrist_position_mm"]["known_size"] == pytest.approx(0.0, abs=1e-9)
    assert found["vertex_px"]["final"] == pytest.approx(70.0 * 0.05 / 0.6, rel=0.15)
    assert found["mask_iou"]["final"] < 0.95
    assert found["wrist"]["mpjpe_mm"] == pytest.approx(0.0, abs=1e-6)


def test_hands_beyond_the_workspace_are_left_out_of_the_wrist_errors(mean_pose: MeanPose) -> None:
    far = _sample(0)
    far = replace(far, vertices=far.vertices + [0, 0, 1.0], joints=far.joints + [0, 0, 1.0])
    found = _evaluate(mean_pose, [far])
    assert found["wrist_position_mm"] == {"known_size": None, "unknown_size": None}


def test_an_evaluation_without_hands_reports_nothing_rather_than_zero(mean_pose: MeanPose) -> None:
    found = _evaluate(mean_pose, [_sample(0, (False, False))])
    assert found["wrist"]["mpjpe_mm"] is None
    assert found["mrrpe_mm"] is None
    assert "NaN" not in json.dumps(found)


def test_rows_tell_what_went_wrong(mean_pose: MeanPose) -> None:
    evaluation = Evaluation(_MODEL, mean_pose, images=False)
    truth = HandsTruth.of_crop(_sample(3, (True, False)))
    row = evaluation.add(replace(_perfect(truth), score=np.array([0.0, 1.0])), truth)
    assert (row.missed, row.swapped, row.extra) == (True, True, True)
    assert row.asymmetry_deg is None


def test_metrics_collect_over_updates_and_start_anew_after_a_reset() -> None:
    mean, median, presence = MeanError(), MedianError(), PresenceScores()
    for values in ([1.0, math.nan], [2.0], [9.0]):
        mean.update(values)
        median.update(values)
    assert mean.compute() == pytest.approx(4.0)
    assert median.compute() == pytest.approx(2.0)
    presence.update(np.array([True, True]), np.array([True, False]))
    presence.update(np.array([False, True]), np.array([True, True]))
    assert presence.compute() == pytest.approx(
        {"presence_precision": 2 / 3, "presence_recall": 2 / 3, "presence_f1": 2 / 3}
    )
    mean.reset()
    mean.update([])
    assert math.isnan(mean.compute())


def test_aligned_errors_average_over_points_then_hands() -> None:
    truth = HandsTruth.of_crop(_sample(5))
    off = _perfect(truth)
    joints = off.joints.copy()
    joints[1, 8] += [
        0.0,
        0.0,
        0.021,
    ]  # one joint of the left hand, 21 mm: 1 mm in its mean, 0.5 in that of both
    metric = AlignedErrors("wrist")
    metric.update(replace(off, joints=joints), truth)
    assert metric.compute()["mpjpe_mm"] == pytest.approx(0.5, abs=1e-6)


def test_the_mean_pose_of_equal_samples_is_that_pose() -> None:
    sample = _sample(7)
    mean = MeanPose.of([sample, sample])
    estimate = mean.estimate(_MODEL, 70.0)
    np.testing.assert_allclose(estimate.joints, sample.joints - sample.joints[:, :1], atol=1e-5)
    np.testing.assert_allclose(estimate.wrist_unknown_size, sample.joints[:, 0], atol=1e-5)
    np.testing.assert_allclose(
        estimate.relative_translation, sample.joints[1, 0] - sample.joints[0, 0], atol=1e-6
    )


def test_tables_hold_our_rows_beside_the_papers_and_the_mean_pose(mean_pose: MeanPose) -> None:
    found = {"lgnet-nano": _evaluate(mean_pose, [_sample(0), _sample(1)])}
    table = report.main_table(found, "interhand26m")
    assert "| LGNet, paper | 5.30 | 5.69 | – | – | – | 26.43 |" in table
    assert "| lgnet-nano | 0.00 | 0.00 | 1.000 |" in table
    assert table.splitlines()[-1].startswith("| mean pose")
    widths = {line.count("|") for line in table.splitlines()}
    assert len(widths) == 1
    assert "presence F1 | 1.000" in report.details_table(found)
