"""Errors of a simulated network, of known size, are found again, and the ellipsoids made of them hold their
share.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lgnet_ros.evaluation.coverage import CHI2_95_3DOF
from lgnet_ros.evaluation.records import HandsTruth
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.inference.accuracy import NetworkErrors
from lgnet_ros.inference.prediction import NetworkPrediction
from lgnet_ros.training.uncertainty import (
    Shown,
    coverage_distances,
    fit_errors,
    fit_floor_and_share,
    fit_shrink,
)

_SIZE_PX, _FOCAL_PX, _CELLS, _DEPTH_BOX_M = 128, 220.0, 8, 0.5
_JOINT_STD_M, _RELATIVE_STD_M = 0.004, 0.03
_SHIFT_SHARE, _ZOOM_SHARE, _ZOOM_SHRINK = 1.5, 0.8, 2.0
_LENGTH_STD = 0.06


class SimulatedNetwork:
    """Hands as the hand model poses them, seen by a network whose errors are as `NetworkErrors` says."""

    def __init__(self, seed: int, heavy_tails: bool = False) -> None:
        self._rng, self._heavy = np.random.default_rng(seed), heavy_tails
        self._model = HandModel.load()
        self._camera = CameraIntrinsics(
            _SIZE_PX, _SIZE_PX, np.array([[_FOCAL_PX, 0, 63.5], [0, _FOCAL_PX, 63.5], [0, 0, 1]])
        )

    def shown(self, count: int) -> list[Shown]:
        """So many crops, each with both hands."""
        return [self._crop() for _ in range(count)]

    def _crop(self) -> Shown:
        rng = self._rng
        turns = torch.from_numpy(rng.normal(0, 0.4, (2, 16, 3))).float()
        with torch.no_grad():
            posed = self._model.both(turns, torch.zeros(2, 10))
        vertices, joints = posed.vertices.double().numpy(), posed.joints.double().numpy()
        vertices, joints = (
            vertices - joints[:, :1],
            joints - joints[:, :1],
        )  # at the size the network believes
        true_size = np.exp(rng.normal(0, _LENGTH_STD))
        depth = rng.uniform(0.35, 0.9)
        wrists = np.array([[0.08, 0.02, depth], [-0.08, 0.02, depth]]) + rng.normal(0, 0.02, (2, 3))
        truth = HandsTruth(
            presence=np.ones(2, dtype=bool),
            vertices=true_size * vertices + wrists[:, None],
            joints=true_size * joints + wrists[:, None],
            rotations=np.tile(np.eye(3), (2, 16, 1, 1)),
            camera=self._camera,
            key="",
            visible_joints=np.array([21, 21]),
        )
        return Shown(self._prediction(truth, vertices, joints, true_size), 0, truth)

    def _prediction(
        self, truth: HandsTruth, vertices: np.ndarray, joints: np.ndarray, true_size: float
    ) -> NetworkPrediction:
        rng = self._rng
        tail = rng.standard_t(3, 3) / 1.13 if self._heavy else rng.normal(0, 1, 3)
        doubt = np.exp(rng.uniform(np.log(0.01), np.log(0.04)))  # share of the crop
        pixels = self._camera.project(truth.joints) / _SIZE_PX
        middle = pixels.mean(axis=1, keepdims=True)
        extent = np.sqrt(((pixels - middle) ** 2).sum(-1).mean(-1))[:, None, None]
        shrink = np.hypot(1, _ZOOM_SHRINK * doubt / extent)
        zoom = np.exp(-_ZOOM_SHARE * doubt / extent * tail[2]) / shrink
        seen = pixels[:, :1] + (pixels - pixels[:, :1]) * zoom + _SHIFT_SHARE * doubt * tail[:2]
        noisy = joints + rng.normal(0, _JOINT_STD_M, joints.shape) * (np.arange(21) > 0)[:, None]
        relative = (truth.joints[1, 0] - truth.joints[0, 0]) / true_size
        std = np.empty((2, 21, 3))
        std[..., :2], std[..., 2] = doubt * _CELLS, 1e3  # depths are left to the mesh
        cells = np.concatenate([(seen + 0.5 / _SIZE_PX) * _CELLS - 0.5, np.full((2, 21, 1), 3.5)], axis=-1)
        values = {
            "presence": np.ones(2), "joints_25d": cells, "joints_25d_std": std,
            "rotations": truth.rotations, "shape": np.zeros((2, 10)),
            "camera_translation": truth.joints[:, 0] / true_size,
            "rough_vertices": vertices, "vertices": vertices, "rough_joints": noisy, "joints": noisy,
            "relative_translation": relative + rng.normal(0, _RELATIVE_STD_M, 3),
        }  # fmt: skip
        return NetworkPrediction(**{name: value[None] for name, value in values.items()})


def coverage(shown: list[Shown], errors: NetworkErrors, known_size: bool) -> float:
    return float(np.mean(coverage_distances(shown, errors, known_size) < CHI2_95_3DOF))


@pytest.mark.slow
def test_errors_of_known_size_are_found_again_and_held_by_the_ellipsoids() -> None:
    network = SimulatedNetwork(4)
    errors = fit_errors(network.shown(250))
    assert errors.joint_std_m == pytest.approx(_JOINT_STD_M, rel=0.15)
    assert errors.zoom_shrink == pytest.approx(_ZOOM_SHRINK, rel=0.25)
    assert errors.zoom_bias == pytest.approx(0, abs=0.02)
    assert 0.8 * _SHIFT_SHARE < errors.shift_share < 1.4 * _SHIFT_SHARE
    assert 0.8 * _ZOOM_SHARE < errors.zoom_share < 1.5 * _ZOOM_SHARE  # the joints' own errors zoom as well
    assert errors.relative_std_m == pytest.approx(_RELATIVE_STD_M, rel=0.4)
    assert errors.size_std == pytest.approx(_LENGTH_STD, rel=0.15)
    fresh = network.shown(200)
    assert 0.90 <= coverage(fresh, errors, known_size=True) <= 0.98
    assert 0.90 <= coverage(fresh, errors, known_size=False) <= 0.98


@pytest.mark.slow
def test_ellipsoids_hold_their_share_of_errors_with_heavy_tails_too() -> None:
    network = SimulatedNetwork(1, heavy_tails=True)
    errors = fit_errors(network.shown(250))
    fresh = network.shown(200)
    assert coverage(fresh, NetworkErrors(), known_size=True) < 0.8
    for known_size in (True, False):
        assert 0.90 <= coverage(fresh, errors, known_size) <= 0.98


def test_too_few_hands_say_nothing() -> None:
    assert fit_errors(SimulatedNetwork(2).shown(3)) is None


def test_how_much_smaller_doubtful_hands_are_seen_is_found_again() -> None:
    """Means of what is possible: of true extents drawn around what is seen, by the law of total variance."""
    rng = np.random.default_rng(6)
    doubts = np.exp(rng.uniform(np.log(0.1), np.log(2.0), 4000))
    extents = np.hypot(1, 1.7 * doubts)
    zoom = np.log(extents) + rng.laplace(0, 0.3, 4000) * doubts
    assert fit_shrink(zoom, doubts) == pytest.approx(1.7, rel=0.05)
    assert fit_shrink(rng.laplace(0, 0.01, 4000) * doubts, doubts) < 0.1


@pytest.mark.parametrize(("floor", "share"), [(0.02, 0.0), (0.001, 0.7), (0.03, 0.5)])
def test_a_floor_and_a_share_of_the_doubt_are_found_again(floor: float, share: float) -> None:
    rng = np.random.default_rng(3)
    doubts = np.exp(rng.uniform(np.log(0.01), np.log(0.2), 4000))
    found = fit_floor_and_share(rng.normal(0, 1, 4000) * np.hypot(floor, share * doubts), doubts)
    for doubt in (0.01, 0.05, 0.2):
        assert np.hypot(found[0], found[1] * doubt) == pytest.approx(np.hypot(floor, share * doubt), rel=0.12)
