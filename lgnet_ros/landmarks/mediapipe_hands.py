"""MediaPipe's hand landmarks behind one small class, whichever of its two programming interfaces is there.

mediapipe 0.10.21 carries its models in its wheel (`solutions`). Later releases do not: there, or for another
model, name the file `hand_landmarker.task`, and the `tasks` interface is used.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model.topology import LEFT, RIGHT

_HOW = "install the extra `landmarks`: LANDMARKS=1 make env, or pip install 'lgnet_ros[landmarks]'"
_FRAME_MS = 33  # any step will do: MediaPipe wants rising times and does not look at their distance
_CONFIDENCE = 0.5
# The lighter of the wheel's two models: on photographs it finds the same hands, in half the time.
_COMPLEXITY = 0
_SAME_HAND = 0.2  # of the hand's extent: landmarks nearer than that on average are of one hand


@dataclass(frozen=True, eq=False)
class DetectedHand:
    """side: 0 right, 1 left, as the person has them in an image that is not mirrored. score: 0.5 to 1, how
    sure the side is. pixels: (21, 2), centers at integers. world: (21, 3) m, x right, y down, z away, as
    seen along the line to the hand, about the hand's middle. Both in the order of `JOINT_NAMES`, which is
    MediaPipe's own.
    """

    side: int
    score: float
    pixels: np.ndarray
    world: np.ndarray


class HandFinder(Protocol):
    """Finds hands in images: `MediaPipeHands`, or what a test puts in its place."""

    name: str

    def find(self, image: np.ndarray) -> list[DetectedHand]:
        """The hands in (H, W, 3) uint8 RGB, the surest first."""

    def reset(self) -> None:
        """The next image has nothing to do with the last."""


class MediaPipeHands:
    """Detection and tracking by MediaPipe. One thread at a time.

    max_hands: hands looked for. follow: whether images come from one film; MediaPipe then looks first where
    the hands were. model: a `hand_landmarker.task` file; None: the model in mediapipe's wheel.

    Raises:
        UserError: no mediapipe, no such file, or a mediapipe that brings no model.
    """

    def __init__(self, max_hands: int = 2, follow: bool = True, model: Path | str | None = None) -> None:
        mediapipe = _imported()
        version = getattr(mediapipe, "__version__", "?")
        if model:
            self._backend: _Backend = _Tasks(mediapipe, max_hands, follow, Path(model))
            self.name = f"mediapipe-{version}/{Path(model).name}"
        else:
            self._backend = _Solutions(mediapipe, version, max_hands, follow)
            self.name = f"mediapipe-{version}"

    def find(self, image: np.ndarray) -> list[DetectedHand]:
        """See `HandFinder.find`. A hand that MediaPipe reports twice comes once."""
        return without_doubles(self._backend.find(np.ascontiguousarray(image)))

    def reset(self) -> None:
        """See `HandFinder.reset`."""
        self._backend.reset()


class _Backend(Protocol):
    def find(self, image: np.ndarray) -> list[DetectedHand]: ...

    def reset(self) -> None: ...


class _Solutions:
    """The interface whose wheel carries the models. It names sides as in a mirrored image: "Left" is the
    right hand."""

    _SIDES = {"Left": RIGHT, "Right": LEFT}

    def __init__(self, mediapipe: Any, version: str, max_hands: int, follow: bool) -> None:
        solutions = getattr(mediapipe, "solutions", None)
        if solutions is None:
            raise UserError(
                f"mediapipe {version} brings no model: name a hand_landmarker.task file with landmarks_model,"
                " or install mediapipe==0.10.21, which carries one"
            )
        self._hands = solutions.hands.Hands(
            static_image_mode=not follow,
            max_num_hands=max_hands,
            model_complexity=_COMPLEXITY,
            min_detection_confidence=_CONFIDENCE,
            min_tracking_confidence=_CONFIDENCE,
        )

    def find(self, image: np.ndarray) -> list[DetectedHand]:
        found = self._hands.process(image)
        if not found.multi_hand_landmarks:
            return []
        sides = [kinds.classification[0] for kinds in found.multi_handedness]
        return _detected(
            image.shape,
            [hand.landmark for hand in found.multi_hand_landmarks],
            [hand.landmark for hand in found.multi_hand_world_landmarks],
            [(self._SIDES[side.label], side.score) for side in sides],
        )

    def reset(self) -> None:
        self._hands.reset()


class _Tasks:
    """The interface of later releases. Since 0.10.15 it names sides as they are."""

    _SIDES = {"Right": RIGHT, "Left": LEFT}

    def __init__(self, mediapipe: Any, max_hands: int, follow: bool, model: Path) -> None:
        if not model.is_file():
            raise UserError(f"landmarks_model {model}: no such file")
        self._mediapipe, self._follow, self._model, self._max_hands = mediapipe, follow, model, max_hands
        self._landmarker: Any = None
        self.reset()

    def find(self, image: np.ndarray) -> list[DetectedHand]:
        frame = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=image)
        self._time_ms += _FRAME_MS
        if self._follow:
            found = self._landmarker.detect_for_video(frame, self._time_ms)
        else:
            found = self._landmarker.detect(frame)
        sides = [(self._SIDES[kinds[0].category_name], kinds[0].score) for kinds in found.handedness]
        return _detected(image.shape, found.hand_landmarks, found.hand_world_landmarks, sides)

    def reset(self) -> None:
        if self._landmarker is not None:
            self._landmarker.close()
        tasks = importlib.import_module("mediapipe.tasks.python")
        vision = tasks.vision
        try:
            self._landmarker = vision.HandLandmarker.create_from_options(
                vision.HandLandmarkerOptions(
                    base_options=tasks.BaseOptions(model_asset_path=str(self._model)),
                    running_mode=vision.RunningMode.VIDEO if self._follow else vision.RunningMode.IMAGE,
                    num_hands=self._max_hands,
                    min_hand_detection_confidence=_CONFIDENCE,
                    min_hand_presence_confidence=_CONFIDENCE,
                    min_tracking_confidence=_CONFIDENCE,
                )
            )
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"landmarks_model {self._model}: mediapipe cannot use it ({reason})") from error
        self._time_ms = 0


def without_doubles(hands: list[DetectedHand]) -> list[DetectedHand]:
    """Each hand once, the surest first: two detections whose landmarks lie on one another are one."""
    kept: list[DetectedHand] = []
    for hand in sorted(hands, key=lambda hand: -hand.score):
        extent = np.ptp(hand.pixels, axis=0).max()
        apart = [np.linalg.norm(hand.pixels - other.pixels, axis=1).mean() for other in kept]
        if not any(distance < _SAME_HAND * extent for distance in apart):
            kept.append(hand)
    return kept


def _detected(
    shape: tuple[int, ...], landmarks: Sequence, world: Sequence, sides: Sequence[tuple[int, float]]
) -> list[DetectedHand]:
    size = np.array([shape[1], shape[0]], dtype=np.float64)
    return [
        DetectedHand(
            side,
            float(score),
            np.array([(point.x, point.y) for point in pixels]) * size - 0.5,
            np.array([(point.x, point.y, point.z) for point in points]),
        )
        for (side, score), pixels, points in zip(sides, landmarks, world, strict=True)
    ]


def require_mediapipe() -> None:
    """Say how to get it where it is missing, without the second that importing it takes.

    Raises:
        UserError: mediapipe is not installed.
    """
    if importlib.util.find_spec("mediapipe") is None:
        raise UserError(f"landmarks: mediapipe is not installed; {_HOW}")


def _imported() -> Any:
    """The module mediapipe.

    Raises:
        UserError: it is not installed, or not whole.
    """
    require_mediapipe()
    try:
        return importlib.import_module("mediapipe")
    except ImportError as error:
        raise UserError(f"landmarks: mediapipe cannot be imported ({error}); {_HOW}") from error
