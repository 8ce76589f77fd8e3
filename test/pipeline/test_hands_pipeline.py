"""Following hands end to end, with an oracle in the network's place: found, kept, told apart, lost and found
again.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgnet_ros.errors import UserError
from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.inference import NetworkErrors
from lgnet_ros.pipeline import Frame, HandsPipeline, NoDetector, PipelineSettings, Region

UP = np.array([0.0, 0.0, np.pi / 2])  # the right hand's fingers (−x) up, in the image
UP_LEFT = np.array([0.0, 0.0, -np.pi / 2])
RAW = replace(PipelineSettings(), filter=replace(PipelineSettings().filter, enabled=False))


def one_hand(t: float) -> list:
    return [("right", np.array([0.1, 0.05, 0.6]), UP)]


def two_hands(t: float) -> list:
    return [("right", np.array([-0.12, 0.05, 0.6]), UP), ("left", np.array([0.12, 0.05, 0.62]), UP_LEFT)]


def crossing(t: float) -> list:
    """Both hands sweep past each other twice, one nearer than the other."""
    x = 0.2 * np.cos(2 * np.pi * t / 2.0)
    return [("right", np.array([-x, 0.05, 0.55]), UP), ("left", np.array([x, 0.05, 0.68]), UP_LEFT)]


def nobody(t: float) -> list:
    return []


@pytest.mark.parametrize("seed", range(12))
def test_hands_are_found_within_three_frames(follow, seed: int) -> None:
    rng = np.random.default_rng(seed)
    distance = rng.uniform(0.3, 1.0)
    where = np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.1, 0.3), 1.0]) * distance
    run = follow(lambda t: [(["right", "left"][seed % 2], where, [UP, UP_LEFT][seed % 2])], 3, cells=0.1)
    assert len(run.frames[-1].hands) == 1


def test_a_second_hand_is_found_within_three_frames_of_coming_in(follow) -> None:
    run = follow(lambda t: two_hands(t) if t >= 0.5 else one_hand(t), 20, cells=0.1)
    assert all(len(frame.hands) == 2 for frame in run.frames[18:])


def test_true_network_output_is_placed_to_a_tenth_of_a_millimetre(follow) -> None:
    run = follow(crossing, 60, RAW)
    for side in ("right", "left"):
        assert len(run.errors(side)) >= 57
        assert run.errors(side).max() < 1e-4


def test_joints_are_the_regressor_applied_to_the_vertices(follow, hand_model) -> None:
    run = follow(crossing, 20, cells=0.1)
    for hand in run.frames[-1].hands:
        regressor = hand_model.joint_regressor(hand.side).double().numpy()
        np.testing.assert_allclose(regressor @ hand.vertices, hand.joints, atol=1e-9)
        np.testing.assert_allclose(regressor @ hand.raw.vertices, hand.raw.joints, atol=1e-9)
        np.testing.assert_allclose(follow.intrinsics.project(hand.joints), hand.joints_image, atol=1e-6)


def test_no_identity_changes_while_hands_cross(follow) -> None:
    run = follow(crossing, 180, cells=0.1)
    for side in ("right", "left"):
        ids = run.ids(side)[3:]
        assert ids.count(None) <= 0.01 * len(ids)
        assert len(set(ids) - {None}) == 1
        assert run.errors(side)[3:].max() < 0.1


def test_a_few_frames_of_confused_sides_neither_swap_identities_nor_get_out(follow) -> None:
    run = follow(two_hands, 60, cells=0.05, swapped=lambda t: 0.995 < t < 1.06)
    for side in ("right", "left"):
        assert len(set(run.ids(side)[5:]) - {None}) == 1
        assert run.errors(side).max() < 0.1
        assert run.ids(side)[-1] is not None


def test_a_hand_that_is_hidden_for_half_a_second_comes_back_under_its_old_identity(follow) -> None:
    run = follow(two_hands, 75, cells=0.1, absent=lambda t, side: side == "left" and 1.0 < t < 1.5)
    ids = run.ids("left")
    assert ids[29] is not None
    assert ids[33:44] == [None] * 11
    assert ids[50] == ids[29]
    assert None not in run.ids("right")[3:]


def test_a_hand_that_was_gone_for_long_is_a_new_one(follow) -> None:
    run = follow(lambda t: nobody(t) if 0.5 < t < 2.5 else one_hand(t), 90)
    ids = run.ids("right")
    assert ids[10] is not None
    assert ids[-1] not in (None, ids[10])


def test_lost_hands_are_reported_as_none_not_held(follow) -> None:
    run = follow(lambda t: one_hand(t) if t < 0.5 else nobody(t), 30)
    assert [len(frame.hands) for frame in run.frames[16:]] == [0] * 14


def test_hands_that_reach_hand_over_leave_and_return_are_hardly_ever_lost(follow) -> None:
    def scene(t: float) -> list:
        phase = 0.5 - 0.5 * np.cos(2 * np.pi * t / 4)  # 0 outside, 1 together
        right = np.array([-0.55 + 0.5 * phase, 0.1 - 0.05 * np.sin(3 * t), 0.7])
        left = np.array([0.55 - 0.48 * phase, 0.1, 0.7])
        turn = 0.5 * np.sin(np.array([2 * t, 3 * t, t]))
        return [("right", right, UP + turn), ("left", left, UP_LEFT - turn)]

    run = follow(scene, 360, cells=0.1)
    for side in ("right", "left"):
        visible = [k for k in range(360) if fully_visible(follow, run, side, k)]
        settled = [k for k in visible if all(j in visible for j in range(k - 3, k))]
        lost = [k for k in settled if run.frames[k].hand(side) is None]
        assert len(settled) > 150
        assert len(lost) <= 0.01 * len(settled)


def test_a_presence_in_between_keeps_a_hand_but_does_not_find_one(follow) -> None:
    assert not any(frame.hands for frame in follow(one_hand, 10, presence=0.5).frames)
    run = follow(one_hand, 5)
    run.oracle.faults.presence = 0.5
    run.oracle.now = 5 / 30
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    assert len(run.pipeline.step(image, follow.intrinsics, 5 / 30).hands) == 1


def test_what_one_look_leaves_in_doubt_several_settle(follow) -> None:
    """Odds of 9 to 1 in every look, where 49 to 1 are asked: an earlier look's count for half of the next
    one's, so that they are 61 to 1 with the fourth.
    """
    sure, doubtful = (
        [bool(frame.hands) for frame in follow(one_hand, 10, presence=presence).frames].index(True)
        for presence in (0.99, 0.9)
    )
    assert doubtful == sure + 3


def test_what_stays_doubtful_is_no_hand_however_often_it_is_seen(follow) -> None:
    assert not any(frame.hands for frame in follow(one_hand, 60, presence=0.85).frames)


def test_a_doubtful_hand_that_is_gone_at_once_never_was_one(follow) -> None:
    def gone(t: float, side: str) -> bool:
        return not 0.15 < t < 0.22

    assert any(frame.hands for frame in follow(one_hand, 15, absent=gone, presence=0.99).frames)
    assert not any(frame.hands for frame in follow(one_hand, 15, absent=gone, presence=0.9).frames)


def test_a_hand_first_taken_for_the_other_one_is_put_right_at_once(follow) -> None:
    run = follow(one_hand, 10, swapped=lambda t: t < 0.05)
    assert run.ids("left")[1] is not None
    assert run.ids("left")[3:] == [None] * 7
    assert None not in run.ids("right")[4:]


@pytest.mark.parametrize("turn", [-1.6, 0.0, 1.6])
def test_a_hand_that_is_only_known_upright_is_found_however_it_points(follow, turn: float) -> None:
    turned = Rotation.from_rotvec([0.0, 0.0, turn]) * Rotation.from_rotvec(UP)
    run = follow(lambda t: [("right", np.array([0.1, 0.1, 0.7]), turned.as_rotvec())], 8, upright_deg=50)
    assert len(run.frames[-1].hands) == 1


def test_which_hand_it_is_the_closer_look_tells(follow) -> None:
    run = follow(two_hands, 20, swapped_below=0.5, cells=0.05)
    for side in ("right", "left"):
        assert None not in run.ids(side)[3:]
        assert run.errors(side).max() < 0.1


def test_what_looks_smaller_the_closer_one_looks_is_no_hand(follow) -> None:
    assert not any(frame.hands for frame in follow(nobody, 30, phantom=True).frames)


def test_a_hand_that_shrinks_to_a_speck_is_let_go(follow) -> None:
    def scene(t: float) -> list:
        return [("right", np.array([0.02, 0.02, 0.6 * 2**t]), UP)]

    run = follow(scene, 180)
    extents = [np.ptp(hand.joints_image, axis=0).max() for frame in run.frames for hand in frame.hands]
    assert 12 < min(extents) < 24
    assert run.ids("right")[-1] is None


def test_one_hand_claimed_for_both_sides_comes_out_once(follow) -> None:
    run = follow(one_hand, 20, both_sides=lambda t: True)
    assert all(len(frame.hands) == 1 for frame in run.frames[3:])


def test_one_crop_serves_hands_that_lie_on_each_other_and_two_serve_others(follow) -> None:
    def scene(t: float) -> list:
        x = 0.005 if t < 1 else 0.1
        return [("right", np.array([-x, 0.05, 0.9]), UP), ("left", np.array([x, 0.05, 0.93]), UP_LEFT)]

    run = follow(scene, np.arange(0, 1, 1 / 30), cells=0.05)
    assert set(run.crop_counts[5:]) == {1}
    far = follow(lambda t: scene(2.0), 20, cells=0.05)
    assert set(far.crop_counts[5:]) == {2}
    assert all(len(frame.hands) == 2 for frame in far.frames[5:])


@pytest.mark.parametrize("turn", [-2.2, -1.0, 0.5, 1.6, 3.0])
def test_a_followed_hand_is_looked_at_with_its_fingers_up(follow, turn: float) -> None:
    def scene(t: float) -> list:
        turned = Rotation.from_rotvec([0.0, 0.0, turn]) * Rotation.from_rotvec(UP)
        return [("right", np.array([0.05, 0.02, 0.5]), turned.as_rotvec())]

    run = follow(scene, 10, cells=0.05)
    last = run.frames[-1]
    joints, corners = last.hand("right").joints_image, last.crops[0]  # corners: clockwise from the top left
    fingers, crop_up = joints[9] - joints[0], corners[0] - corners[3]
    cosine = fingers @ crop_up / np.linalg.norm(fingers) / np.linalg.norm(crop_up)
    assert np.degrees(np.arccos(cosine)) < 15
    inside = cv2.pointPolygonTest  # all of the hand is in the crop
    assert all(inside(corners.astype(np.float32), joint.tolist(), False) > 0 for joint in joints)


def test_nothing_is_searched_once_all_hands_are_followed_and_little_while_one_is_missing(follow) -> None:
    at_once = PipelineSettings().acquisition.crops_at_once
    assert follow(nobody, 10).crop_counts[-1] == at_once
    run = follow(one_hand, 25)
    assert run.crop_counts[-1] == 2
    both = follow(two_hands, 10)
    assert both.crop_counts[-1] == 2  # one each
    assert max(run.crop_counts + both.crop_counts) <= 2 * at_once  # a search, and closer looks


def test_a_stamp_that_jumps_back_starts_over_with_new_identities(follow) -> None:
    run = follow(one_hand, [10.0, 10.03, 10.07, 3.0, 3.03, 3.07])
    before, after = run.ids("right")[2], run.ids("right")[-1]
    assert None not in (before, after)
    assert before != after


def test_a_repeated_stamp_is_survived(follow) -> None:
    run = follow(one_hand, [0.0, 0.03, 0.07, 0.07, 0.07, 0.1])
    assert len(run.frames[-1].hands) == 1
    assert all(np.isfinite(hand.twist).all() for frame in run.frames for hand in frame.hands)


@pytest.mark.parametrize("back", [0, 1])
def test_of_two_hidden_hands_one_that_returns_is_the_one_that_was_there(follow, back: int) -> None:
    places = [np.array([x, 0.05, 0.8]) for x in (-0.1, 0.1)]

    def scene(t: float) -> list:
        seen = places if t < 1.0 else [] if t < 1.6 else places[back : back + 1]
        return [("right", place, UP) for place in seen]

    run = follow(scene, 75, replace(PipelineSettings(), max_people=2), cells=0.05)
    before = min(run.frames[28].hands, key=lambda hand: np.linalg.norm(hand.raw.joints[0] - places[back]))
    (after,) = run.frames[70].hands
    assert (after.track_id, after.person_id) == (before.track_id, before.person_id)


def test_two_people_are_four_hands_with_identities_of_their_own(follow) -> None:
    def scene(t: float) -> list:
        apart = [np.array([dx, 0.0, 0.0]) for dx in (-0.45, 0.45)]
        return [
            (side, wrist * [0.6, 1, 1.5] + shift, turn)
            for shift in apart
            for side, wrist, turn in two_hands(t)
        ]

    run = follow(scene, 40, replace(PipelineSettings(), max_people=2), cells=0.05)
    hands = run.frames[-1].hands
    assert len(hands) == 4
    assert len({hand.track_id for hand in hands}) == 4
    assert sorted((hand.person_id, hand.side) for hand in hands) == sorted(
        (person, side) for person in {hand.person_id for hand in hands} for side in ("right", "left")
    )
    for person in {hand.person_id for hand in hands}:
        own = [hand for hand in hands if hand.person_id == person]
        assert np.linalg.norm(own[0].joints[0] - own[1].joints[0]) < 0.3
    pairs = zip(hands[::2], hands[1::2], strict=True)
    assert [relation.track_ids for relation in run.frames[-1].relations] == [
        (right.track_id, left.track_id) for right, left in pairs
    ]
    assert len({frame.hands[0].track_id for frame in run.frames[10:]}) == 1


def test_with_one_person_a_second_right_hand_is_ignored(follow) -> None:
    def scene(t: float) -> list:
        return [*two_hands(t), ("right", np.array([0.35, -0.1, 0.8]), UP)]

    assert all(len(frame.hands) == 2 for frame in follow(scene, 20, cells=0.05).frames[5:])


def test_detections_from_outside_take_the_place_of_the_search(follow) -> None:
    box = np.array([[360.0, 180.0, 160.0, 160.0]])
    intrinsics = follow.intrinsics
    given = follow(
        one_hand, 5, detector=NoDetector(), step=lambda p, i, t: p.step(i, intrinsics, t, detections=box)
    )
    assert len(given.frames[0].hands) == 1
    assert not any(frame.hands for frame in follow(one_hand, 5, detector=NoDetector()).frames)


def test_where_a_lens_shows_nothing_nothing_is_looked_for_and_nothing_lost(follow) -> None:
    matrix = np.array([[300.0, 0, 640], [0, 300, 360], [0, 0, 1]])
    round_image = CameraIntrinsics(1280, 720, matrix, "equidistant", (0.0, 0.0, 0.0, 0.0))
    black_corner = np.array([[10.0, 10.0, 80.0, 80.0], [640.0, 360.0, np.nan, 0.0]])
    hand = np.array([[640.0, 400.0, 300.0, 300.0]])
    run = follow(one_hand, 12, intrinsics=round_image)
    assert all(len(frame.hands) == 1 for frame in run.frames[6:])
    told = follow(
        one_hand, 12, intrinsics=round_image,
        step=lambda p, i, t: p.step(i, round_image, t, detections=black_corner if t > 0.2 else hand),
    )  # fmt: skip
    assert all(len(frame.hands) == 1 for frame in told.frames[6:])


def test_depth_corrects_the_size_of_an_unusual_hand(follow) -> None:
    def with_depth(pipeline, image, stamp):
        return pipeline.step(image, follow.intrinsics, stamp, depth=depth)

    without = follow(one_hand, 5, RAW, size=1.1, cells=0.05)
    surface = without.truth[-1][0].vertices
    depth = np.full((480, 640), 1.5, dtype=np.float32)
    for u, v, z in np.column_stack([follow.intrinsics.project(surface), surface[:, 2]]):
        patch = depth[int(v) - 2 : int(v) + 3, int(u) - 2 : int(u) + 3]
        np.minimum(patch, z, out=patch)
    measured = follow(one_hand, 5, RAW, step=with_depth, size=1.1, cells=0.05)
    assert without.errors("right")[-1] > 0.04
    assert measured.errors("right")[-1] < 0.015
    assert measured.frames[-1].hands[0].scale_source == "depth"
    assert measured.frames[-1].hands[0].scale == pytest.approx(1.1, abs=0.03)


def test_the_relation_of_two_hands_agrees_with_their_meshes(follow) -> None:
    run = follow(two_hands, 10)
    frame = run.frames[-1]
    right, left = frame.hand("right"), frame.hand("left")
    (relation,) = frame.relations
    assert relation.track_ids == (right.track_id, left.track_id)
    np.testing.assert_allclose(relation.relative_translation, left.joints[0] - right.joints[0])
    nearest = np.linalg.norm(right.vertices[:, None] - left.vertices[None], axis=-1).min()
    assert nearest - 0.002 < relation.distance_m <= nearest + 1e-9


def test_distortion_and_a_fisheye_are_followed_as_well(follow) -> None:
    matrix = follow.intrinsics.matrix
    plumb_bob = CameraIntrinsics(640, 480, matrix, "plumb_bob", (-0.2, 0.05, 0.001, 0.0, 0.0))
    fisheye_matrix = np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]])
    fisheye = CameraIntrinsics(640, 480, fisheye_matrix, "equidistant", (0.02, -0.01, 0.0, 0.0))
    for intrinsics in (plumb_bob, fisheye):
        run = follow(two_hands, 15, RAW, intrinsics=intrinsics)
        assert run.errors("right").max() < 1e-4


def test_depth_or_image_of_another_size_is_refused_in_words(follow) -> None:
    run = follow(one_hand, 3)
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    with pytest.raises(UserError, match="320×240.*640×480"):
        run.pipeline.step(image, follow.intrinsics, 1.0, depth=np.zeros((240, 320), np.float32))
    with pytest.raises(UserError, match="320×240"):
        run.pipeline.step(np.zeros((240, 320, 3), dtype=np.uint8), follow.intrinsics, 1.0)


@pytest.mark.parametrize(
    "image", [np.zeros((480, 640, 3)), np.zeros((480, 640), np.uint8), np.zeros(4, np.uint8)]
)
def test_what_is_no_picture_is_refused_in_words(follow, image: np.ndarray) -> None:
    run = follow(one_hand, 3)
    with pytest.raises(UserError, match="give height × width × 3 uint8, RGB"):
        run.pipeline.step(image, follow.intrinsics, 1.0)


def test_settings_may_change_between_steps(follow) -> None:
    run = follow(one_hand, 5, cells=0.1)
    pipeline, image = run.pipeline, np.zeros((480, 640, 3), dtype=np.uint8)
    track = run.ids("right")[-1]

    def step(k: int):
        run.oracle.now = k / 30
        return pipeline.step(image, follow.intrinsics, k / 30)

    pipeline.settings = RAW
    step(5)
    hand = step(6).hands[0]
    np.testing.assert_array_equal(hand.joints, hand.raw.joints)
    assert hand.track_id == track
    pipeline.settings = replace(RAW, max_people=2)
    assert step(7).hands[0].track_id != track


def test_a_reset_forgets_hands_but_uses_no_identity_again(follow) -> None:
    run = follow(one_hand, 5)
    before = run.ids("right")[-1]
    run.pipeline.reset()
    run.oracle.now = 0.2
    hands = run.pipeline.step(np.zeros((480, 640, 3), dtype=np.uint8), follow.intrinsics, 0.2).hands
    assert hands[0].track_id > before


def test_warming_up_and_keepout_need_no_hand_to_have_been_seen(follow) -> None:
    run = follow(one_hand, 3)
    run.pipeline.warm_up()
    hand = run.frames[-1].hands[0]
    grown = run.pipeline.keepout(hand, 0.2, 0.01)
    assert grown.shape == (778, 3)
    away = np.linalg.norm(grown - hand.vertices, axis=1)
    assert away.min() > 0.01


def test_a_network_that_answers_nonsense_is_survived(follow) -> None:
    run = follow(two_hands, 5)
    honest = run.oracle.estimate

    def broken(fill: float):
        def estimate(*arguments):
            prediction = honest(*arguments)
            for name in ("joints_25d", "vertices", "joints", "relative_translation"):
                getattr(prediction, name)[:] = fill
            return prediction

        return estimate

    image = np.zeros((480, 640, 3), dtype=np.uint8)
    for k, fill in enumerate((np.nan, 0.0, 1e9, np.inf)):
        run.oracle.estimate = broken(fill)
        assert run.pipeline.step(image, follow.intrinsics, 0.2 + k / 30).hands == ()
    run.oracle.estimate = honest
    run.oracle.now = 0.4
    assert len(run.pipeline.step(image, follow.intrinsics, 0.4).hands) == 2


def test_every_stage_is_timed(follow) -> None:
    timings = follow(two_hands, 5).frames[-1].timings_ms
    assert {"tracking", "placement", "filter", "interaction", "total"} <= timings.keys()
    assert sum(ms for stage, ms in timings.items() if stage != "total") == pytest.approx(
        timings["total"], abs=0.5
    )


def fully_visible(follow, run, side: str, k: int) -> bool:
    """Whether all of the hand is in the image."""
    hand = next(hand for hand in run.truth[k] if hand.side == side)
    pixels = follow.intrinsics.project(hand.vertices)
    return bool(((pixels > 0) & (pixels < [639, 479])).all())


def test_how_wrong_the_estimator_is_decides_how_far_its_hands_may_be_off(follow, oracle_of) -> None:
    deviations = []
    for errors in (NetworkErrors(), NetworkErrors(zoom_floor=0.3, surface_std_m=0.05)):
        oracle = oracle_of(lambda t: [("right", np.array([0.0, 0.0, 0.5]), np.zeros(3))])
        oracle.errors = errors
        image = np.zeros((480, 640, 3), dtype=np.uint8)
        run = follow.run(oracle, [0.0, 0.03], image, HandsPipeline(oracle), None, follow.intrinsics)
        deviations.append(np.sqrt(run.frames[-1].hands[0].position_covariance[2, 2]))
    assert deviations[0] < 0.06 * 0.5 * 1.5
    assert deviations[1] == pytest.approx(0.5 * np.hypot(0.3, 0.06), rel=0.15)


class _Witness:
    """A detector that counts how often it is asked, and always names the whole image."""

    def __init__(self) -> None:
        self.asked = 0

    def regions(self, image: np.ndarray, intrinsics: CameraIntrinsics, *rest: object) -> list[Region]:
        self.asked += 1
        return [Region(np.array([319.5, 239.5]), 640.0)]


def test_beside_a_followed_hand_the_search_can_be_done_before_the_next_image_comes(follow) -> None:
    def second_comes(t: float) -> list:
        return two_hands(t) if t >= 0.3 else one_hand(t)

    runs, asked_in_steps = {}, {}
    for ahead in (True, False):
        witness, during = _Witness(), []

        def step(
            pipeline: HandsPipeline,
            image: np.ndarray,
            stamp: float,
            witness=witness,
            during=during,
            ahead=ahead,
        ) -> Frame:
            before = witness.asked
            frame = pipeline.step(image, follow.intrinsics, stamp)
            during.append(witness.asked - before)
            if ahead:
                pipeline.look_ahead()
                pipeline.look_ahead()  # there is nothing more to do
            return frame

        runs[ahead] = follow(second_comes, 14, detector=witness, step=step)
        asked_in_steps[ahead] = during
    for early, late in zip(runs[True].frames, runs[False].frames, strict=True):
        assert [hand.track_id for hand in early.hands] == [hand.track_id for hand in late.hands]
    assert len(runs[True].frames[8].hands) == 1
    assert asked_in_steps[True][2:9] == [0] * 7
    assert asked_in_steps[False][2:9] == [1] * 7
    assert len(runs[True].frames[11].hands) == 2  # came in frame 9


def test_in_a_hurry_every_third_search_beside_a_followed_hand_is_made(follow) -> None:
    witness, asked = _Witness(), []

    def step(pipeline: HandsPipeline, image: np.ndarray, stamp: float) -> Frame:
        frame, before = pipeline.step(image, follow.intrinsics, stamp), witness.asked
        pipeline.look_ahead(hurried=len(asked) < 15)
        asked.append(witness.asked - before)
        return frame

    run = follow(one_hand, 20, detector=witness, step=step)
    first = next(k for k, frame in enumerate(run.frames) if frame.hands)
    assert first < 6
    assert asked[first:15] == ([0, 0, 1] * 5)[: 15 - first]
    assert asked[15:] == [1] * 5


def test_what_was_seen_ahead_is_forgotten_with_the_rest(follow) -> None:
    witness = _Witness()
    run = follow(one_hand, 5, detector=witness)
    before = witness.asked
    run.pipeline.reset()
    run.pipeline.look_ahead()
    assert witness.asked == before
