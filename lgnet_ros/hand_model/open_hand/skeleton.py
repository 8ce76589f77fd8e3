"""Joint centers and finger frames of one hand in its rest pose: flat, fingers slightly spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.hand_model.open_hand.anthropometry import (
    FINGER_ORDER,
    HAND_LENGTH,
    LINK_FRACTIONS,
    WRIST_FRACTIONS,
    Measures,
)

# (dorsal, radial) of the finger MCP joints, mm: the transverse arch of the metacarpal heads, spaced so that
# the soft outline is as broad as published. How far distal they lie follows from their distance to the wrist.
_MCP_ACROSS = {"index": (1.0, 25.0), "middle": (3.0, 4.5), "ring": (1.5, -15.3), "little": (-2.5, -32.0)}

# Bone directions (distal, dorsal, radial) at rest.
_FINGER_DIRECTIONS = {
    "index": (1.0, -0.03, 0.11),
    "middle": (1.0, -0.035, 0.025),
    "ring": (1.0, -0.03, -0.09),
    "little": (1.0, -0.02, -0.22),
}
_THUMB_CMC = (11.5, -6.5, 16.8)
_THUMB_METACARPAL = (0.72, -0.30, 0.63)
_THUMB_PHALANGES = (0.84, -0.20, 0.50)
# Where nails face before being made perpendicular to the bone; the thumb's is turned some 60° from the
# others.
_NAIL = (0.0, 1.0, 0.0)
_THUMB_NAIL = (-0.25, 0.45, 0.85)


@dataclass(frozen=True)
class Finger:
    """A straight finger: orthonormal axes (along, dorsal, lateral) at its MCP joint; lateral is radial.

    joints: positions along it from the MCP joint, mm: 0, then each further joint, last the tip.
    """

    name: str
    origin: np.ndarray
    axes: np.ndarray  # (3, 3) rows: along, dorsal, lateral
    joints: np.ndarray

    def local(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) → (N, 3): along, dorsal, lateral from the MCP joint, mm."""
        return (points - self.origin) @ self.axes.T

    def world(self, local: np.ndarray) -> np.ndarray:
        return local @ self.axes + self.origin

    def station(self, along: np.ndarray) -> np.ndarray:
        """mm along the finger → joint units (0 = MCP, 1 = next joint, …)."""
        return np.interp(along, self.joints, np.arange(len(self.joints)))

    def along(self, station: np.ndarray) -> np.ndarray:
        """Joint units → mm along the finger."""
        return np.interp(station, np.arange(len(self.joints)), self.joints)


@dataclass(frozen=True)
class Skeleton:
    """Wrist at the origin, five fingers, and the thumb's CMC joint, mm."""

    fingers: dict[str, Finger]
    thumb_cmc: np.ndarray

    def joints(self) -> np.ndarray:
        """(16, 3) in MANO's order: wrist, index, middle, little, ring, thumb."""
        rows = [np.zeros(3)]
        for name in ("index", "middle", "little", "ring"):
            finger = self.fingers[name]
            rows += [finger.origin + along * finger.axes[0] for along in finger.joints[:3]]
        thumb = self.fingers["thumb"]
        rows += [self.thumb_cmc, thumb.origin, thumb.origin + thumb.joints[1] * thumb.axes[0]]
        return np.array(rows)

    def tips(self) -> np.ndarray:
        """(5, 3) ends of the bones' axes at the skin, thumb to little."""
        return np.array(
            [f.origin + f.joints[-1] * f.axes[0] for f in (self.fingers[n] for n in FINGER_ORDER)]
        )


def build_skeleton(measures: Measures) -> Skeleton:
    """The skeleton of a hand with these measures."""
    length = HAND_LENGTH * measures.size
    fingers = {}
    for index, name in enumerate(FINGER_ORDER):
        links = np.array(LINK_FRACTIONS[name]) * length * measures.finger_length[index]
        if name == "thumb":
            thumb_cmc = _scaled(np.array(_THUMB_CMC), measures)
            origin = thumb_cmc + links[0] * _unit(np.array(_THUMB_METACARPAL))
            fingers[name] = _finger(
                name, origin, np.array(_THUMB_PHALANGES), np.array(_THUMB_NAIL), links[1:]
            )
        else:
            origin = _scaled(_mean_mcp(name), measures)
            fingers[name] = _finger(name, origin, np.array(_FINGER_DIRECTIONS[name]), np.array(_NAIL), links)
    return Skeleton(fingers, thumb_cmc)


def _mean_mcp(name: str) -> np.ndarray:
    dorsal, radial = _MCP_ACROSS[name]
    distance = WRIST_FRACTIONS[name] * HAND_LENGTH
    return np.array([np.sqrt(distance**2 - dorsal**2 - radial**2), dorsal, radial])


def _scaled(point: np.ndarray, measures: Measures) -> np.ndarray:
    factors = np.array([measures.palm_length, measures.palm_thickness, measures.palm_breadth])
    return point * factors * measures.size


def _finger(
    name: str, origin: np.ndarray, direction: np.ndarray, nail: np.ndarray, links: np.ndarray
) -> Finger:
    along = _unit(direction)
    dorsal = _unit(nail - (nail @ along) * along)
    axes = np.stack([along, dorsal, np.cross(along, dorsal)])
    return Finger(name, origin, axes, np.concatenate([[0.0], np.cumsum(links)]))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
