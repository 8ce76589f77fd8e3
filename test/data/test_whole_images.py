"""Whole images and where in them hands are, before and after they are changed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lgnet_ros.data.whole_images import Labelled, augmented, box_in_image, can_be_found, rendered, unpacked
from lgnet_ros.network.hand_centers import IMAGE_HEIGHT, IMAGE_WIDTH


def marked(rng: np.random.Generator) -> Labelled:
    """A gray image with a white dot of two pixels' radius at every joint of two hands."""
    image = np.full((IMAGE_HEIGHT, IMAGE_WIDTH, 3), 60, np.uint8)
    joints = np.stack([corner + rng.uniform(0, 90, (21, 2)) for corner in ([60, 90], [230, 110])])
    for x, y in joints.reshape(-1, 2):
        cv2.circle(image, (round(x * 16), round(y * 16)), 32, (255, 255, 255), -1, shift=4)
    return Labelled(image, joints, np.array([21, 21]))


@pytest.mark.parametrize("seed", range(8))
def test_labels_go_where_the_image_goes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    changed = augmented(marked(rng), rng)
    assert changed.image.shape == (IMAGE_HEIGHT, IMAGE_WIDTH, 3)
    inside = (changed.joints > 4).all(-1) & (changed.joints < [IMAGE_WIDTH - 5, IMAGE_HEIGHT - 5]).all(-1)
    assert inside.sum() >= 5
    x, y = np.rint(changed.joints[inside]).astype(int).T
    gray = changed.image.mean(axis=-1)
    assert (gray[y, x] > np.median(gray) + 60).all()


def test_a_mirrored_image_has_its_hands_exchanged() -> None:
    mirrored = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sample = marked(rng)
        now = augmented(sample, rng).joints[0]  # what is right now was right, or left before a mirror
        before = (np.column_stack([joints, np.ones(21)]) for joints in sample.joints)
        fits = [np.linalg.lstsq(was, now, rcond=None) for was in before]
        exchanged = bool(np.argmin([residuals.sum() for _, residuals, *_ in fits]))
        matrix, residuals, *_ = fits[exchanged]
        assert residuals.sum() < 1e-9
        assert (np.linalg.det(matrix[:2]) < 0) == exchanged
        mirrored.append(exchanged)
    assert 4 <= sum(mirrored) <= 16


def test_some_images_are_turned_anyhow_for_hands_that_hang() -> None:
    level = np.stack([np.linspace(100, 200, 21), np.full(21, 140.0)], axis=-1)
    image = np.zeros((IMAGE_HEIGHT, IMAGE_WIDTH, 3), np.uint8)
    sample = Labelled(image, np.stack([level, level]), np.array([21, 21]))
    rng = np.random.default_rng(0)
    changed = np.stack([augmented(sample, rng).joints[0] for _ in range(200)])
    along = np.abs(changed[:, 20] - changed[:, 0])
    steep = along[:, 1] > along[:, 0]
    assert 10 <= steep.sum() <= 60  # half of a quarter


def test_rendered_images_come_back_with_their_labels() -> None:
    samples = [unpacked(rendered(5, "train", index)) for index in range(12)]
    assert {sample.image.shape for sample in samples} == {(IMAGE_HEIGHT, IMAGE_WIDTH, 3)}
    hands = [(j, n) for sample in samples for j, n in zip(sample.joints, sample.seen, strict=True) if n]
    assert len(hands) >= 8
    assert all(box_in_image(joints)[1] <= IMAGE_WIDTH for joints, _ in hands)
    again = unpacked(rendered(5, "train", 3))
    np.testing.assert_array_equal(again.image, samples[3].image)
    assert not np.array_equal(unpacked(rendered(5, "test", 3)).image, samples[3].image)


def test_small_hidden_and_cut_hands_need_not_be_found() -> None:
    hand = np.random.default_rng(0).uniform(100, 160, (21, 2))
    assert can_be_found(hand, 12)
    assert not can_be_found(hand, 2)
    assert not can_be_found(100 + (hand - 100) / 10, 12)
    assert not can_be_found(hand - [155, 0], 12)
