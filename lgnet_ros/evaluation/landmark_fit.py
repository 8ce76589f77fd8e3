"""How well the landmark fit finds hands whose landmarks are known: exact, noisy, missing, wild. No MediaPipe.

Hands and cameras are those of the synthetic test split: 640×480 pixels, fields of view of 50–100°, hands at
0.3–2 m. A landmark's pixel is the true joint's projection; its world point is the true joint in the axes of a
camera that looks at the hand, about the hand's middle. So would MediaPipe speak if it never erred.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from lgnet_ros.data.synthetic.scene import sample_scene
from lgnet_ros.data.synthetic.settings import SyntheticSettings
from lgnet_ros.evaluation.metrics import aligned_errors
from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.landmarks.articulation import ANGLE_LIMITS
from lgnet_ros.landmarks.fit import FittedHand, LandmarkFitter
from lgnet_ros.landmarks.meshes import MeshMaker
from lgnet_ros.landmarks.prior import load_prior
from lgnet_ros.landmarks.sight import Landmarks, look_at

_WRIST = 0
_WILD_M = 0.1
_FAILED_MM = 100.0  # what a hand counts that could not be fitted


@dataclass(frozen=True, eq=False)
class KnownHand:
    """side: 0 right, 1 left. vertices (778, 3), joints (21, 3): m, the camera's frame."""

    side: int
    vertices: np.ndarray
    joints: np.ndarray
    camera: CameraIntrinsics


@dataclass(frozen=True)
class Disturbance:
    """What is done to exact landmarks.

    Attributes:
        pixels: standard deviation of the noise on both coordinates of a pixel.
        world_m: the same of a world point, per axis; None: as much as `pixels` are at the hand's distance.
        missing: landmarks, drawn by lot, that are not there.
        wild: landmarks that are anywhere, a hand's width off: in the image and in space.
        world_scale: the world points are that many times as large as the hand.
    """

    pixels: float = 0.0
    world_m: float | None = None
    missing: int = 0
    wild: int = 0
    world_scale: float = 1.0


CASES: dict[str, Disturbance] = {
    "exact": Disturbance(),
    "exact, world points 10 % small": Disturbance(world_scale=0.9),
    "3 px": Disturbance(pixels=3.0),
    "3 px, world points 10 mm": Disturbance(pixels=3.0, world_m=0.01),
    "3 px, 4 missing": Disturbance(pixels=3.0, missing=4),
    "3 px, 3 wild": Disturbance(pixels=3.0, wild=3),
}


def known_hands(count: int, seed: int) -> list[KnownHand]:
    """So many hands of the synthetic test split, in order; nothing is rendered."""
    hands: list[KnownHand] = []
    settings, index = SyntheticSettings(split="test"), 0
    while len(hands) < count:
        scene = sample_scene(seed, index, settings)
        for side, hand in enumerate(scene.hands):
            if hand is not None and np.isfinite(scene.intrinsics.project(hand.posed.joints)).all():
                vertices, joints = (a.astype(np.float64) for a in (hand.posed.vertices, hand.posed.joints))
                hands.append(KnownHand(side, vertices, joints, scene.intrinsics))
        index += 1
    return hands[:count]


def landmarks_of(hand: KnownHand, disturbance: Disturbance, rng: np.random.Generator) -> Landmarks:
    """What a landmark network would say of the hand."""
    pixels = hand.camera.project(hand.joints)
    extent = np.ptp(pixels, axis=0).max()
    sight = look_at(pixels, hand.camera)
    assert sight is not None
    world = sight.view.to_crop(hand.joints - hand.joints.mean(axis=0)) * disturbance.world_scale
    world_std = disturbance.world_m
    if world_std is None:
        world_std = disturbance.pixels * hand.joints[:, 2].mean() / sight.magnification
    pixels = pixels + disturbance.pixels * rng.standard_normal(pixels.shape)
    world = world + world_std * rng.standard_normal(world.shape)
    order = rng.permutation(21)
    missing, wild = order[: disturbance.missing], order[disturbance.missing :][: disturbance.wild]
    pixels[missing], world[missing] = np.nan, np.nan
    pixels[wild] += extent * rng.standard_normal((len(wild), 2))
    world[wild] += _WILD_M * rng.standard_normal((len(wild), 3))
    return Landmarks(hand.side, pixels, world)


class FitTrial:
    """Fits known hands and compares. The fitter knows that landmarks are joints: no offsets."""

    def __init__(self, model: HandModel) -> None:
        self.fitter = LandmarkFitter(model, load_prior())
        self.fitter.compile()
        self._maker = MeshMaker(model)

    def errors_mm(self, hand: KnownHand, landmarks: Landmarks, fitted: FittedHand | None) -> float:
        """The fitted mesh's MPVPE, aligned at the wrist and in scale as everywhere."""
        if fitted is None:
            return _FAILED_MM
        mesh = self._maker.meshes([fitted], [landmarks.pixels], hand.camera)[0]
        pairs = mesh.vertices, hand.vertices, mesh.joints, hand.joints
        return float(aligned_errors(*pairs, _WRIST).mean())

    def run(self, hands: list[KnownHand], disturbance: Disturbance, seed: int) -> dict[str, Any]:
        """Millimetres of MPVPE over the hands, processor milliseconds of a hand, and whether every angle was
        possible."""
        rng = np.random.default_rng(seed)
        errors, cold_s, warm_s, possible = [], 0.0, 0.0, True
        for hand in hands:
            landmarks = landmarks_of(hand, disturbance, rng)
            started = time.process_time()
            fitted = self.fitter.fit([landmarks], hand.camera)[0]
            between = time.process_time()
            self.fitter.fit([landmarks], hand.camera, [fitted])
            cold_s, warm_s = cold_s + between - started, warm_s + time.process_time() - between
            errors.append(self.errors_mm(hand, landmarks, fitted))
            possible &= fitted is None or bool(_within_limits(fitted.angles))
        return {
            "hands": len(hands),
            "mpvpe_mm": float(np.mean(errors)),
            "mpvpe_p95_mm": float(np.quantile(errors, 0.95)),
            "worst_mm": float(np.max(errors)),
            "possible_angles": possible,
            "new_hand_ms": 1e3 * cold_s / len(hands),
            "followed_hand_ms": 1e3 * warm_s / len(hands),
        }


def fit_report(model: HandModel, count: int, seed: int) -> dict[str, dict[str, Any]]:
    """`FitTrial.run` of every case on the same hands."""
    trial, hands = FitTrial(model), known_hands(count, seed)
    return {name: trial.run(hands, disturbance, seed) for name, disturbance in CASES.items()}


def _within_limits(angles: np.ndarray) -> np.bool_:
    return np.all((angles >= ANGLE_LIMITS[:, 0]) & (angles <= ANGLE_LIMITS[:, 1]))
