"""What a second opinion says against hands that LGNet sees."""

from __future__ import annotations

import numpy as np

from lgnet_ros.pipeline.acquisition import SecondOpinion
from lgnet_ros.pipeline.observation import Observation
from lgnet_ros.pipeline.suspects import is_doubted, may_be_doubted, same_place
from lgnet_ros.pipeline.tracking import Track, Tracker
from lgnet_ros.pipeline.view import View

_ASKED_EVERY_S = 1.0  # about a followed hand
_DOUBTS = 2  # so many in a row, and it is not followed further
_DENIED_S = 10.0  # so long nothing is followed there that the second opinion is against at all


class Denials:
    """Asks about hands that are followed, and remembers which turned out to be none.

    LGNet goes on seeing what it once took for a hand: what would not be found any more is not followed any
    longer either. Of what is none it sees more one moment and less another: it must not be taken for a hand
    in the next best.
    """

    def __init__(self) -> None:
        self._question: tuple[View, Track, Observation] | None = None
        self._denied: list[tuple[Observation, float]] = []  # and when

    def forget(self) -> None:
        """All of them, and what was to be asked."""
        self._question, self._denied = None, []

    def doubt(self, view: View, seen: dict[Track, Observation]) -> None:
        """Leave a hand that is followed to `ask`: that of which nobody has been asked for longest, if that is
        long enough and an answer could change anything.
        """
        unsure = [
            (view, track, hand)
            for track, hand in seen.items()
            if view.stamp_s - track.asked_s >= _ASKED_EVERY_S and may_be_doubted(hand.score)
        ]
        self._question = min(unsure, key=lambda question: question[1].asked_s, default=None)

    def ask(self, opinion: SecondOpinion | None, tracker: Tracker) -> None:
        """Whether that is a hand; it is given up when it has been denied twice in a row."""
        question, self._question = self._question, None
        if question is None or opinion is None:
            return
        view, track, hand = question
        doubted = is_doubted(hand.score, opinion.evidence(view.image, view.intrinsics, hand.joints_image))
        track.asked_s, track.doubts = view.stamp_s, track.doubts + 1 if doubted else 0
        if track.doubts == _DOUBTS:
            tracker.give_up(track)
            self._denied.append((hand, view.stamp_s))

    def evidence(self, opinion: SecondOpinion | None, view: View, hand: Observation) -> float:
        """Log odds of something new being a hand: 0 if there is no opinion, and −∞ if there is one against it
        where a hand was denied a moment ago.
        """
        if opinion is None:
            return 0.0
        view.stopwatch.lap("tracking")
        evidence = opinion.evidence(view.image, view.intrinsics, hand.joints_image)
        view.stopwatch.lap("detection")
        self._denied = [denied for denied in self._denied if view.stamp_s - denied[1] < _DENIED_S]
        again = any(same_place(hand, other) for other, _ in self._denied)
        return -np.inf if evidence < 0 and again else evidence
