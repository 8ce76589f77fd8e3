"""The outline of a finger: how wide and how deep it is at each station, and its implicit surface."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from lgnet_ros.hand_model.open_hand.anthropometry import (
    FINGER_ORDER,
    INDEX_PIP_BREADTH,
    INDEX_PIP_THICKNESS,
    THUMB_IP_BREADTH,
    THUMB_IP_THICKNESS,
    Measures,
)
from lgnet_ros.hand_model.open_hand.primitives import oval_tube
from lgnet_ros.hand_model.open_hand.skeleton import Finger

# Station (0 MCP, 1 PIP, 2 DIP, 3 tip), then half width, height above the axis and below it, in units of half
# the published breadth (width) and thickness (heights) at PIP. Joints are wide and low underneath, where the
# creases are; phalanges are narrow with full pads; the last pad is deepest at its middle.
_FINGER_OUTLINE = np.array([
    (0.08, 0.80, 0.80, 0.95),
    (0.25, 0.95, 0.90, 1.12),
    (0.42, 1.02, 0.94, 1.22),
    (0.62, 1.00, 0.92, 1.20),
    (0.84, 0.985, 0.91, 1.08),
    (1.00, 1.00, 0.97, 1.03),
    (1.18, 0.96, 0.89, 1.05),
    (1.50, 0.90, 0.80, 1.06),
    (1.84, 0.86, 0.76, 0.92),
    (2.00, 0.865, 0.77, 0.86),
    (2.22, 0.83, 0.70, 0.90),
    (2.50, 0.82, 0.62, 0.93),
    (2.76, 0.73, 0.54, 0.85),
])  # fmt: skip

# The thumb: 0 MCP, 1 IP, 2 tip; units of its breadth and thickness at IP.
_THUMB_OUTLINE = np.array([
    (-0.15, 0.90, 0.85, 1.00),
    (0.05, 1.04, 1.02, 1.14),
    (0.30, 0.97, 0.93, 1.10),
    (0.60, 0.93, 0.88, 1.06),
    (0.85, 0.97, 0.92, 1.02),
    (1.00, 1.00, 0.97, 1.03),
    (1.20, 1.00, 0.86, 1.08),
    (1.48, 1.02, 0.70, 1.08),
    (1.74, 0.94, 0.56, 0.96),
])  # fmt: skip

_HALF_UNITS = {"thumb": (THUMB_IP_BREADTH / 2, THUMB_IP_THICKNESS / 2)}
_INDEX_HALF_UNITS = (INDEX_PIP_BREADTH / 2, INDEX_PIP_THICKNESS / 2)
# Girth of the other fingers against the index finger's.
_GIRTHS = {"index": 1.0, "middle": 1.02, "ring": 0.95, "little": 0.83}


class FingerShape:
    """The implicit surface of one finger from inside the palm to its tip."""

    def __init__(self, finger: Finger, measures: Measures) -> None:
        self.finger = finger
        index = FINGER_ORDER.index(finger.name)
        outline = _THUMB_OUTLINE if finger.name == "thumb" else _FINGER_OUTLINE
        self._along = (
            finger.along(np.clip(outline[:, 0], 0, None)) + np.minimum(outline[:, 0], 0) * finger.joints[1]
        )
        units = _HALF_UNITS.get(finger.name) or tuple(u * _GIRTHS[finger.name] for u in _INDEX_HALF_UNITS)
        scale = measures.size * np.array(
            [measures.finger_breadth[index], *[measures.finger_thickness[index]] * 2]
        )
        semi_axes = outline[:, 1:] * np.array([units[0], units[1], units[1]]) * scale
        semi_axes = self._with_knuckles(outline[:, 0], semi_axes, measures.knuckles, measures.tip_girth)
        self._profile = PchipInterpolator(self._along, semi_axes, axis=0)
        self._cap_start, self._end = self._along[-1], finger.joints[-1]

    @staticmethod
    def _with_knuckles(
        stations: np.ndarray, semi_axes: np.ndarray, knuckles: float, tip: float
    ) -> np.ndarray:
        """Widen the joints and the last segment by their factors."""
        joints = np.exp(-(((stations - np.round(stations)) / 0.12) ** 2)) * (stations > 0.5)
        last = np.clip(stations - (stations[-1] // 1) + 0.2, 0, 1)
        return semi_axes * (1 + (knuckles - 1) * joints + (tip - 1) * last)[:, None]

    def semi_axes(self, along: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Half width, dorsal and palmar height along the finger, and how far beyond its ends it is (mm)."""
        inside = np.clip(along, self._along[0], self._cap_start)
        half_width, dorsal, palmar = self._profile(inside).T
        return half_width, dorsal, palmar, along - inside

    def center_drop(self, along: np.ndarray) -> np.ndarray:
        """How far the middle of the section sinks towards the pad near the tip, mm."""
        share = np.clip((along - self._cap_start) / (self._end - self._cap_start), 0, 1.2)
        return 0.12 * self._profile(self._cap_start)[2] * share**2

    def distance(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) → (N,): negative inside the finger."""
        local = self.finger.local(points)
        half_width, dorsal, palmar, beyond = self.semi_axes(local[:, 0])
        local = local + np.stack(
            [np.zeros(len(local)), self.center_drop(local[:, 0]), np.zeros(len(local))], 1
        )
        # The tip is a cap: half an ellipsoid that ends where the bone's axis meets the skin.
        cap = np.maximum(beyond, 0) / (self._end - self._cap_start)
        shrink = np.sqrt(np.clip(1 - cap**2, 0.02, 1))
        over = np.maximum(local[:, 0] - self._end, 0) + np.maximum(-beyond, 0)
        return oval_tube(local, half_width * shrink, dorsal * shrink, palmar * shrink, over)
