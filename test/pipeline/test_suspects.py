"""What may be a hand: looks at it add up, and what has not been looked at waits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lgnet_ros.pipeline.acquisition import AcquisitionSettings
from lgnet_ros.pipeline.observation import Observation
from lgnet_ros.pipeline.suspects import Suspects

SETTINGS = AcquisitionSettings()


def seen(x: float, score: float) -> Observation:
    """A right hand of 100 px around (x, 200), as far as suspects look at it."""
    joints = np.array([x, 200.0]) + np.linspace(-50, 50, 21)[:, None]
    box = (np.array([x, 200.0]), 100.0)
    return Observation(0, score, None, None, None, np.zeros(3), joints, box)


def unasked(_: Observation) -> float:
    return 0.0


def search(
    suspects: Suspects, *hands: Observation, opinion: Callable[[Observation], float] = unasked
) -> list[Observation]:
    """One step that finds these and looks at each closer, seeing the same."""
    fresh = suspects.fresh(list(hands), [], len(hands), SETTINGS)
    return suspects.weigh(fresh, [[suspect.seen] for suspect in fresh], [], SETTINGS, opinion)


def look_again(
    suspects: Suspects, hand: Observation, opinion: Callable[[Observation], float] = unasked
) -> list[Observation]:
    """One step that looks at all that is known, seeing this hand."""
    known = suspects.known
    return suspects.weigh(known, [[hand] for _ in known], [], SETTINGS, opinion)


def test_one_plain_look_is_enough_and_doubtful_ones_add_up() -> None:
    suspects = Suspects()
    assert len(search(suspects, seen(100, 0.985))) == 1
    assert search(suspects, seen(300, 0.9)) == []
    found = []
    for _ in range(4):
        found += look_again(suspects, seen(300, 0.9))
    assert len(found) == 1 and suspects.known == []


@pytest.mark.parametrize(
    ("score", "opinion", "found"),
    [
        # Against it counts for 2 of log odds at most; 0.985 is 0.3 beyond what is needed.
        (0.985, -5.0, False),
        (0.999, -5.0, True),
        (0.94, 5.0, True),  # for it for 1.7
        (0.85, 5.0, False),
        (0.97, 0.5, True),
        (0.97, 0.3, False),
    ],
)
def test_a_second_opinion_helps_to_decide_and_decides_nothing_alone(
    score: float, opinion: float, found: bool
) -> None:
    suspects = Suspects()
    sure = search(suspects, seen(100, score), opinion=lambda hand: opinion)
    assert (len(sure), len(suspects.known)) == ((1, 0) if found else (0, 1))


def test_a_second_opinion_is_asked_only_where_it_may_decide() -> None:
    asked: list[float] = []

    def opinion(hand: Observation) -> float:
        asked.append(hand.score)
        return 0.0

    for score in (0.7, 0.95, 0.985, 0.9985):
        search(Suspects(), seen(100, score), opinion=opinion)
    assert asked == [0.95, 0.985]


@pytest.mark.parametrize(
    ("score", "opinion", "found"),
    [
        (0.97, -3.0, False),
        (0.97, -1.9, True),
        (0.90, -0.8, False),
        (0.99, -3.0, True),
        (0.995, -9.0, False),
        (0.9965, -9.0, True),  # against it counts for 4 at most
    ],
)
def test_what_a_second_opinion_denies_is_no_hand_however_often_it_is_seen(
    score: float, opinion: float, found: bool
) -> None:
    """LGNet's last look and the opinion must amount to log odds of 1.5."""
    suspects, hand = Suspects(), seen(100, score)
    sure = search(suspects, hand, opinion=lambda hand: opinion)
    while suspects.known:
        sure += look_again(suspects, hand, lambda hand: opinion)
    assert len(sure) == int(found)


def test_what_has_not_been_looked_at_waits_and_comes_first() -> None:
    suspects = Suspects()
    search(suspects, seen(100, 0.9), seen(300, 0.8))
    first, second = suspects.known
    assert suspects.weigh([first], [[seen(100, 0.7)]], [], SETTINGS) == []
    assert [suspect.seen.box[0][0] for suspect in suspects.known] == [300, 100]
    assert suspects.known[0] is second


@pytest.mark.parametrize("taken", [True, False])
def test_what_waits_is_forgotten_once_somebody_follows_it(taken: bool) -> None:
    suspects = Suspects()
    search(suspects, seen(100, 0.9), seen(300, 0.8))
    suspects.weigh([], [], [seen(310, 0.99)] if taken else [], SETTINGS)
    assert [suspect.seen.box[0][0] for suspect in suspects.known] == ([100] if taken else [100, 300])


def test_what_is_given_up_does_not_come_back() -> None:
    suspects = Suspects()
    search(suspects, seen(100, 0.9), seen(300, 0.8))
    suspects.give_up(suspects.known[:1])
    assert [suspect.seen.box[0][0] for suspect in suspects.known] == [300]
