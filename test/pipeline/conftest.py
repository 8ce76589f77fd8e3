"""An oracle in the network's place: it answers every crop from a scene's truth, with errors where a test asks
for some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic import Clip
from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.inference import NetworkErrors, NetworkPrediction
from lgnet_ros.pipeline import Detector, Frame, HandsPipeline, PipelineSettings
from lgnet_ros.pipeline.estimators import Stopwatch

RATE = 30.0
CELLS, HALF_RANGE = 8, 0.25

Scene = Callable[[float], list[tuple[str, np.ndarray, np.ndarray]]]
"""Seconds → the hands that are there: side, wrist (3,) m in the camera, rotation vector of the wrist."""


@dataclass(frozen=True)
class TrueHand:
    """One hand that is there. vertices (778, 3) m and rotations (16, 3, 3), local but for the first: in the
    camera.
    visible: (21,) which joints nothing hides."""

    side: str
    vertices: np.ndarray
    rotations: np.ndarray
    visible: np.ndarray


@dataclass
class Faults:
    """What the oracle gets wrong. cells: noise of image positions and depths, heat-map cells. size: the true
    hand is that many times what the oracle believes. absent(t, side): the oracle does not see a hand that is
    there. both_sides(t): it claims every hand for both sides. swapped(t): it calls right left and left right.
    swapped_below: it does so where a hand is less than this share of the crop. upright_deg: it sees only
    hands that point at most so far from the crop's up. phantom: it sees a small right hand in the middle of
    every crop that shows none. doubtful(hand): its presence is 0.8 of that one.
    """

    cells: float = 0.0
    size: float = 1.0
    presence: float = 0.99
    absent: Callable[[float, str], bool] = lambda t, side: False
    both_sides: Callable[[float], bool] = lambda t: False
    swapped: Callable[[float], bool] = lambda t: False
    swapped_below: float = 0.0
    upright_deg: float = 180.0
    phantom: bool = False
    doubtful: Callable[[TrueHand], bool] = lambda hand: False


class Oracle:
    """An `Estimator` that knows the scene. A hand is present in a crop that shows at least 7 of its joints,
    at least a tenth of the crop large: what the network is trained to call present.
    """

    name = "oracle"
    size_px = 128
    trained = True
    errors = NetworkErrors()

    def __init__(self, scene: Scene | None, model: HandModel, faults: Faults) -> None:
        self.hand_model, self.now = model, 0.0
        self.crop_counts: list[int] = []
        self.faults, self.scene = faults, scene
        self._rng = np.random.default_rng(0)
        curl = torch.zeros(2, 16, 3)
        curl[0, 1:13, 2], curl[1, 1:13, 2] = 0.3, -0.3  # flexion is about z, mirrored
        posed = model.both(curl, torch.zeros(2, 10))
        self._rest = [(v - j[:1]).double().numpy() for v, j in zip(posed.vertices, posed.joints, strict=True)]
        self._bend = Rotation.from_rotvec(curl.reshape(-1, 3).numpy()).as_matrix().reshape(2, 16, 3, 3)
        self._regressor = [model.joint_regressor(side).double().numpy() for side in SIDES]

    def reset(self) -> None:
        """It knows only the present."""

    def hands(self) -> list[TrueHand]:
        """The hands that are there now."""
        hands = []
        for side, wrist, turn in self.scene(self.now):
            rotations = self._bend[SIDES.index(side)].copy()
            rotations[0] = Rotation.from_rotvec(turn).as_matrix()
            vertices = wrist + self.faults.size * self._rest[SIDES.index(side)] @ rotations[0].T
            hands.append(TrueHand(side, vertices, rotations, np.ones(21, dtype=bool)))
        return hands

    def estimate(
        self, image: np.ndarray, intrinsics: CameraIntrinsics, crops: list[CropCamera], stopwatch: Stopwatch
    ) -> NetworkPrediction:
        """See `Estimator.estimate`."""
        self.crop_counts.append(len(crops))
        values = blank(len(crops))
        for n, crop in enumerate(crops):
            shown = [seen for hand in self.hands() if (seen := self._seen(hand, crop, intrinsics))]
            if not shown and self.faults.phantom:
                shown = [(0.0, self._phantom(crop))]
            for side in range(2):
                either = self.faults.both_sides(self.now)
                matching = [s for s in shown if either or self._claimed(s[1], crop) == side]
                if matching:  # of several, the one in the middle of the crop
                    self._fill(values, n, side, crop, min(matching, key=lambda s: s[0])[1])
            values["relative_translation"][n] = np.subtract(*values["camera_translation"][n, ::-1])
        return NetworkPrediction(**values)

    def _claimed(self, hand: TrueHand, crop: CropCamera) -> int:
        small = self._extent(hand, crop) < self.faults.swapped_below
        return SIDES.index(hand.side) ^ (self.faults.swapped(self.now) or small)

    def _extent(self, hand: TrueHand, crop: CropCamera) -> float:
        """Of the hand's joints, share of the crop."""
        joints = self._regressor[SIDES.index(hand.side)] @ hand.vertices
        return float(np.ptp(crop.project(joints), axis=0).max() / crop.size_px)

    def _phantom(self, crop: CropCamera) -> TrueHand:
        """A right hand that is a fifth of the crop, in its middle."""
        away = np.array([0.0, 0.0, crop.focal_px * 0.18 / (0.2 * crop.size_px)])
        middle = self._rest[0] - self._rest[0].mean(axis=0)
        return TrueHand("right", crop.to_camera(middle + away), self._bend[0], np.ones(21, dtype=bool))

    def _seen(
        self, hand: TrueHand, crop: CropCamera, intrinsics: CameraIntrinsics
    ) -> tuple[float, TrueHand] | None:
        if self.faults.absent(self.now, hand.side):
            return None
        joints = self._regressor[SIDES.index(hand.side)] @ hand.vertices
        inside = within(crop.project(joints), crop.size_px, crop.size_px)
        inside &= within(intrinsics.project(joints), intrinsics.width, intrinsics.height)
        if inside.sum() < 7 or (inside & hand.visible).sum() < 4 or self._extent(hand, crop) < 0.1:
            return None
        across, down = np.subtract(*crop.project(joints)[[9, 0]])
        if abs(np.degrees(np.arctan2(across, -down))) > self.faults.upright_deg:
            return None
        return float(np.linalg.norm(crop.project(joints).mean(axis=0) - crop.size_px / 2)), hand

    def _fill(
        self, values: dict[str, np.ndarray], n: int, side: int, crop: CropCamera, hand: TrueHand
    ) -> None:
        vertices = crop.to_crop(hand.vertices)
        joints = self._regressor[SIDES.index(hand.side)] @ vertices
        wrist, size = joints[0], self.faults.size
        pixels = crop.project(crop.to_camera(joints))
        depth = (joints[:, 2] - wrist[2]) / size
        cells = np.column_stack(
            [(pixels + 0.5) * CELLS / crop.size_px - 0.5, (depth / HALF_RANGE + 1) / 2 * CELLS - 0.5]
        )
        cells += self._rng.normal(0, 1, cells.shape) * self.faults.cells
        values["presence"][n, side] = 0.8 if self.faults.doubtful(hand) else self.faults.presence
        values["joints_25d"][n, side] = np.clip(cells, 0, CELLS - 1)
        values["joints_25d_std"][n, side] = max(self.faults.cells, 0.02)
        values["rotations"][n, side] = hand.rotations
        values["rotations"][n, side, 0] = crop.rotation_crop_camera @ hand.rotations[0]
        values["vertices"][n, side] = (vertices - wrist) / size
        values["joints"][n, side] = (joints - wrist) / size
        values["camera_translation"][n, side] = wrist / size


class ClipOracle(Oracle):
    """An oracle that knows the sample that it was last shown."""

    def hands(self) -> list[TrueHand]:
        """The hands that are in the sample."""
        sample = self.sample
        return [
            TrueHand(
                SIDES[side],
                sample.vertices[side].astype(float),
                sample.rotations[side].astype(float),
                sample.visibility[side],
            )
            for side in np.flatnonzero(sample.presence)
        ]


@dataclass
class Run:
    """What came out of following a scene: frames, the true hands in each, and how many crops each took."""

    frames: list[Frame]
    truth: list[list[TrueHand]]
    crop_counts: list[int]
    pipeline: HandsPipeline
    oracle: Oracle

    def ids(self, side: str) -> list[int | None]:
        """Per frame, the track id of the first hand of that side."""
        hands = [frame.hand(side) for frame in self.frames]
        return [None if hand is None else hand.track_id for hand in hands]

    def true_wrist(self, k: int, side: str) -> np.ndarray | None:
        """(3,) m, of the first hand of that side in frame k."""
        hand = next((hand for hand in self.truth[k] if hand.side == side), None)
        if hand is None:
            return None
        return self.oracle.hand_model.joint_regressor(side).double().numpy()[0] @ hand.vertices

    def errors(self, side: str) -> np.ndarray:
        """m, raw wrist against truth in the frames where the hand was found."""
        found = [k for k, frame in enumerate(self.frames) if frame.hand(side) is not None]
        pairs = [(self.frames[k].hand(side), self.true_wrist(k, side)) for k in found]
        return np.array([np.linalg.norm(h.raw.joints[0] - true) for h, true in pairs if true is not None])


@dataclass
class Follow:
    """Runs a scene through the pipeline; called as a function."""

    model: HandModel
    intrinsics: CameraIntrinsics = field(
        default_factory=lambda: CameraIntrinsics.from_field_of_view(640, 480, 1.15)
    )

    def __call__(
        self,
        scene: Scene,
        frames: int | Iterable[float],
        settings: PipelineSettings | None = None,
        detector: Detector | None = None,
        step: Callable[[HandsPipeline, np.ndarray, float], Frame] | None = None,
        intrinsics: CameraIntrinsics | None = None,
        **faults: object,
    ) -> Run:
        intrinsics = intrinsics or self.intrinsics
        stamps = [k / RATE for k in range(frames)] if isinstance(frames, int) else list(frames)
        image = np.zeros((intrinsics.height, intrinsics.width, 3), dtype=np.uint8)
        oracle = Oracle(scene, self.model, Faults(**faults))
        return self.run(oracle, stamps, image, HandsPipeline(oracle, settings, detector), step, intrinsics)

    def run(
        self,
        oracle: Oracle,
        stamps: list[float],
        image: np.ndarray,
        pipeline: HandsPipeline,
        step: Callable[[HandsPipeline, np.ndarray, float], Frame] | None,
        intrinsics: CameraIntrinsics,
    ) -> Run:
        """Show the pipeline what the oracle knows at each of the stamps."""
        run = Run([], [], [], pipeline, oracle)
        for stamp in stamps:
            oracle.now = stamp
            oracle.crop_counts.clear()
            run.frames.append(
                step(pipeline, image, stamp) if step else pipeline.step(image, intrinsics, stamp)
            )
            run.truth.append(oracle.hands())
            run.crop_counts.append(sum(oracle.crop_counts))
        return run


@pytest.fixture(scope="session")
def hand_model() -> HandModel:
    return HandModel.load()


@pytest.fixture
def follow(hand_model: HandModel) -> Follow:
    return Follow(hand_model)


def blank(count: int) -> dict[str, np.ndarray]:
    """An answer that sees nothing."""
    shapes = {
        "presence": (2,), "joints_25d": (2, 21, 3), "joints_25d_std": (2, 21, 3), "rotations": (2, 16, 3, 3),
        "shape": (2, 10), "camera_translation": (2, 3), "rough_vertices": (2, 778, 3),
        "vertices": (2, 778, 3), "rough_joints": (2, 21, 3), "joints": (2, 21, 3),
        "relative_translation": (3,),
    }  # fmt: skip
    values = {name: np.zeros((count, *shape)) for name, shape in shapes.items()}
    values["presence"][:] = 0.03
    values["rotations"][:] = np.eye(3)
    return values


def within(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return ((pixels > -0.5) & (pixels < np.array([width, height]) - 0.5)).all(axis=1)


@pytest.fixture
def oracle_of(hand_model: HandModel) -> Callable[[Scene], Oracle]:
    """Makes a faultless oracle for a scene."""
    return lambda scene: Oracle(scene, hand_model, Faults())


@pytest.fixture
def oracle_of_clip(
    hand_model: HandModel,
) -> Callable[[Clip, float], tuple[Oracle, Callable[[float], HandSample]]]:
    """Makes an oracle for a synthetic clip, with noise in cells, and what gives the clip's samples in its
    sight.
    """

    def make(clip: Clip, cells: float) -> tuple[Oracle, Callable[[float], HandSample]]:
        oracle = ClipOracle(None, hand_model, Faults(cells=cells))

        def frame_at(time: float) -> HandSample:
            oracle.now, oracle.sample = time, clip.frame(time)
            return oracle.sample

        return oracle, frame_at

    return make
