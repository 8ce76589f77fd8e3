"""What may be a hand, until looks through crops of its own have told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lgnet_ros.pipeline.acquisition import AcquisitionSettings
from lgnet_ros.pipeline.observation import Observation

_SUREST = 0.999  # no look counts for more
_LOOKS = 6  # so often something is looked at in a row; after that, further looks tell nothing new
_FADES = 0.5  # what an earlier look counts for beside the next: in a picture that stays, it saw the same
_AGAINST, _FOR = -2.0, 1.7  # log odds that a second opinion may add to those of all looks
_LEAST = -4.0  # and to those of one look: where LGNet is surer, it is not contradicted
_TOGETHER = 1.5  # what LGNet's last look and a second opinion against it must amount to


@dataclass(frozen=True, eq=False)
class Suspect:
    """Something that looks like a hand.

    seen: as it was seen last. log_odds: that it is one, summed over the looks at it through crops of its own
    as in a sequential test (Wald, 1945), but that they are no independent evidence: earlier ones fade. looks:
    how many there have been.
    """

    seen: Observation
    log_odds: float = 0.0
    looks: int = 0

    @property
    def score(self) -> float:
        """How sure it is a hand, 0 to 1."""
        return 1 / (1 + math.exp(-self.log_odds))

    def looked_at(self, closer: Observation) -> Suspect:
        """With what one more look shows. If that is the other hand, earlier looks do not count."""
        before = _FADES * self.log_odds if closer.side == self.seen.side else 0.0
        return Suspect(closer, before + _log_odds(closer.score), self.looks + 1)


class Suspects:
    """What may be a hand, from frame to frame. known: what is worth another look; first what has waited for
    one, then the likeliest.
    """

    def __init__(self) -> None:
        self.known: list[Suspect] = []

    def forget(self) -> None:
        """All of them."""
        self.known = []

    def give_up(self, suspects: list[Suspect]) -> None:
        """These, of what is known."""
        self.known = [suspect for suspect in self.known if suspect not in suspects]

    def fresh(
        self,
        seen: list[Observation],
        taken: list[Observation],
        count: int,
        settings: AcquisitionSettings,
    ) -> list[Suspect]:
        """The `count` likeliest of what is `seen` in the search: large enough, each one once, none that is
        `taken` or known.
        """
        likely = [
            Suspect(hand)
            for hand in seen
            if hand.score >= settings.suspect and hand.box[1] >= settings.smallest_px
        ]
        known = [suspect.seen for suspect in self.known]
        return _distinct(likely, taken + known)[:count]

    def weigh(
        self,
        looked_at: list[Suspect],
        closely: list[list[Observation]],
        taken: list[Observation],
        settings: AcquisitionSettings,
        opinion: Callable[[Observation], float] = lambda hand: 0.0,
    ) -> list[Observation]:
        """The hands that are sure now, each one once and none that is `taken`. What still may be a hand is
        `known` from here on.

        closely: per suspect, the hands that a crop of its own shows. opinion: the log odds of one being a
        hand by what else is known, asked where they may decide.
        """
        weighed = [
            suspect.looked_at(hand)
            for suspect, hands in zip(looked_at, closely, strict=True)
            for hand in hands
            if _confirms(hand, suspect.seen, settings)
        ]
        weighed = _distinct(weighed, taken)
        sure = [suspect for suspect in weighed if _is_sure(suspect, settings, opinion)]
        gone = taken + [suspect.seen for suspect in weighed]
        self.give_up(looked_at)  # the others wait
        self.known = _distinct(self.known, gone) + [
            suspect
            for suspect in weighed
            if suspect not in sure and suspect.score > 0.5 and suspect.looks < _LOOKS
        ]
        return [suspect.seen for suspect in sure]


def same_hand(first: Observation, second: Observation) -> bool:
    """Whether two observations are of one physical hand: the same side at the same place, or both sides of
    the network claiming one hand, so that wrist lies on wrist and fingertip on fingertip.
    """
    if first.side == second.side:
        return same_place(first, second)
    size = max(first.box[1], second.box[1])
    apart = np.linalg.norm(first.joints_image - second.joints_image, axis=1)
    depth = abs(first.relative[2]) if first.shares_crop(second) else 0.0
    return bool(np.nanmean(apart) < 0.15 * size and depth < 0.03)


def same_place(first: Observation, second: Observation) -> bool:
    """Whether two observations are of one place, whichever hand they show there."""
    size = max(first.box[1], second.box[1])
    return bool(np.linalg.norm(first.box[0] - second.box[0]) < 0.5 * size)


def is_doubted(score: float, evidence: float) -> bool:
    """Whether a second opinion, log odds `evidence`, denies what LGNet sees as a hand, a presence of `score`,
    however often LGNet has seen it so.
    """
    against = min(max(evidence, _LEAST), 0.0)
    return against < 0 and _log_odds(score) + against < _TOGETHER


def may_be_doubted(score: float) -> bool:
    """Whether any second opinion could deny that."""
    return is_doubted(score, _LEAST)


def _log_odds(score: float) -> float:
    """Of a presence, no surer than one look can be."""
    held = min(max(score, 1 - _SUREST), _SUREST)
    return math.log(held / (1 - held))


def _distinct(suspects: list[Suspect], taken: list[Observation]) -> list[Suspect]:
    """Each hand once, as the surest suspect shows it, the surest first, and none that is `taken`."""
    chosen: list[Suspect] = []
    for suspect in sorted(suspects, key=lambda s: (s.log_odds, s.seen.score), reverse=True):
        others = [*taken, *(other.seen for other in chosen)]
        if not any(same_hand(suspect.seen, other) for other in others):
            chosen.append(suspect)
    return chosen


def _is_sure(
    suspect: Suspect, settings: AcquisitionSettings, opinion: Callable[[Observation], float]
) -> bool:
    """Whether it is a hand by all that is known."""
    score, lacking = suspect.seen.score, _log_odds(settings.enter) - suspect.log_odds
    if lacking > _FOR:
        return False
    if lacking <= _AGAINST and not may_be_doubted(score):
        return True
    evidence = opinion(suspect.seen)
    return lacking <= min(max(evidence, _AGAINST), _FOR) and not is_doubted(score, evidence)


def _confirms(closer: Observation, before: Observation, settings: AcquisitionSettings) -> bool:
    """Whether a crop of its own shows a hand where one was suspected, and of about its size. Which hand it
    is, the closer look may see differently.
    """
    (center, size), (was_center, was_size) = closer.box, before.box
    return bool(
        size >= settings.smallest_px
        and 1 / settings.resized <= size / was_size <= settings.resized
        and np.linalg.norm(center - was_center) < 0.5 * max(size, was_size)
    )
