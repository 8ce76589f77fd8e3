"""Where a hand is, in metres: closed-form weighted least squares from what the network says in its crop.

The network gives root-relative joints X_i (metres, at the size it believes in) and where each joint is seen,
u_i, in the crop. With a_i the crop ray of u_i, joint i lies on that ray when, in the crop camera's axes,

    (τ + X_i)_x − a_ix (τ + X_i)_z = 0    and the same for y,

which is linear in the position τ: 2·21 equations, 3 unknowns, solved in closed form. Taken literally the
answer is biased by a few percent of the distance, because the noise of a_i stands on the equations' left side
too; so a few Gauss–Newton steps follow, along rays that mix what is measured with what the last position
expects by their variances: the mixture whose error is uncorrelated with the equations'. Errors that all
joints share (a shift of the whole hand in the crop, and a zoom about its wrist, which leaves alone where the
wrist is seen) are further unknowns with a prior of their own, so that they end up in the covariance and are
not averaged away; they are the larger, the wider the heat maps. An image says nothing about size: the hand
may as well be s times as large, at s τ. That is left to `lgnet_ros.pipeline.fusion`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry.crops import CropCamera
from lgnet_ros.geometry.information import positive_inverse
from lgnet_ros.inference.accuracy import NetworkErrors
from lgnet_ros.pipeline.ray_fit import fit_position

_ANYWHERE = 1e-4  # 1/m²: a position known to 100 m, so that joints that say nothing leave it solvable
_MIDDLE_FINGER = np.array([0, 9, 10, 11, 12])  # wrist to middle fingertip: what `hand_length` measures


@dataclass(frozen=True)
class PlacementSettings:
    """What is known of hands, and how wrong the network's outputs may be; what is called std is a standard
    deviation.

    Attributes:
        hand_length_m: wrist to middle fingertip, finger stretched, joint to joint; None if not known.
        known_size_std: of the hand's size, relative, when `hand_length_m` is given.
        same_size_correlation: between the sizes of one person's two hands.
        pixel_floor: least std of a joint's image position, share of the crop's size.
        errors: of the network. `HandsPipeline` puts its estimator's own here.
    """

    hand_length_m: float | None = None
    known_size_std: float = 0.015
    same_size_correlation: float = 0.95
    pixel_floor: float = 0.003
    errors: NetworkErrors = NetworkErrors()


@dataclass(frozen=True)
class HandEvidence:
    """What the network says of one hand; axes of the camera that took the image.

    joints (21, 3), vertices (V, 3): m, relative to the network's wrist, at the network's own size.
    pixels, pixel_std: (21, 2) in the crop. usual_std: px, of the heat maps of most joints in reach: how sure
    the network is of this hand. length: m, of the mesh, see `hand_length`; of the joints it would be too
    long, for noise in their depths lengthens bones.
    """

    crop: CropCamera
    joints: np.ndarray
    vertices: np.ndarray
    pixels: np.ndarray
    pixel_std: np.ndarray
    usual_std: float
    length: float


@dataclass(frozen=True)
class UnitHand:
    """A hand placed at the network's own size.

    position: (3,) m, τ: where the root-relative origin is in the camera's frame. information: (3, 3) 1/m²,
    the inverse of its covariance. wrist: (3,) m, the wrist joint relative to the origin (the refined mesh's
    wrist is not quite the rough one's). log_scale, log_scale_std: what is known of the size before any depth
    is measured.
    source: where that comes from, one of `SCALE_SOURCES`. doubt: the heat maps' standard deviation over the
    hand's extent.
    """

    position: np.ndarray
    information: np.ndarray
    wrist: np.ndarray
    log_scale: float
    log_scale_std: float
    source: str
    doubt: float


def hand_length(joints: np.ndarray) -> float:
    """Wrist to middle fingertip along the bones, in the unit of the joints (21, 3), whatever the pose."""
    chain = joints[_MIDDLE_FINGER].tolist()
    return sum(map(math.dist, chain, chain[1:]))


def locate(hand: HandEvidence, settings: PlacementSettings) -> UnitHand | None:
    """Place one hand at the network's own size; None when no position in front of the camera fits."""
    size, rotation = hand.crop.size_px, hand.crop.rotation_crop_camera
    measured = (hand.pixels - (size - 1) / 2) / hand.crop.focal_px  # (21, 2) tangents in the crop
    std = np.maximum(hand.pixel_std, settings.pixel_floor * size) / hand.crop.focal_px
    errors = settings.errors
    usual = max(hand.usual_std, settings.pixel_floor * size) / hand.crop.focal_px
    doubt, wrist = usual / _extent(measured), measured[0]
    seen_too_small = math.exp(errors.zoom_bias) * math.hypot(1, errors.zoom_shrink * doubt)
    measured = wrist + seen_too_small * (measured - wrist)
    joints = hand.joints @ rotation.T  # crop camera's axes, as everything in the loop
    prior = _shared_prior(hand.crop, usual, doubt, errors)
    fitted = fit_position(measured, std, joints, prior, errors.joint_std_m)
    if fitted is None:
        return None
    position, normal = fitted
    shared = normal[:3, 3:]  # what is left on the position once the shared errors are taken out
    alone = normal[:3, :3] - shared @ positive_inverse(normal[3:, 3:]) @ shared.T
    information = rotation.T @ alone @ rotation
    size_prior = _size_prior(hand.length, settings)
    return UnitHand(rotation.T @ position, information, hand.joints[0], *size_prior, doubt)


def _extent(tangents: np.ndarray) -> float:
    """Of a hand in its crop: root mean square distance of its joints' tangents (21, 2) from their mean."""
    spread = tangents - tangents.mean(axis=0)
    return max(math.sqrt(float((spread * spread).sum()) / len(spread)), 1e-3)


def _shared_prior(crop: CropCamera, usual: float, doubt: float, errors: NetworkErrors) -> np.ndarray:
    """(6, 6) information: next to none on the position, the network's own on the shared errors.

    usual: the usual heat-map standard deviation, a tangent. doubt: see `UnitHand`.
    """
    shift = math.hypot(errors.shift_floor * crop.size_px / crop.focal_px, errors.shift_share * usual)
    zoom = math.hypot(errors.zoom_floor, errors.zoom_share * doubt)
    return np.diag([_ANYWHERE, _ANYWHERE, _ANYWHERE, shift**-2, shift**-2, zoom**-2])


def _size_prior(length: float, settings: PlacementSettings) -> tuple[float, float, str]:
    errors = settings.errors
    if settings.hand_length_m is None:
        doubted = (1 - errors.size_trust) * math.log(errors.mean_length_m / length)
        return doubted, errors.size_std, "shape_prior"
    return math.log(settings.hand_length_m / length), settings.known_size_std, "parameter"
