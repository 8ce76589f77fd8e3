"""A hand model fitted to 21 landmarks: where they are in the image, and roughly in space.

What the fit is told of each landmark is its pixel, and a point in metres whose origin and exact scale mean
nothing (MediaPipe's world landmarks); either may be missing. The pixels place and turn the hand, the points
say what is nearer and what is further, and a prior over shapes and poses says what hands do. How noisy pixels
and points are is estimated for each hand from its own residuals, so that exact landmarks are followed exactly
and doubtful ones are not; the covariance follows the same estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.geometry.information import positive_inverse
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.landmarks.articulation import ANGLE_LIMITS, Articulation, articulation
from lgnet_ros.landmarks.kinematics import HAND_PARAMETERS, POSITION, joints_and_jacobian, place_joints
from lgnet_ros.landmarks.prior import LandmarkPrior
from lgnet_ros.landmarks.sight import Landmarks, Sight, look_at
from lgnet_ros.landmarks.solver import PARAMETERS, equations, solve
from lgnet_ros.landmarks.start import placed, turned

_LARGEST_TURN = 0.7  # rad, in one step
_FREEDOM_LOSS = 1.5  # squared residuals are smaller than the noise, by what the parameters have taken up
_CHI2_MEDIANS = (1.386, 2.366)  # with 2 and 3 degrees of freedom: pixels, world points
_LEAST_NOISE, _MOST_NOISE = 0.25, 4.0

_Seen = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class FitSettings:
    """How far to trust what.

    Attributes:
        pixel_std_m: expected of a landmark in the image, as a length at the hand.
        pixel_floor: least standard deviation of it, pixels of the image.
        world_std_m: expected of a world point, per axis.
        scale_std: of the world points' scale, relative.
        expectation: as many landmarks the expected deviations count for, against a hand's own residuals.
        outlier: standard deviations at which a landmark counts a quarter; further out less and less.
        cold_widths, warm_widths: times `outlier`, step by step, of a new hand and of one with a start.
        restart: a fit that started from the last frame's and costs so many times more is done from cold.
    """

    pixel_std_m: float = 0.004
    pixel_floor: float = 0.7
    world_std_m: float = 0.016
    scale_std: float = 0.1
    expectation: float = 2.0
    outlier: float = 4.0
    cold_widths: tuple[float, ...] = (8.0, 4.0, 2.0) + (1.0,) * 6
    warm_widths: tuple[float, ...] = (1.5,) + (1.0,) * 5
    restart: float = 2.0


@dataclass(frozen=True, eq=False)
class FittedHand:
    """The hand that explains the landmarks best, in the frame of `view`, the camera that looks at it.

    Attributes:
        side: 0 right, 1 left.
        root: (3, 3) orientation of the template. position: (3,) m, of the kinematic root. angles: (27,) rad,
            see `articulation.full_angles`. shape: (10,).
        frame: (4,) of the world points: shift, m, and logarithm of the scale.
        landmarks: (21, 3) m, where the model has the landmarks.
        weights: (21, 2) how far each landmark's pixel and world point were believed, 0 to 1.
        cost: squared residuals in standard deviations, priors included.
        joint_std: (21, 3) m, of the landmarks relative to the root, by the normal matrix.
        tangent_std: of where a landmark is seen, as a tangent in `view`.
        noise: (2,) by how much the pixels and the world points are noisier than expected.
    """

    side: int
    view: CropCamera
    root: np.ndarray
    position: np.ndarray
    angles: np.ndarray
    shape: np.ndarray
    frame: np.ndarray
    landmarks: np.ndarray
    weights: np.ndarray
    cost: float
    joint_std: np.ndarray
    tangent_std: float
    noise: np.ndarray


class _State(NamedTuple):
    """What the solver changes in place; see `FittedHand`."""

    root: np.ndarray
    position: np.ndarray
    angles: np.ndarray
    shape: np.ndarray
    frame: np.ndarray


class LandmarkFitter:
    """Fits both sides of one hand model. Keeps nothing between calls.

    `offsets` (21, 3): see `LandmarkPrior`; None: the landmarks are the model's joints.
    """

    def __init__(
        self,
        model: HandModel,
        prior: LandmarkPrior,
        settings: FitSettings | None = None,
        offsets: np.ndarray | None = None,
    ) -> None:
        self.settings = settings or FitSettings()
        self._hands = tuple(articulation(model, side, offsets) for side in SIDES)
        scale_information = np.array([self.settings.scale_std**-2])
        mean = np.clip(prior.mean, ANGLE_LIMITS[:, 0], ANGLE_LIMITS[:, 1])
        self._prior = (mean, prior.information, ANGLE_LIMITS, scale_information)
        self._rest = tuple(_rest_landmarks(hand, mean) for hand in self._hands)

    def compile(self) -> None:
        """Fit something, so that no frame waits for the compiler."""
        camera = CameraIntrinsics.from_field_of_view(640, 480, 1.0)
        for side, rest in enumerate(self._rest):
            pixels = camera.project(rest + (0.0, 0.0, 0.5))
            hand = Landmarks(side, pixels, rest - rest.mean(axis=0))
            self.fit([hand, hand], camera, [None, self.fit([hand], camera)[0]])

    def fit(
        self,
        hands: Sequence[Landmarks],
        camera: CameraIntrinsics,
        starts: Sequence[FittedHand | None] | None = None,
    ) -> list[FittedHand | None]:
        """One fit per hand; None where there is too little to fit, or nothing that a hand could do.

        starts: per hand, what was fitted to it in the last frame; None: a new hand.
        """
        starts = starts or [None] * len(hands)
        return [self._fit(hand, camera, start) for hand, start in zip(hands, starts, strict=True)]

    def _fit(self, hand: Landmarks, camera: CameraIntrinsics, start: FittedHand | None) -> FittedHand | None:
        sight = look_at(hand.pixels, camera)
        if sight is None:
            return None
        if start is not None and start.side == hand.side:
            fitted = self._finished(hand, sight, _continued(start, sight.view), start.noise)
            if fitted is not None and fitted.cost <= self.settings.restart * start.cost + PARAMETERS:
                return fitted
        state = self._cold(hand, sight)
        if state is None:
            return None
        seen, expected = self._seen(hand, sight, state, np.ones(2)), self.settings.cold_widths
        weights, _ = self._solve(hand.side, seen, state, expected)
        return self._finished(hand, sight, state, self._noise(weights, seen))

    def _cold(self, hand: Landmarks, sight: Sight) -> _State | None:
        """Where to begin: the mean pose turned to the world points, and put where the pixels see it."""
        rest = self._rest[hand.side]
        root = turned(rest, hand.world)
        if root is None:
            return None
        rotated = rest @ root.T
        position = placed(rotated, sight.tangents)
        if position is None:
            return None
        shift = np.nanmedian(rotated - hand.world, axis=0)
        return _State(root, position, self._prior[0].copy(), np.zeros(10), np.array([*shift, 0.0]))

    def _finished(self, hand: Landmarks, sight: Sight, state: _State, noise: np.ndarray) -> FittedHand | None:
        """The solution from a state that is near it, with this noise; None if there is none."""
        seen = self._seen(hand, sight, state, noise)
        weights, cost = self._solve(hand.side, seen, state, self.settings.warm_widths)
        if not np.isfinite(cost) or state.position[2] <= 0:
            return None
        landmarks, joint_std = _uncertain(self._hands[hand.side], state, seen, self._prior, weights)
        tangent_std = float(1 / np.sqrt(seen[1].max()))
        noise = np.clip(noise * self._noise(weights, seen), _LEAST_NOISE, _MOST_NOISE)
        weights = weights * np.stack([seen[1] > 0, seen[3] > 0], axis=1)
        return FittedHand(
            hand.side, sight.view, *state, landmarks, weights, cost, joint_std, tangent_std, noise
        )  # fmt: skip

    def _seen(self, hand: Landmarks, sight: Sight, state: _State, noise: np.ndarray) -> _Seen:
        """Landmarks and their information as the solver takes them."""
        settings = self.settings
        std = noise[0] * settings.pixel_std_m / state.position[2]
        std = np.hypot(std, settings.pixel_floor / sight.magnification)
        return (
            np.nan_to_num(sight.tangents),
            np.isfinite(sight.tangents).all(axis=1) / std**2,
            np.nan_to_num(hand.world),
            np.isfinite(hand.world).all(axis=1) / (noise[1] * settings.world_std_m) ** 2,
        )

    def _solve(
        self, side: int, seen: _Seen, state: _State, widths: tuple[float, ...]
    ) -> tuple[np.ndarray, float]:
        outliers = self.settings.outlier * np.array(widths)
        return solve(self._hands[side], seen, self._prior, tuple(state), outliers, _LARGEST_TURN)

    def _noise(self, weights: np.ndarray, seen: _Seen) -> np.ndarray:
        """(2,) by how much the residuals differ from what was assumed of pixels and of world points.

        weights (21, 2) are Geman and McClure's, (1 + r² / c²)⁻²; medians stand wild points.
        """
        factors, expectation = np.ones(2), self.settings.expectation
        for kind, information in enumerate((seen[1], seen[3])):
            used = information > 0
            squares = self.settings.outlier**2 * (weights[used, kind] ** -0.5 - 1)
            if len(squares):
                found = _FREEDOM_LOSS * np.median(squares) / _CHI2_MEDIANS[kind]
                factors[kind] = (expectation + len(squares) * found) / (expectation + len(squares))
        return np.clip(np.sqrt(factors), _LEAST_NOISE, _MOST_NOISE)


def _rest_landmarks(hand: Articulation, angles: np.ndarray) -> np.ndarray:
    """(21, 3) of the mean shape, relative to the kinematic root, template frame."""
    landmarks = np.empty((21, 3))
    place_joints(hand, np.eye(3), np.zeros(3), angles, np.zeros(10), landmarks)
    return landmarks


def _continued(start: FittedHand, view: CropCamera) -> _State:
    """The last frame's solution as a new viewing camera sees it."""
    turn = view.rotation_crop_camera @ start.view.rotation_crop_camera.T
    frame = np.concatenate([turn @ start.frame[:3], start.frame[3:]])
    return _State(turn @ start.root, turn @ start.position, start.angles.copy(), start.shape.copy(), frame)


def _uncertain(
    hand: Articulation, state: _State, seen: _Seen, prior: tuple, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The landmarks (21, 3), and their standard deviations (21, 3) relative to the root."""
    joints, jacobian = np.empty((21, 3)), np.empty((21, 3, HAND_PARAMETERS))
    normal, pull = np.empty((PARAMETERS, PARAMETERS)), np.empty(PARAMETERS)
    joints_and_jacobian(hand, *state[:4], joints, jacobian)
    equations(joints, jacobian, tuple(state), seen, prior, weights, normal, pull)
    covariance = positive_inverse(normal)[:HAND_PARAMETERS, :HAND_PARAMETERS]
    jacobian[:, :, POSITION : POSITION + 3] = 0.0
    rows = jacobian.reshape(-1, HAND_PARAMETERS)
    variance = np.einsum("ij,ij->i", rows @ covariance, rows)
    return joints, np.sqrt(np.maximum(variance, 0.0)).reshape(21, 3)
