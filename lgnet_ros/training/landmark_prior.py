"""What the landmark fit knows beforehand, learned from the synthetic sampler: poses, where MediaPipe's
landmarks lie, and how wrong the hands are that are fitted to them.

MediaPipe marks other points than our joints: a fingertip's landmark lies some 6 mm short of the skin's last
point, a knuckle's beyond the joint's center. Rendered hands, whose joints are known, tell by how much. The
images are of the training split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.poses import sample_pose
from lgnet_ros.data.synthetic.posing import fast_hands
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.data.synthetic.spheres import sphere_sets
from lgnet_ros.data.synthetic.stream import render_sample
from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.estimates import answer_about
from lgnet_ros.evaluation.protocols import CROPS, crops_of
from lgnet_ros.evaluation.records import HandsTruth
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, OURS_ROTATION, SIDES
from lgnet_ros.inference import NetworkErrors, NetworkPrediction
from lgnet_ros.landmarks.articulation import free_angles
from lgnet_ros.landmarks.estimator import LandmarkEstimator
from lgnet_ros.landmarks.fit import LandmarkFitter
from lgnet_ros.landmarks.mediapipe_hands import HandFinder
from lgnet_ros.landmarks.prior import LandmarkPrior
from lgnet_ros.landmarks.sight import look_at
from lgnet_ros.network.heatmap import cells_to_pixels
from lgnet_ros.training.uncertainty import Shown, fit_errors

_WELL_FOUND = 0.1  # of the hand's extent: nearer on the median, a detection is of this hand
_WILD_M = 0.01
_ROUNDS = 20
_RIDGE_M = 0.003  # offsets are small unless the images say otherwise
_LEAST_HANDS = 50


def learn_prior(finder: HandFinder, poses: int, images: int, seed: int) -> LandmarkPrior:
    """All of it. images: as many of the training split, for the offsets, as of the validation split, for the
    errors.

    Raises:
        UserError: the finder finds too few hands in so many images.
    """
    mean, covariance = pose_statistics(poses, seed)
    prior = LandmarkPrior(mean, covariance, landmark_offsets(finder, images, seed))
    return replace(prior, errors=fitted_errors(finder, prior, images, seed).as_dict())


def fitted_errors(finder: HandFinder, prior: LandmarkPrior, count: int, seed: int) -> NetworkErrors:
    """How wrong hands are in crops of so many images, by this prior. Hands that are taken for other ones, or
    are none, do not count: ellipsoids that held these as well would say nothing of the others.

    Raises:
        UserError: the finder finds too few hands.
    """
    model, settings = HandModel.load(), SyntheticSettings(split="validation")
    fitter = LandmarkFitter(model, prior, offsets=prior.offsets)
    estimator = LandmarkEstimator(model, finder, fitter, follow=False)
    shown = []
    for index in range(count):
        sample = render_sample(seed, index, settings)
        for kind in CROPS:
            for crop in crops_of(sample, index, kind, estimator.size_px, seed):
                truth = HandsTruth.of_crop(crop)
                estimator.reset()
                prediction = answer_about(estimator, crop)
                own = truth.presence & _are_themselves(prediction, truth)
                shown.append(Shown(prediction, 0, replace(truth, presence=own)))
    errors = fit_errors(shown)
    if errors is None:
        raise UserError(f"too few hands were found in {count} images: render more (--images)")
    return errors


def _are_themselves(prediction: NetworkPrediction, truth: HandsTruth) -> np.ndarray:
    """(2,) bool: which hands of one crop are found where they are, rather than on something else."""
    true = truth.camera.project(truth.joints)
    pixels = cells_to_pixels(prediction.joints_25d[0, ..., :2], truth.camera.width)
    off = np.median(np.linalg.norm(pixels - true, axis=-1), axis=-1)
    return off < _WELL_FOUND * np.ptp(true, axis=1).max(axis=-1)  # NaN, of a hand behind the camera, is not


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
