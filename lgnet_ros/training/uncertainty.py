"""How wrong a network is, fitted to its own errors: what `NetworkErrors` and the heat maps' factors say.

Errors have heavy tails: some hands are taken for something else altogether. So every spread is first the
median error's, and then those that go into a position's covariance are widened together until 95 % ellipsoids
hold 95 % of these crops' errors, with the hands' true lengths given and without, counted together. The spread
of sizes stays what it is: people's hands have no heavy tails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import norm, theilslopes

from lgnet_ros.data.augment import CropSample
from lgnet_ros.evaluation.coverage import CHI2_95_3DOF, squared_distance
from lgnet_ros.evaluation.estimates import of_the_asked, placed_wrists, prediction_of, whole_crop
from lgnet_ros.evaluation.records import PRESENCE_THRESHOLD, HandsTruth
from lgnet_ros.inference.accuracy import NetworkErrors
from lgnet_ros.inference.prediction import NetworkPrediction
from lgnet_ros.network import LGNet, normalize
from lgnet_ros.network.losses import joints_to_cells
from lgnet_ros.pipeline.observation import Observation, observe
from lgnet_ros.pipeline.placement import PlacementSettings, hand_length, locate
from lgnet_ros.training.batches import stacked

_BATCH = 32
_LAST_CELL = 7.0
_NORMAL_MEDIAN = 0.6745  # of |x| under a standard normal distribution
_WIDENINGS = 3  # the next factor would be within a few percent of 1
_LARGEST_SHRINK = 10.0
_LEAST_HANDS = 30  # of fewer, nothing can be said about one in twenty
_WIDENED = ("shift_floor", "shift_share", "zoom_floor", "zoom_share", "relative_std_m")


@torch.no_grad()
def fit_uncertainty(network: LGNet, samples: list[CropSample]) -> None:
    """Sets the factors per axis that make the heat maps' spreads true standard deviations on these crops.

    Robustly: the median of |error| / spread is brought to a normal distribution's. Joints that a soft-argmax
    cannot reach do not count.
    """
    network.uncertainty_scale.fill_(1.0)
    ratios = [_normalized_errors(network, samples[k : k + _BATCH]) for k in range(0, len(samples), _BATCH)]
    median = np.median(np.concatenate(ratios), axis=0) / _NORMAL_MEDIAN
    network.uncertainty_scale.copy_(torch.from_numpy(median))


@torch.no_grad()
def predicted(network: LGNet, samples: list[CropSample]) -> list[Shown]:
    """What the network says of crops, beside their truth."""
    shown = []
    for start in range(0, len(samples), _BATCH):
        batch = samples[start : start + _BATCH]
        images, focal_px = stacked(batch)
        prediction = of_the_asked(prediction_of(network(normalize(images), focal_px)), batch)
        shown += [Shown(prediction, k, HandsTruth.of_crop(sample)) for k, sample in enumerate(batch)]
    return shown


@dataclass(frozen=True)
class Shown:
    """One crop: where its answer is in a prediction, and the truth."""

    prediction: NetworkPrediction
    index: int
    truth: HandsTruth

    @property
    def sides(self) -> list[int]:
        """The hands that are there and were found: those that are placed."""
        found = self.prediction.presence[self.index] >= PRESENCE_THRESHOLD
        return np.flatnonzero(self.truth.presence & found).tolist()

    def size(self, side: int) -> float:
        """How many times longer the true hand is than the predicted one."""
        return hand_length(self.truth.joints[side]) / self.predicted_length(side)

    def predicted_length(self, side: int) -> float:
        """Wrist to middle fingertip, m."""
        return hand_length(self.prediction.joints[self.index, side].astype(np.float64))


def fit_errors(shown: list[Shown]) -> NetworkErrors | None:
    """The network's errors on these crops; None when too few hands are found in them to tell."""
    if sum(len(one.sides) for one in shown) < _LEAST_HANDS:
        return None
    errors = NetworkErrors(joint_std_m=_spread(_gathered(_joint_residuals, shown)), **_fitted_size(shown))
    errors = replace(errors, relative_std_m=_relative_std(shown, errors))
    errors = _with_shared_errors(shown, errors)
    return _widened(shown, errors)


def _with_shared_errors(shown: list[Shown], errors: NetworkErrors) -> NetworkErrors:
    """Shift and zoom of whole hands, from where `locate` puts them at their true size; and their surfaces."""
    rows = [row for one in shown for side in one.sides if (row := _shared(one, side, errors))]
    shift_x, shift_y, zoom, surface, spread, doubt = np.array(rows).T
    shift_floor, shift_share = fit_floor_and_share(
        np.concatenate([shift_x, shift_y]), np.concatenate([spread, spread])
    )
    zoom_shrink = fit_shrink(zoom, doubt)
    zoom = zoom - shrinking(zoom_shrink, doubt)
    bias = float(np.median(zoom))
    zoom_floor, zoom_share = fit_floor_and_share(zoom - bias, doubt)
    surface_floor, surface_share = fit_floor_and_share(surface, doubt, held=0.95)
    return replace(
        errors,
        shift_floor=shift_floor,
        shift_share=shift_share,
        zoom_floor=zoom_floor,
        zoom_share=zoom_share,
        zoom_shrink=zoom_shrink,
        zoom_bias=bias,
        surface_std_m=surface_floor,
        surface_share_m=surface_share,
    )


def shrinking(shrink: float, doubts: np.ndarray) -> np.ndarray:
    """How much too far hands are placed for the reason that `NetworkErrors.zoom_shrink` gives: logarithms."""
    return np.log(np.hypot(1, shrink * doubts))


def fit_shrink(zoom: np.ndarray, doubts: np.ndarray) -> float:
    """The k for which `shrinking(k, doubts)` (N,) are the medians of zoom (N,); errors grow with doubts."""
    result = minimize_scalar(
        lambda shrink: float(np.mean(np.abs(zoom - shrinking(shrink, doubts)) / doubts)),
        bounds=(0.0, _LARGEST_SHRINK),
        method="bounded",
    )
    return float(result.x)


def fit_floor_and_share(errors: np.ndarray, doubts: np.ndarray, held: float = 0.5) -> tuple[float, float]:
    """The a and b for which errors (N,) have the standard deviations √(a² + (b·doubt)²).

    Robust: by the likelihood of a Laplace distribution, whose widths follow the doubts; then both are scaled
    so that |error| / deviation holds that share of the errors where a normal distribution does.
    """
    start = np.log(max(float(np.median(np.abs(errors))), 1e-6))
    middle = np.log(max(float(np.median(doubts)), 1e-9))

    def deviations(logs: np.ndarray) -> np.ndarray:
        floor, share = np.exp(np.clip(logs, -30.0, 10.0))
        return np.hypot(floor, share * doubts)

    def cost(logs: np.ndarray) -> float:
        widths = deviations(logs)
        return float(np.mean(np.log(widths) + np.abs(errors) / widths))

    best = minimize(cost, [start - 1.0, start - middle], method="Nelder-Mead", options={"xatol": 1e-3}).x
    scale = float(np.quantile(np.abs(errors) / deviations(best), held) / norm.ppf((1 + held) / 2))
    floor, share = np.exp(np.clip(best, -30.0, 10.0)) * scale
    return float(max(floor, 1e-4)), float(share)


def coverage_distances(shown: list[Shown], errors: NetworkErrors, known_size: bool) -> np.ndarray:
    """(N,) squared Mahalanobis distances of the true wrists from where the hands are placed."""
    distances = []
    for one in shown:
        lengths = [
            hand_length(one.truth.joints[s]) if known_size and s in one.sides else None for s in (0, 1)
        ]
        settings = [PlacementSettings(hand_length_m=length, errors=errors) for length in lengths]
        wrists, covariances = placed_wrists(one.prediction, one.index, one.truth.camera, settings)
        for side in one.sides:
            if np.isfinite(covariances[side]).all():
                error = wrists[side] - one.truth.joints[side, 0]
                distances.append(squared_distance(error, covariances[side]))
    return np.array(distances)


def _widened(shown: list[Shown], errors: NetworkErrors) -> NetworkErrors:
    """The image's part of positions' deviations, times one factor, so that 95 % ellipsoids hold 95 % of the
    errors.
    """
    for _ in range(_WIDENINGS):
        distances = [coverage_distances(shown, errors, known_size) for known_size in (True, False)]
        factor = float(np.sqrt(np.quantile(np.concatenate(distances), 0.95) / CHI2_95_3DOF))
        errors = replace(errors, **{name: getattr(errors, name) * factor for name in _WIDENED})
    return errors


def _fitted_size(shown: list[Shown]) -> dict[str, float]:
    """How far the network's hand lengths are to be believed (Theil and Sen's line through their logarithms),
    and what spread remains.
    """
    hands = [(one, side) for one in shown for side in one.sides]
    true = np.log([hand_length(one.truth.joints[side]) for one, side in hands])
    guessed = np.log([one.predicted_length(side) for one, side in hands])
    slope, intercept, *_ = theilslopes(true, guessed)
    trust = float(np.clip(slope, 0.0, 0.95))
    mean = float(np.median(true - trust * guessed)) / (1.0 - trust)
    rest = true - (trust * guessed + (1.0 - trust) * mean)
    return {"size_trust": trust, "mean_length_m": float(np.exp(mean)), "size_std": _spread(rest)}


def _relative_std(shown: list[Shown], errors: NetworkErrors) -> float:
    pairs = [one for one in shown if len(one.sides) == 2]
    if len(pairs) < _LEAST_HANDS:
        return errors.relative_std_m
    return _spread(np.concatenate([_relative_residual(one) for one in pairs]))


def _relative_residual(one: Shown) -> np.ndarray:
    true = one.truth.joints[1, 0] - one.truth.joints[0, 0]
    return one.prediction.relative_translation[one.index] - true / np.mean([one.size(0), one.size(1)])


def _gathered(residuals: Callable[[Shown, int], np.ndarray], shown: list[Shown]) -> np.ndarray:
    return np.concatenate([residuals(one, side).ravel() for one in shown for side in one.sides])


def _joint_residuals(one: Shown, side: int) -> np.ndarray:
    """(20, 3) m, relative to the wrist, at the network's own size."""
    joints = one.prediction.joints[one.index, side].astype(np.float64)
    true = (one.truth.joints[side] - one.truth.joints[side, 0]) / one.size(side)
    return (joints - joints[0] - true)[1:]


def _shared(one: Shown, side: int, errors: NetworkErrors) -> list[float] | None:
    """Errors of one hand's place at its true size: shift x, y (shares of the crop), zoom (logarithm); of its
    mesh's front relative to its wrist, see `_surface_error`; and the doubts that they are measured by: the
    usual heat-map deviation, as a share of the crop, and `UnitHand.doubt`.
    """
    settings = PlacementSettings(errors=errors)
    camera = one.truth.camera
    crop = whole_crop(camera)
    seen = observe(one.prediction, one.index, side, crop, camera, errors.joint_std_m)
    unit = None if seen is None else locate(seen.evidence, settings)
    if seen is None or unit is None:
        return None
    true = one.truth.joints[side, 0] / one.size(side) - unit.wrist
    zoom = float(np.log(unit.position[2] / true[2]))
    tangent = true[:2] / true[2]
    shift = unit.position[:2] / unit.position[2] - tangent
    surface = _surface_error(one, side)
    return [*(shift * crop.focal_px / crop.size_px), zoom, surface, _usual_spread(seen, settings), unit.doubt]


def _surface_error(one: Shown, side: int) -> float:
    """m, at the network's own size, of the mean depth of the half of the surface that is nearer."""
    hand = one.prediction
    predicted = _front(hand.vertices[one.index, side]) - hand.joints[one.index, side, 0, 2]
    true = _front(one.truth.vertices[side]) - one.truth.joints[side, 0, 2]
    return float(predicted - true / one.size(side))


def _front(vertices: np.ndarray) -> float:
    return float(np.sort(vertices[:, 2])[: len(vertices) // 2].mean())


def _usual_spread(seen: Observation, settings: PlacementSettings) -> float:
    """The hand's usual heat-map deviation, as a share of the crop, as `locate` has it."""
    return max(seen.evidence.usual_std / seen.evidence.crop.size_px, settings.pixel_floor)


def _spread(errors: np.ndarray) -> float:
    """The standard deviation that the median absolute error speaks of."""
    return float(np.median(np.abs(errors))) / _NORMAL_MEDIAN


def _normalized_errors(network: LGNet, samples: list[CropSample]) -> np.ndarray:
    """(N, 3) |error| over spread, per axis, of the joints that count."""
    images, focal_px = stacked(samples)
    output = network(normalize(images), focal_px)
    joints = torch.from_numpy(np.stack([sample.joints for sample in samples]))
    true = joints_to_cells(joints, focal_px, network.config.input_size)
    known = torch.from_numpy(np.stack([sample.joints_valid & sample.presence[:, None] for sample in samples]))
    reachable = known & torch.isfinite(true).all(-1) & ((true >= 0) & (true <= _LAST_CELL)).all(-1)
    reachable[:, :, 0] = False  # the wrist's depth is 0 by definition
    ratio = (output.joints_25d - true).abs() / output.joints_25d_std
    return ratio[reachable].numpy()
