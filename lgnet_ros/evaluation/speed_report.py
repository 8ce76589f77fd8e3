"""What `lgnet bench` measured, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

UNTRAINED = "untrained: speed only"

_ENGINE = {
    "variant": "variant", "backend": "backend", "device": "device", "precision": "precision",
    "p50_ms": "p50 ms", "p95_ms": "p95 ms", "p99_ms": "p99 ms", "fps": "1/s", "speedup": "× eager fp32",
    "rss_mb": "RSS MB", "load_s": "load s", "mpvpe_loss_mm": "MPVPE lost, mm",
}  # fmt: skip
_NODE = {
    "resolution": "image", "variant": "variant", "precision": "precision", "fps_in": "in, 1/s",
    "fps_out": "out, 1/s", "age_p50_ms": "age p50 ms", "age_p95_ms": "age p95 ms",
    "ros_work_p50_ms": "ROS work p50 ms", "rss_mb": "RSS MB", "hands_per_frame": "hands a frame",
}  # fmt: skip
_FRAME_WORK = {
    "resolution": "image", "overlay": "overlay", "frames": "frames", "total_p50_ms": "p50 ms",
    "total_p95_ms": "p95 ms", "receive_p50_ms": "receive", "pipeline_p50_ms": "placement to interaction",
    "decode_and_publish_p50_ms": "decode, publish",
}  # fmt: skip
_SYNTHETIC = {
    "size_px": "crop px", "workers": "workers", "samples_per_second": "samples/s",
    "core_ms_per_sample": "ms of a core each",
}  # fmt: skip


def markdown(report: dict[str, Any]) -> str:
    """All tables that the report has something for, under the machine's name."""
    parts = [_machine(report["machine"])]
    if report.get("yardstick"):
        rows = [{"precision": name, "ms": duration} for name, duration in report["yardstick"].items()]
        parts += [
            "## To compare machines by: ResNet-50 alone, one image of 256×256, in OpenVINO, p50",
            _table({"precision": "precision", "ms": "ms"}, rows),
        ]
    if report["engine"]:
        rows = [{**row, "mpvpe_loss_mm": _loss(row)} for row in report["engine"]]
        parts += ["## Engine, one crop", _table(_ENGINE, rows)]
    if report["node"]:
        parts += ["## Node, from image to message", _table(_NODE, report["node"])]
        if not all(row.get("trained") for row in report["node"]):
            parts.append(f"Weights {UNTRAINED}; a node that sees no hand searches in every frame.")
    if report["frame_work"]:
        parts += [
            "## One frame beside the network, two hands, every output: CPU time of one core",
            _table(_FRAME_WORK, report["frame_work"]),
        ]
    if report["pipeline"]:
        stages = [{"stage": stage, "ms": duration} for stage, duration in report["pipeline"].items()]
        parts += [
            "## Pipeline beside the network, two hands, 640×480, p50",
            _table({"stage": "stage", "ms": "ms"}, stages),
        ]
    if report.get("landmarks"):
        stages = [{"stage": stage, "ms": duration} for stage, duration in report["landmarks"].items()]
        parts += [
            "## Landmark estimator: a frame with two hands, 640×480, without ROS, p50",
            _table({"stage": "stage", "ms": "ms"}, stages),
        ]
    if report["hand_model"]:
        batch, duration = report["hand_model"]["batch"], report["hand_model"]["p50_ms"]
        parts += [
            "## Hand model",
            f"Both hands, batch {batch}: {duration} ms on {report['hand_model']['threads']} threads.",
        ]
    if report["synthetic"]:
        parts += ["## Synthetic samples", _table(_SYNTHETIC, report["synthetic"])]
    return "\n\n".join([*parts, *(f"Not measured: {reason}" for reason in report["not_measured"])])


def soak_markdown(report: dict[str, Any]) -> str:
    """What `lgnet bench --soak` found."""
    rows = [{"what": name.replace("_", " "), "value": value} for name, value in report["soak"].items()]
    table = _table({"what": "what", "value": "value"}, rows)
    return "\n\n".join([_machine(report["machine"]), "## Soak", table])


def _machine(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    features = " ".join(machine["cpu_features"]) or "no vector extensions that matter here"
    return (
        f"{machine['cpu']}, {machine['cores']} cores ({features}), {machine['memory_gb']} GB; "
        f"GPU: {machine['gpu'] or 'none, not measured'}. Python {machine['python']}, {versions}. "
        f"Load at the start: {machine['load_1min']}."
    )


def _loss(row: dict[str, Any]) -> str | float | None:
    if row.get("not_measured"):
        return row["not_measured"]
    return row["mpvpe_loss_mm"] if row["trained"] else UNTRAINED


def _table(columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> str:
    lines = [list(columns.values()), ["---"] * len(columns)]
    lines += [[_cell(row.get(key)) for key in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
