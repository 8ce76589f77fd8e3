"""`~/markers` of handover_node: where the tool would wait, how sure that is, and what the hand means."""

from __future__ import annotations

import numpy as np
from visualization_msgs.msg import MarkerArray

from lgnet_ros.interaction.handover import HANDOVER_STATES
from lgnet_ros.interaction.keepout import CONFIDENCE_95
from lgnet_ros.msg import Handover
from lgnet_ros.node.markers import deletion
from lgnet_ros.node.messages import SIDE_NAMES, rotation_of, xyz
from lgnet_ros.node.primitives import Ellipsoid, arrow, ellipsoid, marker_of, text_line

STATE_COLORS = {
    "unknown": (0.6, 0.6, 0.6),
    "rests": (0.85, 0.85, 0.8),
    "offers": (0.35, 0.85, 0.45),
    "receives": (0.98, 0.85, 0.25),
}
_LENGTH_M = 0.1
_SHOWN_FOR_S = 1.0  # a hand may have left since, and the ellipsoid that says so would fill the room
_NAMES = ("approach", "approach_uncertainty", "handover")


def handover_markers(report: Handover) -> MarkerArray:
    """An arrow along the tool's z, the ellipsoid that holds its position with 95 %, a line of text; without
    a hand, or once it was seen too long ago, their deletion.
    """
    header = report.header
    if not report.seen or _age_s(report) > _SHOWN_FOR_S:
        return MarkerArray(markers=[deletion((name, 0), header) for name in _NAMES])
    state = HANDOVER_STATES[report.state]
    at = xyz(report.approach.pose.position)
    ahead = rotation_of(report.approach.pose.orientation)[:, 2]
    covariance = np.asarray(report.approach.covariance).reshape(6, 6)[:3, :3]
    figures = (
        arrow(_NAMES[0], at - _LENGTH_M * ahead, at, STATE_COLORS[state]),
        ellipsoid(_NAMES[1], _outline(at, covariance), STATE_COLORS[state]),
        text_line(_NAMES[2], at, handover_text(report)),
    )
    return MarkerArray(markers=[marker_of(figure, header) for figure in figures])


def handover_text(report: Handover) -> str:
    """One line for a person: side, state, and how old and how sure it is."""
    state = HANDOVER_STATES[report.state]
    if report.reason:
        return f"{state}: {report.reason}"
    covariance = np.asarray(report.approach.covariance).reshape(6, 6)[:3, :3]
    std_mm = 1e3 * float(np.sqrt(np.linalg.eigvalsh(covariance)[-1]))
    return f"{SIDE_NAMES[report.side]} {state}, ±{std_mm:.0f} mm, {1e3 * _age_s(report):.0f} ms old"


def _age_s(report: Handover) -> float:
    return report.age.sec + 1e-9 * report.age.nanosec


def _outline(center: np.ndarray, covariance: np.ndarray) -> Ellipsoid:
    variances, axes = np.linalg.eigh(covariance)
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    return center, axes, 2 * CONFIDENCE_95 * np.sqrt(np.maximum(variances, 1e-12))
