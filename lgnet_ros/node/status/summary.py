"""What a run came to: as a record for programs, as one screen for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lgnet_ros.node.model_id import is_untrained
from lgnet_ros.node.status.display import UNTRAINED
from lgnet_ros.node.status.tally import Tally, percentile


def summarize(tally: Tally, seconds: float, video: Path | None, logs: Path) -> dict[str, Any]:
    """The run in figures. Lengths in mm, ages in ms, rates per second; None where there is nothing to say."""
    error = tally.median_error()
    return {
        "seconds": round(seconds, 2),
        "images": tally.images_offered,
        "results": tally.results.count,
        "results_per_second": round(tally.results.count / seconds, 2) if seconds > 0 else None,
        "empty_results": tally.empty_results,
        "age_p50_ms": percentile(tally.ages_ms, 50),
        "age_p95_ms": percentile(tally.ages_ms, 95),
        "age_p99_ms": percentile(tally.ages_ms, 99),
        "compared_with_truth": tally.truths_compared,
        "error_mm": None if error is None else error.position_mm,
        "error_from_wrist_mm": None if error is None else error.articulation_mm,
        "missed_hands": tally.missed,
        "invented_hands": tally.invented,
        "model": tally.model_id,
        "trained": not is_untrained(tally.model_id),
        "video": None if video is None else str(video),
        "logs": str(logs),
    }


def as_text(summary: dict[str, Any]) -> str:
    """The summary for people."""
    rows = [
        ("images", f"{summary['images']} in, {summary['results']} answered in {summary['seconds']:.1f} s"),
        ("without hands", f"{summary['empty_results']}"),
    ]
    if summary["age_p50_ms"] is not None:
        ages = (summary["age_p50_ms"], summary["age_p95_ms"], summary["age_p99_ms"])
        rows.append(
            ("age of a result", "median {:.0f} ms, 95 % under {:.0f}, 99 % under {:.0f}".format(*ages))
        )
    if summary["compared_with_truth"]:
        rows.append(("compared", f"{summary['compared_with_truth']} results with the scene's truth"))
        rows.append(("hands", f"{summary['missed_hands']} missed, {summary['invented_hands']} invented"))
    if summary["error_mm"] is not None:
        rows.append(("error of joints", f"median {summary['error_mm']:.0f} mm where they are"))
        rows.append(("", f"median {summary['error_from_wrist_mm']:.0f} mm from the wrist"))
    rows.append(("weights", summary["model"] or "no result came"))
    rows += [("video", summary["video"])] if summary["video"] else []
    rows.append(("logs", summary["logs"]))
    lines = [f"  {name:<16} {value}" for name, value in rows]
    if not summary["trained"]:
        lines.append(f"  {UNTRAINED}")
    return "\n".join(["", *lines, ""])
