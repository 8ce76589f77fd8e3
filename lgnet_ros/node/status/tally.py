"""What the status counts: rates, ages, hands, the difference to the truth. No ROS, no clock of its own."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_RATE_WINDOW_S = 2.0
_REMEMBERED_TRUTHS = 300  # ten seconds at 30 Hz: a result that is later than that is compared with nothing
_SHOWN_ERRORS = 60


@dataclass(frozen=True)
class SeenHand:
    """A hand as it came: side "right" or "left", score 0 to 1, joints (21, 3) m in the camera's frame."""

    side: str
    score: float
    joints: np.ndarray


@dataclass(frozen=True)
class HandError:
    """Mean distance of the joints from the true ones, mm: as they are, and with the wrists put together."""

    position_mm: float
    articulation_mm: float


@dataclass(frozen=True)
class Snapshot:
    """The state now. Rates in 1/s, ages in ms; the error is the newest hands' median, None without truth."""

    rate_in: float
    rate_out: float
    age_p50_ms: float | None
    age_p95_ms: float | None
    hands: tuple[SeenHand, ...]
    error: HandError | None
    model_id: str


class RateMeter:
    """Events per second over the last two seconds."""

    def __init__(self) -> None:
        self.count = 0
        self._times: deque[float] = deque()

    def add(self, now_s: float) -> None:
        """One more, at `now_s`."""
        self.count += 1
        self._times.append(now_s)

    def rate(self, now_s: float) -> float:
        """Per second. Zero once nothing has come for the whole window."""
        while self._times and self._times[0] < now_s - _RATE_WINDOW_S:
            self._times.popleft()
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / (max(now_s, self._times[-1]) - self._times[0] or 1.0)


class Tally:
    """Adds up what arrives. Stamps are the images' own, in nanoseconds: they tie a result to its truth."""

    def __init__(self) -> None:
        self.images, self.results = RateMeter(), RateMeter()
        self.empty_results = 0
        self.missed = self.invented = 0
        self.model_id = ""
        self.ages_ms = array("f")  # of a whole day in memory, without an object each
        self._errors = (array("f"), array("f"))
        self.truths_compared = 0
        self._unanswered: list[int] = []  # stamps of all images until the first result
        self._images_before = 0  # what the camera sent while the node was still loading
        self._hands: tuple[SeenHand, ...] = ()
        self._truths: dict[int, Mapping[str, np.ndarray]] = {}

    @property
    def images_offered(self) -> int:
        """Images from the first one on that was answered."""
        return self.images.count - self._images_before

    def add_image(self, stamp_ns: int, now_s: float) -> None:
        """One more image came, at `now_s`."""
        self.images.add(now_s)
        if not self.results.count:
            self._unanswered.append(stamp_ns)

    def add_truth(self, stamp_ns: int, joints: Mapping[str, np.ndarray]) -> None:
        """The hands that are really in the image of that stamp: side → joints (21, 3) m."""
        self._truths[stamp_ns] = joints
        while len(self._truths) > _REMEMBERED_TRUTHS:
            del self._truths[next(iter(self._truths))]

    def add_result(
        self, stamp_ns: int, now_s: float, age_s: float, hands: tuple[SeenHand, ...], model_id: str
    ) -> None:
        """What the node says of the image of that stamp, `age_s` after it was taken."""
        if not self.results.count:
            self._images_before = sum(stamp < stamp_ns for stamp in self._unanswered)
            self._unanswered.clear()
        self.results.add(now_s)
        self.ages_ms.append(age_s * 1e3)
        self.model_id, self._hands = model_id, hands
        self.empty_results += not hands
        truth = self._truths.pop(stamp_ns, None)
        if truth is not None:
            self._compare(hands, truth)

    def snapshot(self, now_s: float) -> Snapshot:
        """What a live display shows."""
        recent = self.ages_ms[-_SHOWN_ERRORS:]
        return Snapshot(
            rate_in=self.images.rate(now_s),
            rate_out=self.results.rate(now_s),
            age_p50_ms=percentile(recent, 50),
            age_p95_ms=percentile(recent, 95),
            hands=self._hands,
            error=self.median_error(_SHOWN_ERRORS),
            model_id=self.model_id,
        )

    def median_error(self, newest: int = 0) -> HandError | None:
        """The median of each figure, of so many of the newest hands (0: of all); None without truth."""
        figures = [percentile(figure[-newest:], 50) for figure in self._errors]
        return None if None in figures else HandError(*figures)

    def _compare(self, hands: tuple[SeenHand, ...], truth: Mapping[str, np.ndarray]) -> None:
        self.truths_compared += 1
        seen = {hand.side: hand.joints for hand in reversed(hands)}
        self.missed += len(truth.keys() - seen.keys())
        self.invented += len(seen.keys() - truth.keys())
        for side in truth.keys() & seen.keys():
            error = hand_error(seen[side], truth[side])
            self._errors[0].append(error.position_mm)
            self._errors[1].append(error.articulation_mm)


def hand_error(joints: np.ndarray, truth: np.ndarray) -> HandError:
    """The error of joints (21, 3) m, wrist first, against the true ones."""
    apart = np.linalg.norm(joints - truth, axis=-1)
    together = np.linalg.norm((joints - joints[0]) - (truth - truth[0]), axis=-1)
    return HandError(float(apart.mean()) * 1e3, float(together.mean()) * 1e3)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The percentile of some values; None of none."""
    return float(np.percentile(values, percent)) if len(values) else None
