"""What the landmark fit knows beforehand, learned from the synthetic sampler: poses, and where MediaPipe's
landmarks lie.

MediaPipe marks other points than our joints: a fingertip's landmark lies some 6 mm short of the skin's last
point, a knuckle's beyond the joint's center. Rendered hands, whose joints are known, tell by how much. The
images are of the training split.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.poses import sample_pose
from lgnet_ros.data.synthetic.posing import fast_hands
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.spheres import sphere_sets
from lgnet_ros.data.synthetic.stream import render_sample
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, OURS_ROTATION, SIDES
from lgnet_ros.landmarks.articulation import free_angles
from lgnet_ros.landmarks.mediapipe_hands import HandFinder
from lgnet_ros.landmarks.prior import LandmarkPrior
from lgnet_ros.landmarks.sight import look_at

_WELL_FOUND = 0.1  # of the hand's extent: nearer on the median, a detection is of this hand
_WILD_M = 0.01
_ROUNDS = 20
_RIDGE_M = 0.003  # offsets are small unless the images say otherwise
_LEAST_HANDS = 50


def learn_prior(finder: HandFinder, poses: int, images: int, seed: int) -> LandmarkPrior:
    """Both parts.

    Raises:
        UserError: the finder finds too few hands in so many images.
    """
    mean, covariance = pose_statistics(poses, seed)
    return LandmarkPrior(mean, covariance, landmark_offsets(finder, images, seed))


def pose_statistics(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (27,) and covariance (27, 27) of the angles that can move, rad, over sampled poses."""
    hand, spheres, rng = fast_hands()[0], sphere_sets()[0], np.random.default_rng(seed)
    angles = free_angles(np.array([sample_pose(rng, hand, spheres) for _ in range(count)]))
    return angles.mean(axis=0), np.cov(angles.T)


def landmark_offsets(finder: HandFinder, count: int, seed: int) -> np.ndarray:
    """(21, 3) m, see `LandmarkPrior.offsets`: robust least squares over all hands that are found in so many
    images.
    """
    measured = list(_measured(finder, count, seed))
    if len(measured) < _LEAST_HANDS:
        raise UserError(f"only {len(measured)} hands were found in {count} images: render more (--images)")
    rows, off = (np.stack(part) for part in zip(*measured, strict=True))  # (N, 21, 2, 3), (N, 21, 2)
    offsets, weight = np.zeros((21, 3)), np.ones(off.shape[:2])
    ridge = np.eye(3) * (_WILD_M / _RIDGE_M) ** 2
    for _ in range(_ROUNDS):
        normal = np.einsum("nj,njik,njil->jkl", weight, rows, rows) + ridge
        offsets = np.linalg.solve(normal, np.einsum("nj,njik,nji->jk", weight, rows, off)[..., None])[..., 0]
        left = np.linalg.norm(off - np.einsum("njik,jk->nji", rows, offsets), axis=-1)
        weight = 1 / (1 + (left / _WILD_M) ** 2) ** 2
    return offsets


def _measured(finder: HandFinder, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Per hand found: the bones' axes as the view shows them (21, 2, 3), and how far the landmarks are from
    the joints there (21, 2), m."""
    model, settings = HandModel.load(), SyntheticSettings(split="train")
    for index in range(count):
        sample = render_sample(seed, index, settings)
        finder.reset()
        found = finder.find(sample.image)
        for side in np.flatnonzero(sample.presence):
            true = sample.intrinsics.project(sample.joints[side])
            extent = np.ptp(true, axis=0).max()
            same = [hand.pixels for hand in found if hand.side == side]
            errors = [np.median(np.linalg.norm(pixels - true, axis=1)) for pixels in same]
            if errors and min(errors) < _WELL_FOUND * extent:
                yield _displacements(model, sample, int(side), same[int(np.argmin(errors))])


def _displacements(
    model: HandModel, sample: HandSample, side: int, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    sight = look_at(pixels, sample.intrinsics)
    assert sight is not None  # all 21 are there
    joints = sight.view.to_crop(sample.joints[side].astype(np.float64))
    off = sight.tangents * joints[:, 2:] - joints[:, :2]
    with torch.no_grad():
        rotations, shape = (torch.from_numpy(a[side]) for a in (sample.rotations, sample.shape))
        turned = model(rotations, shape, SIDES[side]).rotations.double().numpy()[list(OURS_ROTATION)]
    axes = sight.view.rotation_crop_camera @ turned
    mirror = np.array([-1.0, 1.0, 1.0]) if side == LEFT else np.ones(3)
    return (axes * mirror)[:, :2], off
