"""Placement against truth: exact without noise for every camera model, and honest about its errors with
noise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgnet_ros.geometry import CameraIntrinsics, CropCamera, box_around
from lgnet_ros.inference import NetworkErrors
from lgnet_ros.pipeline.depth import DepthSettings, measure_depths
from lgnet_ros.pipeline.fusion import DepthEvidence, place
from lgnet_ros.pipeline.observation import usual_std
from lgnet_ros.pipeline.placement import HandEvidence, PlacementSettings, hand_length, locate

CHI2_95_3DOF = 7.815
K = np.array([[520.0, 0, 325], [0, 515, 236], [0, 0, 1]])
CAMERAS = {
    "none": CameraIntrinsics(640, 480, K),
    "plumb_bob": CameraIntrinsics(640, 480, K, "plumb_bob", (-0.25, 0.08, 0.001, -0.0005, 0.0)),
    "rational_polynomial": CameraIntrinsics(
        640, 480, K, "rational_polynomial", (0.3, -0.1, 0.0005, 0.0002, 0.01, 0.6, -0.05, 0.02)
    ),
    "equidistant": CameraIntrinsics(
        640, 480, np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]]),
        "equidistant", (0.02, -0.01, 0.002, 0.0),
    ),
    "binned and cut": CameraIntrinsics(
        1280, 960, np.diag([2.0, 2, 1]) @ K
    ).binned_and_cropped(2, 2, (100, 60, 1000, 800)),
}  # fmt: skip


def a_hand(rng: np.random.Generator) -> np.ndarray:
    """(21, 3) wrist-relative joints: five bent fingers, turned at random."""
    joints = [np.zeros(3)]
    for finger in range(5):
        spread, curl = (finger - 2) * 0.3 + rng.normal(0, 0.05), rng.uniform(0, 0.6)
        point = np.array([np.sin(spread), np.cos(spread), 0]) * 0.085
        for bone, length in enumerate((0.0, 0.04, 0.025, 0.02)):
            angle = curl * bone
            point = point + length * np.array(
                [np.sin(spread) * np.cos(angle), np.cos(spread) * np.cos(angle), np.sin(angle)]
            )
            joints.append(point)
    return np.array(joints) @ Rotation.random(random_state=int(rng.integers(1 << 31))).as_matrix().T


def evidence(
    wrist: np.ndarray,
    joints: np.ndarray,
    intrinsics: CameraIntrinsics,
    pixel_std: float = 0.0,
    rng: np.random.Generator | None = None,
    zoom: float = 0.0,
    shift: float = 0.0,
    size: float = 1.0,
    joint_std: float = 0.0,
) -> HandEvidence:
    """What a network would say of a hand that is `size` times what it believes, with errors of the given
    spreads.
    """
    image_pixels = intrinsics.project(wrist + joints)
    crop = CropCamera.from_box(intrinsics, *box_around(image_pixels), 128)
    pixels, length = crop.crop_pixels(image_pixels, intrinsics), hand_length(joints) / size
    if rng is not None:
        middle = pixels.mean(axis=0)
        pixels = middle + (pixels - middle) * (1 + rng.normal(0, zoom)) + rng.normal(0, shift * 128, 2)
        pixels = pixels + rng.normal(0, pixel_std, pixels.shape)
        joints = joints + np.vstack([np.zeros(3), rng.normal(0, joint_std, (20, 3))])
    std = np.full((21, 2), pixel_std)
    return HandEvidence(crop, joints / size, joints / size, pixels, std, pixel_std, length)


def a_visible_wrist(rng: np.random.Generator) -> np.ndarray:
    return np.array([rng.uniform(-0.35, 0.35), rng.uniform(-0.25, 0.25), 1]) * rng.uniform(0.3, 1.0)


@pytest.mark.parametrize("camera", CAMERAS)
def test_true_joints_are_placed_within_a_tenth_of_a_millimetre_in_every_camera(camera: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        wrist, joints = a_visible_wrist(rng), a_hand(rng)
        unit = locate(evidence(wrist, joints, CAMERAS[camera]), PlacementSettings())
        np.testing.assert_allclose(
            place([unit], PlacementSettings()).placements[0].position, wrist, atol=1e-4
        )


def test_a_wrist_joint_off_the_origin_stays_where_the_joints_put_it() -> None:
    rng = np.random.default_rng(1)
    wrist, joints = np.array([0.1, -0.05, 0.6]), a_hand(rng)
    off = evidence(wrist, joints, CAMERAS["none"])
    off = replace(off, joints=off.joints + [0.004, 0.002, -0.003])
    placed = place([locate(off, PlacementSettings())], PlacementSettings()).placements[0]
    np.testing.assert_allclose(placed.position + off.joints[0], wrist, atol=1e-4)


def test_a_stated_hand_length_sets_size_and_distance() -> None:
    rng = np.random.default_rng(2)
    wrist, joints = np.array([0.1, 0.1, 0.7]), a_hand(rng)
    settings = PlacementSettings(hand_length_m=hand_length(joints))
    placed = place(
        [locate(evidence(wrist, joints, CAMERAS["none"], size=1.2), settings)], settings
    ).placements[0]
    assert placed.scale_source == "parameter"
    assert placed.scale == pytest.approx(1.2, abs=1e-6)
    np.testing.assert_allclose(placed.position, wrist, atol=1e-4)


def test_without_a_stated_length_the_size_is_the_networks_own() -> None:
    hand = evidence(np.array([0, 0, 0.5]), a_hand(np.random.default_rng(3)), CAMERAS["none"])
    placed = place([locate(hand, PlacementSettings())], PlacementSettings()).placements[0]
    assert (placed.scale, placed.scale_source) == (1.0, "shape_prior")


def test_a_size_that_is_not_trusted_gives_way_to_the_typical_one() -> None:
    joints = a_hand(np.random.default_rng(3))
    hand = evidence(np.array([0, 0, 0.5]), joints, CAMERAS["none"])
    length = hand_length(joints)
    settings = PlacementSettings(errors=NetworkErrors(size_trust=0.25, mean_length_m=1.2 * length))
    placed = place([locate(hand, settings)], settings).placements[0]
    assert placed.scale == pytest.approx(1.2**0.75)
    np.testing.assert_allclose(placed.position, [0, 0, 0.5 * 1.2**0.75], atol=1e-4)


@pytest.mark.parametrize("errors", [NetworkErrors(zoom_bias=0.05), NetworkErrors(zoom_shrink=1.6)])
def test_by_how_much_hands_are_seen_too_small_is_taken_out(errors: NetworkErrors) -> None:
    wrist, std_px = np.array([0.05, -0.1, 0.6]), 8.0
    hand = evidence(wrist, a_hand(np.random.default_rng(13)), CAMERAS["none"], std_px)
    spread = hand.pixels - hand.pixels.mean(axis=0)
    extent_px = np.sqrt((spread**2).sum(axis=1).mean())
    # Seen at 1/√(1 + (k d)²), with d the doubt over the extent as seen; over the true one, at √(1 − (k d)²).
    times = np.exp(-errors.zoom_bias) * np.sqrt(1 - (errors.zoom_shrink * std_px / extent_px) ** 2)
    shrunk = replace(hand, pixels=hand.pixels[0] + times * (hand.pixels - hand.pixels[0]))
    assert locate(shrunk, PlacementSettings()).position[2] > 1.03 * wrist[2]
    np.testing.assert_allclose(locate(shrunk, PlacementSettings(errors=errors)).position, wrist, atol=1e-4)


def test_depth_moves_a_hand_along_the_ray_on_which_its_wrist_is_seen() -> None:
    wrist = np.array([0.1, -0.08, 0.6])
    hand = evidence(wrist, a_hand(np.random.default_rng(15)), CAMERAS["none"], 2.0)
    smaller = replace(hand, pixels=hand.pixels[0] + 0.9 * (hand.pixels - hand.pixels[0]))
    settings = PlacementSettings(errors=NetworkErrors(zoom_floor=0.2))
    unit = locate(smaller, settings)
    offsets = np.linspace(-0.03, 0.01, 40)
    measured = DepthEvidence(offsets, wrist[2] + offsets, 0.005, 0.005)
    placed = place([unit], settings, depths=[measured]).placements[0]
    assert unit.position[2] > 1.05 * wrist[2]
    assert placed.position[2] == pytest.approx(wrist[2], abs=0.005)
    tangents = placed.position[:2] / placed.position[2]
    np.testing.assert_allclose(tangents, wrist[:2] / wrist[2], atol=0.004)


def test_wider_heat_maps_make_wider_ellipsoids_where_the_network_says_so() -> None:
    wrist, joints = np.array([0.05, -0.1, 0.6]), a_hand(np.random.default_rng(14))
    hands = [evidence(wrist, joints, CAMERAS["none"], std) for std in (1.0, 4.0)]

    def widening(errors: NetworkErrors) -> float:
        units = [locate(hand, PlacementSettings(errors=errors)) for hand in hands]
        sure, doubtful = (np.sqrt(np.linalg.inv(unit.information)[2, 2]) for unit in units)
        return doubtful / sure

    assert widening(NetworkErrors()) < 2.0
    assert 2.5 < widening(NetworkErrors(shift_share=1.0, zoom_share=1.0)) < 4.0


def test_unknown_size_is_six_percent_along_the_ray_and_little_across() -> None:
    wrist = np.array([0.15, -0.1, 0.8])
    unit = locate(
        evidence(wrist, a_hand(np.random.default_rng(4)), CAMERAS["none"], pixel_std=1.0), PlacementSettings()
    )
    values, axes = np.linalg.eigh(place([unit], PlacementSettings()).placements[0].covariance)
    ray = wrist / np.linalg.norm(wrist)
    assert np.sqrt(values[2]) >= 0.06 * np.linalg.norm(wrist)
    assert abs(axes[:, 2] @ ray) > 0.999
    assert np.sqrt(values[1]) < 0.01


def test_joints_that_are_seen_in_the_wrong_place_are_outvoted() -> None:
    rng = np.random.default_rng(5)
    wrist = np.array([0.05, 0.1, 0.6])
    hand = evidence(wrist, a_hand(rng), CAMERAS["none"], pixel_std=1.0)
    hand.pixels[[4, 8]] += 40
    position = locate(hand, PlacementSettings()).position
    assert np.linalg.norm(position - wrist) < 0.02


def test_a_hand_that_fits_nowhere_in_front_of_the_camera_is_refused() -> None:
    hand = evidence(np.array([0, 0, 0.5]), a_hand(np.random.default_rng(6)), CAMERAS["none"])
    inside_out = replace(hand, pixels=127 - hand.pixels)
    assert locate(inside_out, PlacementSettings()) is None


def test_joints_that_say_nothing_are_refused_without_an_accident() -> None:
    hand = evidence(np.array([0, 0, 0.5]), a_hand(np.random.default_rng(6)), CAMERAS["none"])
    collapsed = replace(hand, joints=np.zeros((21, 3)), pixels=np.full((21, 2), 60.0))
    assert locate(collapsed, PlacementSettings()) is None
    assert locate(replace(hand, pixels=np.full((21, 2), np.nan)), PlacementSettings()) is None


def test_noise_does_not_pull_hands_nearer_or_push_them_away() -> None:
    rng = np.random.default_rng(12)
    settings = PlacementSettings()
    errors = []
    for _ in range(500):
        wrist = a_visible_wrist(rng)
        unit = locate(noisy(rng, wrist, a_hand(rng), 1.0, settings, pixel_std=3.0), settings)
        errors.append(unit.position[2] / wrist[2] - 1)
    assert abs(np.mean(errors)) < 0.006  # of the distance, three times the mean's own uncertainty


def test_single_hand_ellipsoids_hold_their_share_of_the_errors() -> None:
    rng = np.random.default_rng(7)
    settings = PlacementSettings()
    inside = []
    for _ in range(700):
        wrist, joints, size = (
            a_visible_wrist(rng),
            a_hand(rng),
            np.exp(rng.normal(0, settings.errors.size_std)),
        )
        hand = noisy(rng, wrist, joints, size, settings)
        inside.append(holds(place([locate(hand, settings)], settings).placements[0], wrist, hand))
    assert 0.90 <= np.mean(inside) <= 0.98


def test_ellipsoids_of_two_hands_tied_together_hold_their_share_of_the_errors() -> None:
    rng = np.random.default_rng(8)
    settings = PlacementSettings()
    inside, relative_inside = [], []
    for _ in range(500):
        wrists = [a_visible_wrist(rng)]
        wrists.append(wrists[0] + rng.normal(0, 0.08, 3))
        sizes = np.exp(
            rng.multivariate_normal([0, 0], settings.errors.size_std**2 * np.array([[1, 0.95], [0.95, 1]]))
        )
        hands = [noisy(rng, w, a_hand(rng), s, settings) for w, s in zip(wrists, sizes, strict=True)]
        relative = (wrists[1] - wrists[0]) / sizes.mean() + rng.normal(0, settings.errors.relative_std_m, 3)
        placed = place([locate(hand, settings) for hand in hands], settings, relative)
        inside += [holds(p, w, h) for p, w, h in zip(placed.placements, wrists, hands, strict=True)]
        first, second = (
            p.position + p.scale * h.joints[0] for p, h in zip(placed.placements, hands, strict=True)
        )
        error = (second - first) - (wrists[1] - wrists[0])
        relative_inside.append(error @ np.linalg.solve(placed.relative_covariance, error) < CHI2_95_3DOF)
    assert 0.90 <= np.mean(inside) <= 0.98
    assert 0.90 <= np.mean(relative_inside) <= 0.98


def test_the_relative_translation_makes_the_relation_better_than_two_separate_hands() -> None:
    rng = np.random.default_rng(9)
    settings = PlacementSettings()
    apart, tied = [], []
    for _ in range(200):
        first, difference = a_visible_wrist(rng), rng.normal(0, 0.1, 3)
        hands = [noisy(rng, w, a_hand(rng), 1.0, settings) for w in (first, first + difference)]
        units = [locate(hand, settings) for hand in hands]
        relative = difference + rng.normal(0, settings.errors.relative_std_m, 3)
        for relation, errors in ((None, apart), (relative, tied)):
            placed = place(units, settings, relation).placements
            errors.append(np.linalg.norm(placed[1].position - placed[0].position - difference))
    assert np.median(tied) < 0.9 * np.median(apart)


@pytest.mark.parametrize("occluded", [0.0, 0.3])
def test_depth_finds_the_true_size_past_noise_holes_and_something_in_front(occluded: float) -> None:
    rng = np.random.default_rng(10)
    intrinsics, settings = CAMERAS["plumb_bob"], PlacementSettings()
    errors, inside = [], []
    for _ in range(60):
        wrist, joints, size = a_visible_wrist(rng), a_hand(rng), np.exp(rng.normal(0, 0.06))
        hand = noisy(rng, wrist, joints, size, settings)
        surface = dense_surface(joints)
        hand = replace(hand, vertices=surface / size)
        depth = depth_image(rng, wrist + surface, intrinsics, occluded)
        units = [locate(hand, settings)]
        measured = measure_depths(depth, intrinsics, [hand], units, DepthSettings(), NetworkErrors())
        if measured[0] is None:
            continue
        placed = place(units, settings, depths=measured).placements[0]
        assert placed.scale_source == "depth"
        errors.append(np.linalg.norm(placed.position - wrist))
        inside.append(holds(placed, wrist, hand))
    assert len(errors) > 40
    assert np.median(errors) < 0.015
    assert np.mean(inside) > 0.85


@pytest.mark.parametrize("reached", [18, 11, 10, 5])
def test_joints_out_of_reach_do_not_make_the_others_doubtful(reached: int) -> None:
    """With half of them beyond the crop's border, hands were put at a fifth of their distance."""
    rng = np.random.default_rng(12)
    settings = PlacementSettings(errors=NetworkErrors(zoom_shrink=2.2))
    wrist, joints = np.array([0.05, 0.0, 0.6]), a_hand(rng)
    seen = evidence(wrist, joints, CAMERAS["none"], pixel_std=1.0)
    in_reach = np.arange(21) < reached
    pixel_std = np.where(in_reach[:, None], seen.pixel_std, float(seen.crop.size_px))
    seen = replace(seen, pixel_std=pixel_std, usual_std=usual_std(seen.pixel_std, in_reach))
    unit = locate(seen, settings)
    assert unit is not None
    np.testing.assert_allclose(unit.position + unit.wrist, wrist, atol=0.02)


def test_how_sure_the_network_is_its_joints_in_reach_tell() -> None:
    std = np.repeat(np.arange(21.0), 2).reshape(21, 2)
    assert usual_std(std, np.arange(21) < 5) == 2
    assert usual_std(std, np.arange(21) < 1) == 10  # one joint alone does not


def test_depth_of_something_else_is_not_believed() -> None:
    rng = np.random.default_rng(11)
    hand = evidence(np.array([0, 0, 0.6]), a_hand(rng), CAMERAS["none"], pixel_std=1.0)
    unit = locate(hand, PlacementSettings())
    for wrong in (np.full((480, 640), 1.5), np.zeros((480, 640)), np.full((480, 640), np.nan)):
        depth = wrong.astype(np.float32)
        found = measure_depths(depth, CAMERAS["none"], [hand], [unit], DepthSettings(), NetworkErrors())
        assert found == [None]


def noisy(
    rng: np.random.Generator,
    wrist: np.ndarray,
    joints: np.ndarray,
    size: float,
    settings: PlacementSettings,
    pixel_std: float = 1.2,
) -> HandEvidence:
    return evidence(
        wrist, joints, CAMERAS["none"], pixel_std=pixel_std, rng=rng, zoom=settings.errors.zoom_floor,
        shift=settings.errors.shift_floor, size=size, joint_std=settings.errors.joint_std_m,
    )  # fmt: skip


def holds(placement: object, wrist: np.ndarray, hand: HandEvidence) -> bool:
    """Whether the true wrist is in the placement's 95 % ellipsoid."""
    error = placement.position + placement.scale * hand.joints[0] - wrist
    return bool(error @ np.linalg.solve(placement.covariance, error) < CHI2_95_3DOF)


def dense_surface(joints: np.ndarray) -> np.ndarray:
    """(N, 3) points 8 mm around the bones, as a skin would lie."""
    rng = np.random.default_rng(0)
    chains = np.concatenate([np.zeros((5, 1, 3)), joints[1:].reshape(5, 4, 3)], axis=1)
    start, end = chains[:, :-1].reshape(-1, 3), chains[:, 1:].reshape(-1, 3)
    along = rng.uniform(0, 1, (40, 1, 1))
    around = rng.normal(size=(40, len(start), 3))
    points = start + along * (end - start) + 0.008 * around / np.linalg.norm(around, axis=-1, keepdims=True)
    return points.reshape(-1, 3)


def depth_image(
    rng: np.random.Generator, points: np.ndarray, intrinsics: CameraIntrinsics, occluded: float
) -> np.ndarray:
    """A splatted depth image with noise, holes, a wall behind, and something held before part of the hand."""
    depth = np.full((intrinsics.height, intrinsics.width), 2.0, dtype=np.float32)
    for (u, v), z in zip(np.rint(intrinsics.project(points)).astype(int), points[:, 2], strict=True):
        patch = depth[max(v - 3, 0) : max(v + 4, 0), max(u - 3, 0) : max(u + 4, 0)]
        np.minimum(patch, z, out=patch)
    hand = depth < 2.0
    edge = np.quantile(np.nonzero(hand)[1], occluded) if hand.any() else 0
    depth[:, : int(edge) if occluded else 0] = points[:, 2].min() - 0.1
    depth += rng.normal(0, 0.003, depth.shape).astype(np.float32)
    depth[rng.random(depth.shape) < 0.2] = 0
    return depth
