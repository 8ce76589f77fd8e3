"""Reports for people (Markdown, in the shape of the paper's Tables I and II) and for machines (JSON)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lgnet_ros.files import write_whole

PAPER_ROWS: dict[str, dict[str, tuple[float | None, float | None, float | None]]] = {
    "interhand26m": {
        "InterNet": (16.01, None, 32.60),
        "DIGIT": (14.27, None, 29.22),
        "InterShape": (13.48, 13.95, None),
        "Keypoint Transformer": (12.78, None, 29.63),
        "IntagHand": (8.79, 9.03, None),
        "DIR": (7.51, 7.72, 28.98),
        "ACR": (7.41, 7.63, None),
        "LGNet (Light), paper": (6.31, 6.54, 32.18),
        "LGNet, paper": (5.30, 5.69, 26.43),
    },
    "hic": {
        "Keypoint Transformer": (None, 51.21, 190.77),
        "IntagHand": (None, 45.74, None),
        "InterShape": (None, 42.08, None),
        "LGNet (Light), paper": (None, 35.86, 80.80),
        "LGNet, paper": (None, 31.79, 78.47),
    },
}
"""Published MPJPE, MPVPE, MRRPE [mm] that a dataset's table is read against (Tables I and II)."""

_DETAILS: list[tuple[str, str, int]] = [
    ("count", "crops", 0),
    ("wrist.auc", "AUC of PCK, 0–50 mm (wrist root)", 3),
    ("presence_precision", "presence precision", 3),
    ("presence_recall", "presence recall", 3),
    ("presence_f1", "presence F1", 3),
    ("swap_rate", "left taken for right or the reverse, share of hands", 4),
    ("missed_rate", "missed, share of hands", 4),
    ("wrist_position_mm.unknown_size", "wrist position, hand size unknown, median at 0.3–1 m [mm]", 1),
    ("wrist_position_mm.known_size", "wrist position, hand size known, median at 0.3–1 m [mm]", 1),
    ("ellipsoid_95.unknown_size", "true wrists in the stated 95 % ellipsoid, hand size unknown", 3),
    ("ellipsoid_95.known_size", "true wrists in the stated 95 % ellipsoid, hand size known", 3),
    ("palm_orientation_deg", "palm orientation [deg]", 1),
    ("vertex_px.rough", "vertices on the image, rough mesh [px of the crop]", 2),
    ("vertex_px.final", "vertices on the image, final mesh [px of the crop]", 2),
    ("mask_iou.rough", "silhouette IoU, rough mesh", 3),
    ("mask_iou.final", "silhouette IoU, final mesh", 3),
    ("penetration_mm.estimate", "penetration of the two hands [mm]", 2),
    ("penetration_mm.truth", "the truth's own penetration [mm]", 2),
]

_FILMS: list[tuple[str, str, int]] = [
    ("following.hand_frames", "frames in which a hand could be followed", 0),
    ("following.acquired_in_3_frames", "appearances found within 3 frames, share", 3),
    ("following.acquisition_frames_max", "frames until found, at most", 0),
    ("following.never_found", "appearances never found", 0),
    ("following.lost_rate", "lost while visible, share of frames", 4),
    ("following.identity_changes", "changes of identity while visible", 0),
    ("following.swapped", "frames in which a hand is taken for the other", 0),
    ("following.false_hands", "frames with a hand that is not there", 0),
    ("following.wrist_median_mm", "wrist error, size unknown, median at 0.3–1 m [mm]", 1),
    ("following.frame_by_frame_median_mm", "the same, each frame alone [mm]", 1),
    ("following.against_frame_by_frame", "the former over the latter", 2),
    ("following_depth.wrist_median_mm", "wrist error with a depth image, median at 0.3–1 m [mm]", 1),
    ("following.ellipsoid_95_coverage", "true wrists in the stated 95 % ellipsoid", 3),
    ("following_depth.ellipsoid_95_coverage", "the same with a depth image", 3),
    ("still_mm.wrist.raw", "still wrist, RMS about its mean, unfiltered [mm]", 2),
    ("still_mm.wrist.filtered", "still wrist, RMS about its mean, filtered [mm]", 2),
    ("still_mm.joints.filtered", "joints of a still hand, filtered [mm]", 2),
    ("following.lag_ms", "lag of the filtered wrist at about 0.5 m/s [ms]", 1),
    ("jitter_mm.raw", "jitter, unfiltered [mm/frame²]", 2),
    ("jitter_mm.filtered", "jitter, filtered [mm/frame²]", 2),
]


def main_table(reports: dict[str, dict[str, Any]], dataset: str) -> str:
    """MPJPE, MPVPE and MRRPE by row, both roots, with the published rows and the mean pose beside ours."""
    lines = [
        "| | MPJPE | MPVPE | AUC | MPJPE (middle knuckle) | MPVPE (middle knuckle) | MRRPE |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, (mpjpe, mpvpe, mrrpe) in PAPER_ROWS.get(dataset, {}).items():
        lines.append(_line(name, mpjpe, mpvpe, None, None, None, mrrpe))
    for name, report in reports.items():
        wrist, knuckle = report["wrist"], report["middle_mcp"]
        row = (wrist["mpjpe_mm"], wrist["mpvpe_mm"], wrist["auc"], knuckle["mpjpe_mm"], knuckle["mpvpe_mm"])
        lines.append(_line(name, *row, report["mrrpe_mm"]))
    for crops, mean in _mean_poses(reports).items():
        knuckle = mean["middle_mcp"]
        row = (mean["mpjpe_mm"], mean["mpvpe_mm"], mean["auc"], knuckle["mpjpe_mm"], knuckle["mpvpe_mm"])
        lines.append(_line(f"mean pose (looks at nothing){crops}", *row, mean["mrrpe_mm"]))
    return "\n".join(lines)


def _mean_poses(reports: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The mean pose of each kind of crops, by what stands behind the estimator's name in a report's: ",
    tracked crops", say.
    """
    return {"".join(name.partition(", ")[1:]): report["mean_pose"] for name, report in reports.items()}


def details_table(reports: dict[str, dict[str, Any]]) -> str:
    """What a robot cares about, one column per report."""
    return _table(reports, _DETAILS)


def films_table(films: dict[str, dict[str, Any]]) -> str:
    """What was found on films (`lgnet_ros.evaluation.films`), one column per estimator."""
    return _table(films, _FILMS)


def _table(reports: dict[str, dict[str, Any]], rows: list[tuple[str, str, int]]) -> str:
    names = list(reports)
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for key, title, digits in rows:
        values = [_found(report, key) for report in reports.values()]
        if any(value is not None for value in values):
            lines.append(f"| {title} | " + " | ".join(_number(value, digits) for value in values) + " |")
    return "\n".join(lines)


def distance_table(report: dict[str, Any]) -> str:
    """Wrist errors, and whether the stated uncertainty holds them, by distance."""
    lines = [
        "| distance [m] | hands | error, size unknown | stated | in 95 % "
        "| error, size known | stated | in 95 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for part in report["ellipsoid_95"]["by_distance"]:
        cells = [
            _number(part[key], digits)
            for size in ("unknown_size", "known_size")
            for key, digits in ((f"error_mm_{size}", 0), (f"stated_mm_{size}", 0), (size, 3))
        ]
        span = f"{part['from_m']:g}–{part['to_m']:g}"
        lines.append(f"| {span} | {part['hands']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def visibility_table(report: dict[str, Any]) -> str:
    """Joint errors by how many of a hand's joints are in sight."""
    lines = ["| joints in sight | hands | missed | MPJPE | median |", "|---|---|---|---|---|"]
    for part in report["by_visible_joints"]:
        if part["hands"]:
            span = f"{part['from']}–{part['to']}" if part["to"] > part["from"] else str(part["from"])
            values = (part["missed"], 3), (part["mpjpe_mm"], 1), (part["median_mm"], 1)
            cells = [_number(value, digits) for value, digits in values]
            lines.append(f"| {span} | {part['hands']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ablation_table(reports: dict[str, dict[str, Any]]) -> str:
    """Table III: one line per ablation, wrist root."""
    lines = ["| | MPJPE | MPVPE | MRRPE | vertices on the image [px] |", "|---|---|---|---|---|"]
    for name, report in reports.items():
        wrist = report["wrist"]
        pixels = _found(report, "vertex_px.final")
        values = [_number(v, 2) for v in (wrist["mpjpe_mm"], wrist["mpvpe_mm"], report["mrrpe_mm"], pixels)]
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def document(
    reports: dict[str, dict[str, Any]],
    dataset: str,
    how: str,
    films: dict[str, dict[str, Any]] | None = None,
) -> str:
    """The whole Markdown report; `how` says what was run on what."""
    parts = [f"# Evaluation on {dataset}", *sections(reports, dataset, how, films)]
    return "\n\n".join(parts) + "\n"


def sections(
    reports: dict[str, dict[str, Any]],
    dataset: str,
    how: str,
    films: dict[str, dict[str, Any]] | None = None,
) -> list[str]:
    """The report's paragraphs and tables, without a heading."""
    said = (
        "Millimetres, lower is better, but for AUC. Hands are scale-aligned by the palm's length, rooted at "
        "the wrist or the middle finger's knuckle. A missed hand counts as the mean pose."
    )
    parts = [how, said, main_table(reports, dataset), details_table(reports)]
    for name, found in reports.items():
        parts += [f"Hands by how many of their 21 joints are in sight, {name}: wrist root, mm.",
                  visibility_table(found)]  # fmt: skip
        parts += [f"Wrists by distance, {name}: medians in mm, stated along the ellipsoid's longest axis.",
                  distance_table(found)]  # fmt: skip
    if films:
        parts += ["On films (640×480, 30 Hz); in the last column the truth stands in the network's place.",
                  films_table(films)]  # fmt: skip
    return parts


def save_json(path: Path, report: dict[str, Any]) -> None:
    """The report as JSON, whole or not at all."""
    write_whole(path, (json.dumps(report, indent=2) + "\n").encode())


def _found(report: dict[str, Any], dotted: str) -> float | None:
    value: Any = report
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _line(
    name: str,
    mpjpe: float | None,
    mpvpe: float | None,
    auc: float | None,
    knuckle_mpjpe: float | None,
    knuckle_mpvpe: float | None,
    mrrpe: float | None,
) -> str:
    cells = [_number(mpjpe, 2), _number(mpvpe, 2), _number(auc, 3), _number(knuckle_mpjpe, 2)]
    return f"| {name} | " + " | ".join([*cells, _number(knuckle_mpvpe, 2), _number(mrrpe, 2)]) + " |"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
