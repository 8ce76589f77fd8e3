"""Frames as plain values for JSON: metres, radians, the camera's optical frame, quaternions xyzw with
w ≥ 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lgnet_ros.hand_model.topology import JOINT_NAMES
from lgnet_ros.pipeline.records import Frame, Hand, HandRelation
from lgnet_ros.pipeline.so3 import quaternions


def frame_as_dict(frame: Frame) -> dict[str, Any]:
    """Everything in a frame but the vertices, which belong into mesh files."""
    return {
        "stamp_s": frame.stamp_s,
        "hands": [_hand(hand) for hand in frame.hands],
        "relations": [_relation(relation) for relation in frame.relations],
    }


def _hand(hand: Hand) -> dict[str, Any]:
    return {
        "side": hand.side,
        "track_id": hand.track_id,
        "person_id": hand.person_id,
        "score": round(hand.score, 4),
        "joints": dict(zip(JOINT_NAMES, _rounded(hand.joints, 5), strict=True)),
        "joints_image": dict(zip(JOINT_NAMES, _rounded(hand.joints_image, 2), strict=True)),
        "orientations_xyzw": _rounded(quaternions(hand.rotations), 5),
        "pose": _rounded(hand.pose, 5),
        "shape": _rounded(hand.shape, 4),
        "position_covariance": hand.position_covariance.tolist(),
        "palm": {
            "position": _rounded(hand.palm.position, 5),
            "orientation_xyzw": _rounded(quaternions(hand.palm.rotation[None])[0], 5),
        },
        "twist": _rounded(hand.twist, 4),
        "grasp": {"kind": hand.grasp.kind, "aperture_m": round(hand.grasp.aperture_m, 5)},
        "scale": round(hand.scale, 5),
        "scale_source": hand.scale_source,
    }


def _relation(relation: HandRelation) -> dict[str, Any]:
    return {
        "track_ids": list(relation.track_ids),
        "distance_m": round(relation.distance_m, 5),
        "closest_points": _rounded(relation.closest_points, 5),
        "contacts": _rounded(relation.contacts, 5),
        "penetration_m": round(relation.penetration_m, 5),
        "relative_translation": _rounded(relation.relative_translation, 5),
        "relative_covariance": relation.relative_covariance.tolist(),
    }


def _rounded(array: np.ndarray, digits: int) -> list[Any]:
    """Nested lists; None for what is not finite, which JSON does not know."""
    rounded = np.round(np.asarray(array, dtype=np.float64), digits)
    return np.where(np.isfinite(rounded), rounded.astype(object), None).tolist()
