"""Published means of the adult hand, and the measures that one hand is generated from.

Sources:
  [B92]  Buchholz, Armstrong, Goldstein, "Anthropometric data for describing the kinematics of the human
  hand",
         Ergonomics 35(3), 1992: distances between joint centers as fractions of hand length.
  [P96]  Pheasant, "Bodyspace", 2nd ed. 1996, table of hand dimensions of British adults: 50th percentiles of
         men and women; the mean of the two is taken here.
  [G89]  Gordon et al., "1988 anthropometric survey of U.S. Army personnel", NATICK/TR-89/044: spreads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

# [P96] mm: wrist crease to middle fingertip, men 189 and women 174.
HAND_LENGTH = 181.5

# [B92] fractions of hand length. Thumb: metacarpal, proximal, distal; fingers: proximal, middle, distal, the
# last to the fingertip.
LINK_FRACTIONS: dict[str, tuple[float, float, float]] = {
    "thumb": (0.251, 0.196, 0.158),
    "index": (0.245, 0.143, 0.097),
    "middle": (0.266, 0.170, 0.108),
    "ring": (0.244, 0.165, 0.107),
    "little": (0.204, 0.117, 0.093),
}

# [B92] wrist to the thumb's CMC and the fingers' MCP joints, fractions of hand length.
WRIST_FRACTIONS: dict[str, float] = {
    "thumb": 0.118,
    "index": 0.463,
    "middle": 0.446,
    "ring": 0.421,
    "little": 0.414,
}

# [P96] mm, means of the 50th percentiles of men and women.
HAND_BREADTH = 81.5  # across the metacarpal heads, 87 and 76
HAND_THICKNESS = 30.5  # at the middle metacarpal head, 33 and 28
INDEX_PIP_BREADTH, INDEX_PIP_THICKNESS = 19.5, 17.5  # 21 and 18; 19 and 16
THUMB_IP_BREADTH, THUMB_IP_THICKNESS = 21.0, 20.0  # 23 and 19; 22 and 18
FINGER_LENGTHS = {
    "thumb": 49.0,
    "index": 69.5,
    "middle": 80.0,
    "ring": 69.0,
    "little": 52.5,
}  # from the crease

# [G89] mm: wrist circumference, men 174 and women 151.
WRIST_CIRCUMFERENCE = 163.0

FINGER_ORDER = ("thumb", "index", "middle", "ring", "little")


def _ones() -> np.ndarray:
    return np.ones(5)


@dataclass(frozen=True)
class Measures:
    """One hand, as factors on the published means; arrays of 5 run from thumb to little finger."""

    size: float = 1.0
    palm_length: float = 1.0
    palm_breadth: float = 1.0
    palm_thickness: float = 1.0
    wrist_girth: float = 1.0
    thenar: float = 1.0
    hypothenar: float = 1.0
    tip_girth: float = 1.0
    knuckles: float = 1.0
    finger_length: np.ndarray = field(default_factory=_ones)
    finger_breadth: np.ndarray = field(default_factory=_ones)
    finger_thickness: np.ndarray = field(default_factory=_ones)
