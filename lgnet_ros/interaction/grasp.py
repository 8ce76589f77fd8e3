"""How a hand is held: grip aperture, how far each finger is stretched, and a grasp class from the two."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lgnet_ros.hand_model.topology import JOINT_NAMES

GRASP_CLASSES = ("open", "pinch", "power", "fist", "point")
"""In this order in messages: the class is sent as its index here."""

FINGERTIPS = np.array([i for i, name in enumerate(JOINT_NAMES) if name.endswith("_tip")])
"""Joints that are fingertips: thumb, index, middle, ring, little."""

_WRIST = JOINT_NAMES.index("wrist")
_FINGERS = np.array(
    [
        [JOINT_NAMES.index(f"{f}_{part}") for part in ("mcp", "pip", "dip", "tip")]
        for f in ("index", "middle", "ring", "little")
    ]
)
_THUMB_TIP, _INDEX_TIP = JOINT_NAMES.index("thumb_tip"), JOINT_NAMES.index("index_tip")
_MIDDLE_MCP = JOINT_NAMES.index("middle_mcp")

# Knuckle-to-tip distance over bone length: bent by less than some 25 degrees at either joint.
_STRAIGHT = 0.94
_CURLED = 0.62  # the tip is back over the palm
_PINCH_APERTURE = 0.35  # of the wrist-to-middle-knuckle length, that is some 3 cm from joint to joint


@dataclass(frozen=True)
class Grasp:
    """aperture_m: thumb tip to index tip. kind: one of GRASP_CLASSES. straightness: (4,) per finger, index to
    little.
    """

    aperture_m: float
    kind: str
    straightness: np.ndarray

    @property
    def code(self) -> int:
        """The class as its index in GRASP_CLASSES."""
        return GRASP_CLASSES.index(self.kind)


def fingertips(joints: np.ndarray) -> np.ndarray:
    """(5, 3) fingertips, thumb to little, from joints (21, 3)."""
    return joints[FINGERTIPS]


def finger_straightness(joints: np.ndarray) -> np.ndarray:
    """(4,) knuckle-to-tip distance over the finger's bone length, index to little: 1 is stretched, 0.4 a
    fist.
    """
    chains = joints[_FINGERS].tolist()
    reach = (math.dist(chain[0], chain[-1]) for chain in chains)
    bones = (sum(map(math.dist, chain, chain[1:])) for chain in chains)
    return np.array([far / max(along, 1e-9) for far, along in zip(reach, bones, strict=True)])


def grasp(joints: np.ndarray) -> Grasp:
    """Aperture and class of one hand from its joints (21, 3), metres. Independent of size and orientation."""
    straightness = finger_straightness(joints)
    aperture = math.dist(joints[_THUMB_TIP].tolist(), joints[_INDEX_TIP].tolist())
    palm_length = math.dist(joints[_MIDDLE_MCP].tolist(), joints[_WRIST].tolist())
    return Grasp(aperture, _classify(straightness, aperture / max(palm_length, 1e-9)), straightness)


def _classify(straightness: np.ndarray, relative_aperture: float) -> str:
    index, *others = straightness.tolist()
    if max(index, *others) < _CURLED:
        return "fist"
    if index > _STRAIGHT and sum(others) / len(others) < 0.75:
        return "point"
    if relative_aperture < _PINCH_APERTURE:
        return "pinch"
    return "open" if (index + sum(others)) / (1 + len(others)) > _STRAIGHT else "power"
