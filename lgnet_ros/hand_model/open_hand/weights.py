"""Skinning weights: smooth steps across each joint, measured along the finger.

A joint's step is narrow on the back, where skin is tight over the knuckle, and wide on the palm side, where
the flesh folds: an inner side of radius r bent by φ needs more than r·φ of blended length or it turns inside
out.
"""

from __future__ import annotations

import numpy as np

from lgnet_ros.hand_model.mesh import neighbor_mean, undirected_edges
from lgnet_ros.hand_model.open_hand.template import Template
from lgnet_ros.hand_model.topology import MANO_NAMES, ROTATION_COUNT, VERTEX_COUNT

_PALM_FINGERS = ("index", "middle", "ring", "little")

# Center and half width of the step, mm of the mean hand, (back, palm side).
_MCP_CENTER, _MCP_WIDTH = (1.0, 10.0), (9.0, 15.0)
_THUMB_MCP_CENTER, _THUMB_MCP_WIDTH = (0.0, 3.0), (9.0, 13.0)
_WEB_SHIFT = 5.0  # mm: at the sides the step lies further out, where the webs join the fingers
# Within the finger: half widths in units of the local half thickness.
_INNER_WIDTH = (0.95, 1.3)
_LATERAL_SHARPNESS = 5.5  # mm: how fast a palm vertex passes from one finger's knuckle to the next
_SMOOTHING_ROUNDS = 6


def skinning_weights(template: Template) -> np.ndarray:
    """(778, 16), rows non-negative with sum 1, MANO's order."""
    points = template.vertices
    weights = np.zeros((VERTEX_COUNT, ROTATION_COUNT))
    for name, share in _finger_shares(template).items():
        steps = [share, *(_inner_step(template, name, joint) * share for joint in _inner_joints(name))]
        if name == "thumb":
            steps.insert(1, _root_step(template, name, _THUMB_MCP_CENTER, _THUMB_MCP_WIDTH) * share)
        first = MANO_NAMES.index("thumb_cmc" if name == "thumb" else f"{name}_mcp")
        for offset, step in enumerate(steps):
            beyond = steps[offset + 1] if offset + 1 < len(steps) else np.zeros(len(points))
            weights[:, first + offset] = step - np.minimum(beyond, step)
    weights[:, 0] = np.maximum(1 - weights[:, 1:].sum(1), 0)
    return _normalized(_smoothed(template, _normalized(weights)))


def _inner_joints(name: str) -> tuple[int, ...]:
    """Joint numbers along the straight finger, after its MCP joint."""
    return (1,) if name == "thumb" else (1, 2)


def _smoothstep(value: np.ndarray) -> np.ndarray:
    value = np.clip(value, 0, 1)
    return value * value * (3 - 2 * value)


def _step(
    along: np.ndarray, dorsal_share: np.ndarray, center: tuple[float, float], width: tuple[float, float]
) -> np.ndarray:
    """0 before the joint, 1 beyond; centers and half widths (back, palm side)."""
    middle = center[0] * dorsal_share + center[1] * (1 - dorsal_share)
    half = width[0] * dorsal_share + width[1] * (1 - dorsal_share)
    return _smoothstep((along - middle) / (2 * half) + 0.5)


def _root_step(
    template: Template, name: str, center: tuple[float, float], width: tuple[float, float]
) -> np.ndarray:
    """The step across the finger's MCP joint."""
    local = template.surface.fingers[name].finger.local(template.vertices)
    web = _WEB_SHIFT * _smoothstep((np.abs(local[:, 2]) - 5.0) / 6.0)
    return _step(local[:, 0] - web, _smoothstep(0.5 + local[:, 1] / 18.0), center, width)


def _inner_step(template: Template, name: str, joint: int) -> np.ndarray:
    """The step across a joint within the finger; 0 off the finger's tube."""
    shape = template.surface.fingers[name]
    rows = template.tubes[name]
    local = shape.finger.local(template.vertices[rows])
    at = shape.finger.joints[joint]
    thickness = float(np.mean([axis[0] for axis in shape.semi_axes(np.array([at]))[1:3]]))
    dorsal_share = _smoothstep(0.5 + local[:, 1] / (2 * thickness))
    width = (_INNER_WIDTH[0] * thickness, _INNER_WIDTH[1] * thickness)
    result = np.zeros(len(template.vertices))
    result[rows] = _step(local[:, 0] - at, dorsal_share, (0.0, 0.0), width)
    return result


def _finger_shares(template: Template) -> dict[str, np.ndarray]:
    """How far each vertex moves with each finger's first bone: 1 on its own tube, 0 on others'."""
    points, fingers = template.vertices, template.surface.fingers
    lateral = {}
    for name in _PALM_FINGERS:
        local = fingers[name].finger.local(points)
        lateral[name] = np.exp(-((np.abs(local[:, 2]) / _LATERAL_SHARPNESS) ** 2) / 4)
    total = np.sum(list(lateral.values()), axis=0) + 1e-12
    shares = {
        name: lateral[name] / total * _root_step(template, name, _MCP_CENTER, _MCP_WIDTH)
        for name in _PALM_FINGERS
    }
    thumb = _thumb_share(template)
    shares = {"thumb": thumb, **{name: share * (1 - thumb) for name, share in shares.items()}}
    for owner, rows in template.tubes.items():
        for name, share in shares.items():
            share[rows] = float(name == owner)
    return shares


def _thumb_share(template: Template) -> np.ndarray:
    """How far a vertex moves with the thumb's metacarpal: by nearness to it against the palm's bones."""
    points, skeleton = template.vertices, template.surface.skeleton
    base, head = skeleton.thumb_cmc, skeleton.fingers["thumb"].origin
    to_thumb = _segment_distance(
        points, base, skeleton.fingers["thumb"].origin + 20 * skeleton.fingers["thumb"].axes[0]
    )
    to_palm = _segment_distance(points, np.array([8.0, 0.0, 6.0]), skeleton.fingers["index"].origin)
    to_palm = np.minimum(
        to_palm, _segment_distance(points, np.array([8.0, 0.0, 0.0]), skeleton.fingers["middle"].origin)
    )
    nearness = to_palm**2 / (to_palm**2 + to_thumb**2)
    axis = (head - base) / np.linalg.norm(head - base)
    return _smoothstep((nearness - 0.30) / 0.55) * _smoothstep(((points - base) @ axis + 10.0) / 26.0)


def _segment_distance(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    axis = end - start
    share = np.clip((points - start) @ axis / (axis @ axis), 0, 1)
    return np.linalg.norm(points - start - share[:, None] * axis, axis=1)


def _smoothed(template: Template, weights: np.ndarray) -> np.ndarray:
    """Average the palm's weights with their neighbors'; tubes and the wrist ring keep theirs."""
    edges = undirected_edges(template.faces)
    for _ in range(_SMOOTHING_ROUNDS):
        weights[template.free] = (0.5 * weights + 0.5 * neighbor_mean(weights, edges))[template.free]
    return weights


def _normalized(weights: np.ndarray) -> np.ndarray:
    weights = np.where(weights < 0.004, 0.0, weights)
    return weights / weights.sum(1, keepdims=True)
