"""Landmarks in, the same hands out as from LGNet: placed, followed, told apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lgnet_ros.evaluation.landmark_fit import Disturbance, FitTrial, KnownHand
from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, RIGHT, SIDES
from lgnet_ros.landmarks.detector import MediaPipeDetector
from lgnet_ros.landmarks.estimator import LandmarkEstimator
from lgnet_ros.pipeline import Frame, HandsPipeline, PipelineSettings
from lgnet_ros.pipeline.estimators import Stopwatch
from lgnet_ros.pipeline.placement import hand_length

CAMERA = CameraIntrinsics.from_field_of_view(640, 480, np.deg2rad(60))
IMAGE = np.zeros((480, 640, 3), dtype=np.uint8)


def put(hand: KnownHand, wrist: tuple[float, float, float]) -> KnownHand:
    """The same hand with its wrist elsewhere, seen by CAMERA."""
    shift = np.array(wrist) - hand.joints[0]
    return dataclasses.replace(
        hand, vertices=hand.vertices + shift, joints=hand.joints + shift, camera=CAMERA
    )


@pytest.fixture
def pair(hands: list[KnownHand]) -> tuple[KnownHand, KnownHand]:
    right, left = (next(hand for hand in hands if hand.side == side) for side in (RIGHT, LEFT))
    return put(right, (-0.17, 0.05, 0.6)), put(left, (0.17, 0.05, 0.65))


@pytest.fixture
def estimator(model: HandModel, finder, trial: FitTrial) -> LandmarkEstimator:
    return LandmarkEstimator(model, finder, trial.fitter)


def film(pipeline: HandsPipeline, frames: int, start: int = 0) -> list[Frame]:
    return [pipeline.step(IMAGE, CAMERA, (start + k) / 30) for k in range(frames)]


def test_both_hands_are_found_at_once_and_followed(pair, finder, estimator: LandmarkEstimator) -> None:
    finder.tell(pair)
    frames = film(HandsPipeline(estimator), 4)
    assert [[hand.side for hand in frame.hands] for frame in frames] == [["right", "left"]] * 4
    assert {(hand.side, hand.track_id) for frame in frames for hand in frame.hands} == {
        ("right", 0),
        ("left", 1),
    }


@pytest.mark.parametrize("score", [0.5, 0.7])
def test_a_hand_whose_side_is_unsure_is_a_hand_all_the_same(pair, finder, estimator, score: float) -> None:
    finder.tell(pair[:1])
    finder.told = [dataclasses.replace(hand, score=score) for hand in finder.told]
    assert [len(frame.hands) for frame in film(HandsPipeline(estimator), 3)] == [1, 1, 1]


def test_mediapipe_is_asked_once_a_frame(pair, finder, estimator: LandmarkEstimator) -> None:
    finder.tell(pair)
    frames = film(HandsPipeline(estimator), 3)
    assert finder.asked == 3
    assert {"fit", "tracking", "placement", "filter", "total"} <= set(frames[-1].timings_ms)


def test_hands_are_the_ones_that_are_there(pair, finder, estimator: LandmarkEstimator) -> None:
    finder.tell(pair)
    frame = film(HandsPipeline(estimator), 2)[-1]
    for known, hand in zip(pair, frame.hands, strict=True):
        scale = hand_length(known.joints) / hand_length(hand.raw.joints)
        np.testing.assert_allclose(hand.raw.joints[0] * scale, known.joints[0], atol=0.03)
        relative = scale * (hand.raw.joints - hand.raw.joints[0]) - (known.joints - known.joints[0])
        assert np.linalg.norm(relative, axis=1).mean() < 0.006
        np.testing.assert_allclose(CAMERA.project(hand.raw.joints), CAMERA.project(known.joints), atol=6)
        assert np.linalg.eigvalsh(hand.position_covariance)[-1] ** 0.5 > 0.02  # 6 % of 0.6 m is not known


def test_pose_shape_and_rotations_make_the_mesh(model: HandModel, pair, finder, estimator) -> None:
    import torch

    finder.tell(pair)
    hand = film(HandsPipeline(estimator), 1)[0].hands[1]
    rotations, shape = (torch.from_numpy(a).float() for a in (hand.pose.reshape(16, 3), hand.shape))
    posed = model(rotations, shape, "left")
    mesh = (posed.vertices - posed.joints[0]).numpy() * hand.scale + hand.joints[0]
    np.testing.assert_allclose(mesh, hand.vertices, atol=1e-4)
    np.testing.assert_allclose(posed.rotations.numpy(), hand.rotations, atol=1e-4)


def test_how_the_hands_lie_to_each_other_is_told(pair, finder, estimator: LandmarkEstimator) -> None:
    finder.tell(pair)
    (relation,) = film(HandsPipeline(estimator), 2)[-1].relations
    true = pair[1].joints[0] - pair[0].joints[0]
    np.testing.assert_allclose(relation.relative_translation, true, atol=0.05)


def test_wild_and_missing_landmarks_do_not_move_the_hand(pair, finder, estimator: LandmarkEstimator) -> None:
    finder.tell(pair[:1], Disturbance(pixels=1.0, missing=2, wild=2))
    (hand,) = film(HandsPipeline(estimator), 2)[-1].hands
    off = CAMERA.project(hand.raw.joints) - CAMERA.project(pair[0].joints)
    assert np.linalg.norm(off, axis=1).mean() < 8


def test_a_hand_that_is_gone_is_gone(pair, finder, estimator: LandmarkEstimator) -> None:
    pipeline = HandsPipeline(estimator)
    finder.tell(pair)
    film(pipeline, 2)
    finder.tell(pair[:1])
    assert [hand.side for hand in film(pipeline, 1, start=2)[0].hands] == ["right"]


def test_two_of_one_side_are_not_made_a_pair(pair, finder, estimator: LandmarkEstimator) -> None:
    finder.tell([pair[0], put(pair[0], (0.15, 0.05, 0.7))])
    assert [hand.side for hand in film(HandsPipeline(estimator), 2)[-1].hands] == ["right"]


def test_of_two_peoples_hands_a_crop_answers_with_the_one_that_it_looks_at(pair, finder, estimator) -> None:
    """However sure their sides are: else both tracks would be of the surer one."""
    people = [pair[0], put(pair[0], (-0.07, 0.05, 0.6))]
    finder.tell(people)
    pipeline, seen = HandsPipeline(estimator, PipelineSettings(max_people=2)), []
    for number in range(20):
        scores = (0.9, 0.95) if number % 2 else (0.95, 0.9)
        finder.told = [dataclasses.replace(h, score=s) for h, s in zip(finder.told, scores, strict=True)]
        seen.append({hand.track_id: hand.joints[0, 0] for hand in film(pipeline, 1, start=number)[0].hands})
    assert all(len(frame) == 2 for frame in seen[2:])
    for track in seen[-1]:
        assert np.ptp([frame[track] for frame in seen[2:]]) < 0.03


def test_a_reset_reaches_mediapipe(pair, finder, estimator: LandmarkEstimator) -> None:
    pipeline = HandsPipeline(estimator)
    finder.tell(pair)
    film(pipeline, 2)
    pipeline.reset()
    assert finder.resets == 1
    film(pipeline, 1)
    assert finder.asked == 3


def test_a_crop_answers_with_what_it_shows(pair, finder, estimator: LandmarkEstimator) -> None:
    finder.tell(pair)
    regions = estimator.regions(IMAGE, CAMERA, 1, [])
    crops = [CropCamera.from_box(CAMERA, center, side, 256, roll) for center, side, roll in regions]
    crops.append(CropCamera.from_box(CAMERA, (319.5, 239.5), 640.0, 256))
    prediction = estimator.estimate(IMAGE, CAMERA, crops, Stopwatch())
    shown = [np.flatnonzero(presence).tolist() for presence in prediction.presence]
    assert shown == [[RIGHT], [LEFT], [RIGHT, LEFT]]
    apart = crops[2].to_camera(prediction.relative_translation[2])
    np.testing.assert_allclose(apart, pair[1].joints[0] - pair[0].joints[0], atol=0.05)
    for values in vars(prediction).values():
        assert np.isfinite(values).all() and values.dtype == np.float32


def test_an_image_without_hands_has_none(finder, estimator: LandmarkEstimator) -> None:
    assert film(HandsPipeline(estimator), 2)[-1].hands == ()


def test_the_detector_shows_every_hand_whole_and_fingers_up_to_others(pair, finder) -> None:
    finder.tell(pair)
    detector = MediaPipeDetector(finder)
    regions = detector.regions(IMAGE, CAMERA, 1, [])
    assert len(regions) == len(pair)
    for known, (center, side, roll) in zip(pair, regions, strict=True):
        crop = CropCamera.from_box(CAMERA, center, side, 256, roll)
        pixels = crop.project(known.vertices)
        assert ((pixels >= 0) & (pixels < 256)).all(), SIDES[known.side]
        wrist, knuckle = crop.project(known.joints[[0, 9]])
        assert wrist[1] > knuckle[1], SIDES[known.side]
