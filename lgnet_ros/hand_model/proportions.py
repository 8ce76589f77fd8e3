"""Measures a hand model as an anthropometrist would, and sets it beside published means."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import ConvexHull

from lgnet_ros.hand_model.anatomy import axes_from_joints
from lgnet_ros.hand_model.arrays import HandArrays
from lgnet_ros.hand_model.mesh import directed_edges
from lgnet_ros.hand_model.open_hand import anthropometry as published
from lgnet_ros.hand_model.topology import MANO_NAMES

_BACK = np.array([0.0, 1.0, 0.0])


class Proportion(NamedTuple):
    """One measure, mm."""

    name: str
    measured: float
    published: float
    source: str

    @property
    def deviation(self) -> float:
        """Relative difference from the published mean."""
        return self.measured / self.published - 1


def proportions(arrays: HandArrays) -> list[Proportion]:
    """Bone lengths, breadths and thicknesses of a right hand's template."""
    return [*_lengths(arrays), *_girths(arrays)]


def markdown_table(rows: list[Proportion]) -> str:
    """The rows as a Markdown table."""
    head = ["| measure | this hand, mm | published, mm | deviation | source |", "|---|---|---|---|---|"]
    line = "| {} | {:.1f} | {:.1f} | {:+.1f} % | {} |".format
    return "\n".join(
        [*head, *(line(r.name, r.measured, r.published, 100 * r.deviation, r.source) for r in rows)]
    )


def _joints_and_tips(arrays: HandArrays) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Joint centers and fingertips by name, mm."""
    vertices = arrays.v_template.astype(np.float64) * 1000
    joints = dict(zip(MANO_NAMES, arrays.J_regressor.astype(np.float64) @ vertices, strict=True))
    tips = dict(zip(published.FINGER_ORDER, vertices[arrays.fingertip_vertices], strict=True))
    return joints, tips


def _lengths(arrays: HandArrays) -> list[Proportion]:
    joints, tips = _joints_and_tips(arrays)
    rows = [
        Proportion(
            "hand length (wrist to middle fingertip)",
            float(np.linalg.norm(tips["middle"] - joints["wrist"])),
            published.HAND_LENGTH,
            "P96",
        )
    ]
    for finger in published.FINGER_ORDER:
        names = [name for name in MANO_NAMES if name.startswith(finger)]
        chain = [joints["wrist"], *(joints[name] for name in names), tips[finger]]
        fractions = (published.WRIST_FRACTIONS[finger], *published.LINK_FRACTIONS[finger])
        ends = ["wrist", *(name.split("_")[1].upper() for name in names), "tip"]
        for index, fraction in enumerate(fractions):
            length = float(np.linalg.norm(chain[index + 1] - chain[index]))
            name = f"{finger}: {ends[index]} to {ends[index + 1]}"
            rows.append(Proportion(name, length, fraction * published.HAND_LENGTH, "B92"))
    return rows


def _girths(arrays: HandArrays) -> list[Proportion]:
    joints, _ = _joints_and_tips(arrays)
    index_breadth, index_thickness = _finger_section(arrays, "index_pip")
    thumb_breadth, thumb_thickness = _finger_section(arrays, "thumb_ip")
    across = joints["index_mcp"] - joints["little_mcp"]
    off_thumb = arrays.weights[:, -3:].sum(1) < 0.3
    middle = (joints["index_mcp"] + joints["little_mcp"]) / 2
    heads = _section(arrays, middle, np.cross(across, _BACK), off_thumb)
    along = joints["middle_mcp"] - joints["wrist"]
    at_middle = _section(arrays, joints["middle_mcp"], along, off_thumb)
    at_middle = at_middle[np.abs((at_middle - joints["middle_mcp"]) @ _unit(across)) < 6.0]
    wrist = _section(arrays, np.array([8.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    return [
        Proportion(
            "hand breadth at the metacarpal heads", _extent(heads, across), published.HAND_BREADTH, "P96"
        ),
        Proportion(
            "hand thickness at the middle MCP", _extent(at_middle, _BACK), published.HAND_THICKNESS, "P96"
        ),
        Proportion("index breadth at PIP", index_breadth, published.INDEX_PIP_BREADTH, "P96"),
        Proportion("index thickness at PIP", index_thickness, published.INDEX_PIP_THICKNESS, "P96"),
        Proportion("thumb breadth at IP", thumb_breadth, published.THUMB_IP_BREADTH, "P96"),
        Proportion("thumb thickness at IP", thumb_thickness, published.THUMB_IP_THICKNESS, "P96"),
        Proportion("wrist circumference", _hull_length(wrist), published.WRIST_CIRCUMFERENCE, "G89"),
    ]


def _finger_section(arrays: HandArrays, joint: str) -> tuple[float, float]:
    """Breadth and thickness of the finger in the plane across its bone at the joint, mm."""
    joints, tips = _joints_and_tips(arrays)
    rows = axes_from_joints(np.array(list(joints.values())), np.array(list(tips.values())))
    number = MANO_NAMES.index(joint) - 1
    flexion, twist = rows[0][number], rows[2][number]
    own = [MANO_NAMES.index(name) for name in MANO_NAMES if name.startswith(joint.split("_")[0])]
    on_finger = arrays.weights[:, own].sum(1) > 0.99
    points = _section(arrays, joints[joint], twist, on_finger)
    return _extent(points, flexion), _extent(points, np.cross(twist, flexion))


def _section(
    arrays: HandArrays, origin: np.ndarray, normal: np.ndarray, among: np.ndarray | None = None
) -> np.ndarray:
    """(N, 3) points where the template's edges pierce a plane, mm; only edges between vertices of `among`."""
    vertices = arrays.v_template.astype(np.float64) * 1000
    faces = arrays.f if among is None else arrays.f[among[arrays.f].all(1)]
    height = (vertices - origin) @ _unit(np.asarray(normal, float))
    starts, ends = directed_edges(faces).T
    crossing = (height[starts] < 0) != (height[ends] < 0)
    starts, ends = starts[crossing], ends[crossing]
    share = (height[starts] / (height[starts] - height[ends]))[:, None]
    return vertices[starts] + share * (vertices[ends] - vertices[starts])


def _extent(points: np.ndarray, axis: np.ndarray) -> float:
    return float(np.ptp(points @ _unit(np.asarray(axis, float))))


def _hull_length(points: np.ndarray) -> float:
    """Length of a tape around the points, which lie in a plane x = constant."""
    return float(ConvexHull(points[:, 1:]).area)  # in two dimensions the hull's "area" is its perimeter


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
