"""What the pipeline hands out for a frame. Plain values: metres, radians, the camera's optical frame
(REP-103).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lgnet_ros.interaction import Grasp, PalmPose

SCALE_SOURCES = ("shape_prior", "parameter", "depth")
"""Where a hand's metric size came from, in this order in messages."""


@dataclass(frozen=True)
class RawHand:
    """One hand as placed in this frame alone, before the temporal filter. Shapes and frames as in `Hand`."""

    joints: np.ndarray
    vertices: np.ndarray
    rotations: np.ndarray
    shape: np.ndarray


@dataclass(frozen=True)
class Hand:
    """One hand in one frame.

    side: "right" or "left". track_id: the same for the same hand as long as it is followed, never used again.
    score: presence of this hand, 0 to 1.
    joints: (21, 3) m, wrist first. vertices: (778, 3) m, the refined mesh. `joints` = joint regressor @
    `vertices`.
    rotations: (16, 3, 3) R_camera_joint of the kinematic tree's joints, in MANO's order.
    joints_image: (21, 2) pixels of the (distorted) image, pixel centres at integers.
    pose: (48,) local axis-angle, MANO's order, the model's mean pose included; the first three orient the
        wrist in the camera. With `shape` (10,) it describes the rough mesh; `vertices` are refined beyond it.
    position_covariance: (3, 3) m², of the wrist, before the filter; the unknown size of the hand is in it.
    palm: pose of the palm; see `PalmPose` for the axes.
    twist: (6,) m/s and rad/s, velocity of the palm's origin and angular velocity, camera's axes.
    scale: what the network's metric hand was multiplied by. scale_source: one of SCALE_SOURCES.
    """

    side: str
    track_id: int
    person_id: int
    score: float
    joints: np.ndarray
    vertices: np.ndarray
    rotations: np.ndarray
    joints_image: np.ndarray
    pose: np.ndarray
    shape: np.ndarray
    position_covariance: np.ndarray
    palm: PalmPose
    twist: np.ndarray
    grasp: Grasp
    scale: float
    scale_source: str
    raw: RawHand


@dataclass(frozen=True)
class HandRelation:
    """How the two hands of one person stand to each other. Hand axis: 0 = right, 1 = left.

    distance_m: least distance between the two surfaces, 0 when they touch or pass into each other.
    closest_points: (2, 3) m, where that is, on the right hand and on the left.
    contacts: (N, 3) m, points where the surfaces are within the contact distance; N may be 0.
    penetration_m: how deep the deepest vertex of one hand lies inside the other, 0 if none.
    relative_translation: (3,) m, left wrist − right wrist. relative_covariance: (3, 3) m².
    """

    track_ids: tuple[int, int]
    distance_m: float
    closest_points: np.ndarray
    contacts: np.ndarray
    penetration_m: float
    relative_translation: np.ndarray
    relative_covariance: np.ndarray


@dataclass(frozen=True)
class Frame:
    """Everything seen in one image.

    hands: by person in the order seen, right before left. relations: of each person of whom both hands are
        seen, in the same order.
    timings_ms: stage name → milliseconds; "total" is the whole step.
    crops: per crop that the network looked at in this frame, its (4, 2) corners in image pixels, clockwise
        from the top left; NaN where the camera cannot see.
    """

    stamp_s: float
    hands: tuple[Hand, ...] = ()
    relations: tuple[HandRelation, ...] = ()
    timings_ms: dict[str, float] = field(default_factory=dict)
    crops: tuple[np.ndarray, ...] = ()

    def hand(self, side: str) -> Hand | None:
        """The first hand of that side, None when there is none."""
        return next((hand for hand in self.hands if hand.side == side), None)
