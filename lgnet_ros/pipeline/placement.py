"""Where a hand is, in metres: closed-form weighted least squares from what the network says in its crop.

The network gives root-relative joints X_i (metres, at the size it believes in) and where each joint is seen,
u_i, in the crop. With a_i the crop ray of u_i, joint i lies on that ray when, in the crop camera's axes,

    (τ + X_i)_x − a_ix (τ + X_i)_z = 0    and the same for y,

which is linear in the position τ: 2·21 equations, 3 unknowns, solved in closed form. Taken literally the
answer is biased by a few percent of the distance, because the noise of a_i stands on the equations' left side
too; so a few Gauss–Newton steps follow, along rays that mix what is measured with what the last position
expects by their variances: the mixture whose error is uncorrelated with the equations'. Errors that all
joints share (a shift and a zoom of the whole hand in the crop) are further unknowns with a prior of their
own, so that they end up in the covariance and are not averaged away. An image says nothing about size: the
hand may as well be s times as large, at s τ. That is left to `lgnet_ros.pipeline.fusion`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry.crops import CropCamera

_MIN_DEPTH_M, _MAX_DEPTH_M = 0.05, 20.0  # nearer no hand is in focus; further it is a pixel or two
_FORWARD = np.array([0.0, 0.0, 1.0])
_ANYWHERE = 1e-4  # 1/m²: a position known to 100 m, so that joints that say nothing leave it solvable
_OUTLIER = 3.0  # standard deviations beyond which a joint counts less, the less the further (redescending)
_STEPS = 5  # the closed form, then Gauss–Newton steps with the weights that depths and residuals imply
_MIDDLE_FINGER = np.array([0, 9, 10, 11, 12])  # wrist to middle fingertip: what `hand_length` measures


@dataclass(frozen=True)
class PlacementSettings:
    """How wrong the network's outputs may be: standard deviations.

    Attributes:
        hand_length_m: wrist to middle fingertip, finger stretched, joint to joint; None if not known.
        size_std: of human hand sizes, relative.
        known_size_std: what remains of it when `hand_length_m` is given.
        same_size_correlation: between the sizes of one person's two hands.
        joint_std_m: of a root-relative 3D joint, per axis.
        pixel_floor: least of a joint's image position, share of the crop's size.
        common_shift: of all joints of a hand together in the crop, share of the crop's size.
        common_zoom: of the hand's extent in the crop, relative; acts on the distance as its size does.
        relative_std_m: of the network's left wrist − right wrist, per axis.
    """

    hand_length_m: float | None = None
    size_std: float = 0.06
    known_size_std: float = 0.015
    same_size_correlation: float = 0.95
    joint_std_m: float = 0.006
    pixel_floor: float = 0.003
    common_shift: float = 0.005
    common_zoom: float = 0.02
    relative_std_m: float = 0.02


@dataclass(frozen=True)
class HandEvidence:
    """What the network says of one hand; axes of the camera that took the image.

    joints (21, 3), vertices (V, 3): m, relative to the network's wrist, at the network's own size.
    pixels, pixel_std: (21, 2) in the crop.
    """

    crop: CropCamera
    joints: np.ndarray
    vertices: np.ndarray
    pixels: np.ndarray
    pixel_std: np.ndarray


@dataclass(frozen=True)
class UnitHand:
    """A hand placed at the network's own size.

    position: (3,) m, τ: where the root-relative origin is in the camera's frame. information: (3, 3) 1/m²,
    the inverse of its covariance. wrist: (3,) m, the wrist joint relative to the origin (the refined mesh's
    wrist is not quite the rough one's). log_scale, log_scale_std: what is known of the size before any depth
    is measured.
    source: where that comes from, one of `SCALE_SOURCES`.
    """

    position: np.ndarray
    information: np.ndarray
    wrist: np.ndarray
    log_scale: float
    log_scale_std: float
    source: str


def hand_length(joints: np.ndarray) -> float:
    """Wrist to middle fingertip along the bones, in the unit of the joints (21, 3), whatever the pose."""
    return float(np.linalg.norm(np.diff(joints[_MIDDLE_FINGER], axis=0), axis=1).sum())


def locate(hand: HandEvidence, settings: PlacementSettings) -> UnitHand | None:
    """Place one hand at the network's own size; None when no position in front of the camera fits."""
    size, rotation = hand.crop.size_px, hand.crop.rotation_crop_camera
    measured = (hand.pixels - (size - 1) / 2) / hand.crop.focal_px  # (21, 2) tangents in the crop
    std = np.maximum(hand.pixel_std, settings.pixel_floor * size) / hand.crop.focal_px
    joints = hand.joints @ rotation.T  # crop camera's axes, as everything in the loop
    prior = _shared_prior(hand.crop, settings)
    position, expected, depths = np.zeros(3), measured, np.ones((21, 1))
    doubt = np.ones((21, 2))
    for step in range(_STEPS):
        of_joints = settings.joint_std_m**2 * (1 + expected**2)
        variance = (depths * std) ** 2 + of_joints
        rays = expected + of_joints / variance * (measured - expected)
        rows = np.eye(2, 3) - rays[:, :, None] * _FORWARD  # (21, 2, 3): how far off the ray
        target = rows @ position - depths * (expected - measured)
        if step == 0:
            target = -np.einsum("jkc,jc->jk", rows, joints)
        weight = 1 / np.sqrt(variance * doubt)
        design = np.concatenate([rows, _shared_errors(rays) * depths[:, :, None]], axis=2)
        solution, normal, residual = _least_squares(design * weight[:, :, None], target * weight, prior)
        position = solution[:3]
        if not (np.isfinite(solution).all() and _MIN_DEPTH_M < position[2] < _MAX_DEPTH_M):
            return None
        doubt = np.maximum(residual**2 * doubt / _OUTLIER**2, 1.0)
        depths = np.maximum(position[2] + joints[:, 2:], _MIN_DEPTH_M)
        expected = (position[:2] + joints[:, :2]) / depths
    information = rotation.T @ np.linalg.inv(np.linalg.inv(normal)[:3, :3]) @ rotation
    size_prior = _size_prior(hand.joints, settings)
    return UnitHand(rotation.T @ position, information, hand.joints[0], *size_prior)


def _least_squares(
    design: np.ndarray, target: np.ndarray, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solution (6,), normal matrix (6, 6) and residuals (21, 2) of whitened equations (21, 2, 6), (21, 2)."""
    flat, right = design.reshape(-1, design.shape[-1]), target.ravel()
    normal = flat.T @ flat + prior
    solution = np.linalg.solve(normal, flat.T @ right)
    return solution, normal, (flat @ solution - right).reshape(target.shape)


def _shared_errors(tangents: np.ndarray) -> np.ndarray:
    """(21, 2, 3) how a shift in x, a shift in y and a zoom of the whole hand move each joint's tangent."""
    shared = np.zeros((len(tangents), 2, 3))
    shared[:, 0, 0] = shared[:, 1, 1] = 1
    shared[:, :, 2] = tangents - tangents.mean(axis=0)
    return shared


def _shared_prior(crop: CropCamera, settings: PlacementSettings) -> np.ndarray:
    """(6, 6) information: next to none on the position, the settings' on the shared errors."""
    shift = settings.common_shift * crop.size_px / crop.focal_px
    return np.diag([_ANYWHERE, _ANYWHERE, _ANYWHERE, shift**-2, shift**-2, settings.common_zoom**-2])


def _size_prior(joints: np.ndarray, settings: PlacementSettings) -> tuple[float, float, str]:
    if settings.hand_length_m is None:
        return 0.0, settings.size_std, "shape_prior"
    return float(np.log(settings.hand_length_m / hand_length(joints))), settings.known_size_std, "parameter"
