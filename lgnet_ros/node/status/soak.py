"""The node for a long time at the camera's rate: does it hold on to memory, is any frame late?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lgnet_ros.node.model_id import is_untrained
from lgnet_ros.node.status.tally import percentile
from lgnet_ros.node.status.throughput import NodeCase, running, wait

RATE_HZ = 30.0
LATE_PERIODS = 3
MOST_GROWTH_MB = 5.0
_LOOK_S = 1.0
_MINUTE_S = 60.0


def soak(case: NodeCase, progress: Callable[[float], None]) -> dict[str, Any]:
    """Run the case with every output on, for `case.seconds`, and say what came of it.

    A frame is late that is published more than three periods after its image was taken. Memory grows from the
    end of the first minute (of the first half of a shorter run) to the end.

    Args:
        case: what runs, and for how long.
        progress: told the seconds that have passed, about once a second.

    Raises:
        UserError: a process failed, or no result came.
    """
    memory: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as logs, running(case, Path(logs)) as (children, listener):
        began = time.monotonic()
        while (passed := time.monotonic() - began) < case.seconds:
            memory.append((passed, children[0].resident_mb))
            progress(passed)
            wait(children, min(_LOOK_S, case.seconds - passed))
        images, ages_ms, hands = listener.images, list(listener.ages_ms), listener.hands
        gaps_s = np.diff(listener.arrivals_s)
    limit_ms = LATE_PERIODS * 1e3 / RATE_HZ
    first, last = settled_memory(memory, case.seconds)
    late = sum(age > limit_ms for age in ages_ms)
    return {
        "minutes": round(case.seconds / _MINUTE_S, 2),
        "weights": case.weights,
        "trained": not is_untrained(listener.model_id),
        "images": images,
        "results": len(ages_ms),
        "images_passed_over": max(images - len(ages_ms), 0),
        "hands_per_frame": round(hands / len(ages_ms), 2) if ages_ms else None,
        "age_p50_ms": percentile(ages_ms, 50),
        "age_p99_ms": percentile(ages_ms, 99),
        "age_max_ms": max(ages_ms, default=None),
        "late": late,
        "longest_gap_ms": round(1e3 * float(gaps_s.max(initial=0.0)), 1),
        "rss_first_mb": round(first, 1),
        "rss_last_mb": round(last, 1),
        "growth_mb": round(last - first, 1),
        "passed": bool(ages_ms) and late == 0 and last - first <= MOST_GROWTH_MB,
    }


def settled_memory(memory: list[tuple[float, float]], seconds: float) -> tuple[float, float]:
    """Memory (MB) after the first minute, or the first half, and at the end: medians over ten seconds each.

    memory: (seconds passed, MB), in order.
    """
    start_s = min(_MINUTE_S, seconds / 2)
    first = [held for passed, held in memory if start_s <= passed < start_s + 10.0]
    last = [held for passed, held in memory if passed >= seconds - 10.0]
    return float(np.median(first)), float(np.median(last))
