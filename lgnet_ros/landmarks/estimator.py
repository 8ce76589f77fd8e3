"""The second estimator: MediaPipe's landmarks, and the hand model fitted to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, CropCamera, box_around
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import LEFT, RIGHT
from lgnet_ros.inference import NetworkErrors, NetworkPrediction
from lgnet_ros.landmarks.fit import FittedHand, LandmarkFitter
from lgnet_ros.landmarks.mediapipe_hands import DetectedHand, HandFinder, MediaPipeHands
from lgnet_ros.landmarks.meshes import HandMesh, MeshMaker
from lgnet_ros.landmarks.prior import load_prior
from lgnet_ros.landmarks.sight import Landmarks
from lgnet_ros.network.heatmap import CELLS, DEPTH_HALF_RANGE, depth_to_cells, pixels_to_cells
from lgnet_ros.pipeline.acquisition import OWN_CROP_MARGIN, Region
from lgnet_ros.pipeline.estimators import Stopwatch

_CROP_PX = 256  # of evaluation's crops; MediaPipe's own network looks at 224

_SAME_HAND = 0.5  # of the hand's extent: so far it may have moved since the last frame
_IN_CROP = 0.5  # of the joints, for a crop to show the hand


@dataclass(frozen=True, eq=False)
class _Found:
    """A hand of the present image. region: around its landmarks."""

    score: float
    fitted: FittedHand
    mesh: HandMesh
    region: Region


class LandmarkEstimator:
    """An `Estimator` and a `Detector` in one: MediaPipe looks at each whole image once, whatever crops are
    asked for, and a crop's answer is what of it the crop shows.

    An image counts as new when it is another array than the last one.
    """

    size_px = _CROP_PX
    trained = True

    def __init__(
        self,
        hand_model: HandModel,
        finder: HandFinder,
        fitter: LandmarkFitter,
        follow: bool = True,
        errors: NetworkErrors | None = None,
    ) -> None:
        """follow: images come from one film; fits then begin where they ended in the last image.
        errors: of what comes out; None: not measured.
        """
        self.name = f"landmarks/{finder.name}/{hand_model.name}"
        self.hand_model = hand_model
        self._finder, self._fitter, self._maker = finder, fitter, MeshMaker(hand_model)
        self._follow, self.errors = follow, errors or NetworkErrors()
        self._image: np.ndarray | None = None
        self._found: list[_Found] = []

    @classmethod
    def load(
        cls, hand_model: HandModel, max_people: int = 1, follow: bool = True, model: Path | str | None = None
    ) -> LandmarkEstimator:
        """With MediaPipe, compiled and ready. model: see `MediaPipeHands`.

        Raises:
            UserError: no MediaPipe, or no model for it.
        """
        prior = load_prior()
        finder = MediaPipeHands(2 * max_people, follow, model)
        fitter = LandmarkFitter(hand_model, prior, offsets=prior.offsets)
        fitter.compile()
        return cls(hand_model, finder, fitter, follow, NetworkErrors.from_dict(prior.errors))

    def reset(self) -> None:
        """See `Estimator.reset`."""
        self._finder.reset()
        self._image, self._found = None, []

    def regions(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, count: int, followed: list[np.ndarray]
    ) -> list[Region]:
        """See `Detector.regions`: around every hand that is there, whatever the count."""
        self._look(image, intrinsics, Stopwatch())
        return [found.region for found in self._found]

    def estimate(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, crops: list[CropCamera], stopwatch: Stopwatch
    ) -> NetworkPrediction:
        """See `Estimator.estimate`; stages "landmarks" and "fit"."""
        self._look(image, intrinsics, stopwatch)
        answers = [self._answer(crop, intrinsics) for crop in crops]
        stacked = {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}
        stopwatch.lap("fit")
        return NetworkPrediction(**stacked)

    def _look(self, image: np.ndarray, camera: CameraIntrinsics, stopwatch: Stopwatch) -> None:
        """Find and fit the hands of an image, unless that has been done."""
        if image is self._image:
            return
        detected = self._finder.find(image)
        stopwatch.lap("landmarks")
        hands = [Landmarks(hand.side, hand.pixels, hand.world) for hand in detected]
        fits = self._fitter.fit(hands, camera, [self._last(hand) for hand in detected])
        found = [(hand, fit) for hand, fit in zip(detected, fits, strict=True) if fit is not None]
        meshes = self._maker.meshes([fit for _, fit in found], [hand.pixels for hand, _ in found], camera)
        self._found = [
            _Found(hand.score, fit, mesh, Region(*box_around(hand.pixels, OWN_CROP_MARGIN)))
            for (hand, fit), mesh in zip(found, meshes, strict=True)
        ]
        self._image = image
        stopwatch.lap("fit")

    def _last(self, hand: DetectedHand) -> FittedHand | None:
        """What was fitted to this hand in the last image."""
        if not self._follow:
            return None
        center, side = box_around(hand.pixels, 1.0)
        near = [
            (float(np.linalg.norm(found.region.center - center)), k)
            for k, found in enumerate(self._found)
            if found.mesh.side == hand.side
        ]
        distance, k = min(near, default=(np.inf, -1))
        return self._found[k].fitted if distance < _SAME_HAND * side else None

    def _answer(self, crop: CropCamera, camera: CameraIntrinsics) -> dict[str, np.ndarray]:
        """What the crop shows, as one item of a `NetworkPrediction`: of each side the hand nearest to its
        middle, for another person's may be in it too.
        """
        answer = _nothing()
        shown: dict[int, HandMesh] = {}
        middle = (crop.size_px - 1) / 2
        places = [(found, crop.project(found.mesh.joints) - middle) for found in self._found]
        for found, offsets in sorted(places, key=lambda place: np.linalg.norm(place[1].mean(axis=0))):
            inside = (np.abs(offsets) <= middle).all(axis=1).mean()
            if inside >= _IN_CROP and found.mesh.side not in shown:
                shown[found.mesh.side] = found.mesh
                _fill(answer, found, crop, camera)
        if len(shown) == 2:
            answer["relative_translation"] = crop.to_crop(shown[LEFT].joints[0] - shown[RIGHT].joints[0])
        return {name: np.asarray(value, dtype=np.float32) for name, value in answer.items()}


def _nothing() -> dict[str, np.ndarray]:
    """An answer without hands: zeros, and rotations that are none."""
    per_hand = {
        "joints_25d": (21, 3), "joints_25d_std": (21, 3), "shape": (10,), "camera_translation": (3,),
        "rough_vertices": (778, 3), "vertices": (778, 3), "rough_joints": (21, 3), "joints": (21, 3),
    }  # fmt: skip
    answer = {name: np.zeros((2, *shape)) for name, shape in per_hand.items()}
    answer["rotations"] = np.tile(np.eye(3), (2, 16, 1, 1))
    return {**answer, "presence": np.zeros(2), "relative_translation": np.zeros(3)}


def _fill(answer: dict[str, np.ndarray], found: _Found, crop: CropCamera, camera: CameraIntrinsics) -> None:
    """Enter one hand, in the crop camera's frame."""
    mesh, side = found.mesh, found.mesh.side
    joints, vertices = crop.to_crop(mesh.joints), crop.to_crop(mesh.vertices)
    wrist = joints[0].copy()
    rotations = mesh.rotations.copy()
    rotations[0] = crop.rotation_crop_camera @ rotations[0]
    # The score, 0.5 to 1, is the side's. That it is a hand is decided: it is followed at the first look.
    answer["presence"][side] = 0.98 + 0.02 * found.score
    answer["rotations"][side], answer["shape"][side] = rotations, mesh.shape
    answer["camera_translation"][side] = wrist
    for kind in ("", "rough_"):
        answer[f"{kind}joints"][side], answer[f"{kind}vertices"][side] = joints - wrist, vertices - wrist
    cells, std = answer["joints_25d"][side], answer["joints_25d_std"][side]
    pixels = np.nan_to_num(crop.crop_pixels(mesh.pixels, camera), nan=-float(crop.size_px))
    cells[:, :2] = pixels_to_cells(pixels, crop.size_px)
    cells[:, 2] = depth_to_cells(joints[:, 2] - wrist[2])
    std[:, :2] = (mesh.tangent_std * crop.focal_px * CELLS / crop.size_px)[:, None]
    std[:, 2] = mesh.depth_std * CELLS / (2 * DEPTH_HALF_RANGE)
