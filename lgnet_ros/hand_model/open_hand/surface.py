"""The implicit surface of the whole hand: palm, eminences, webs and fingers as one smooth solid."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from lgnet_ros.hand_model.open_hand.anthropometry import Measures
from lgnet_ros.hand_model.open_hand.fingers import FingerShape
from lgnet_ros.hand_model.open_hand.primitives import (
    ellipsoid,
    oval_tube,
    round_cone,
    smooth_cut,
    smooth_union,
)
from lgnet_ros.hand_model.open_hand.skeleton import Finger, Skeleton, build_skeleton

_PALM_FINGERS = ("index", "middle", "ring", "little")

# Where a finger's metacarpal starts at the carpus (distal, dorsal, radial), mm.
_CARPAL = {
    "index": (12.0, 1.0, 11.0),
    "middle": (12.0, 2.0, 3.0),
    "ring": (12.0, 1.5, -6.0),
    "little": (12.0, -0.5, -14.0),
}

# Half width, height above and below along a metacarpal, carpus to head, in mm for the mean hand.
_METACARPAL_STATIONS = np.array([0.0, 0.35, 0.7, 0.95, 1.12, 1.24])
_METACARPAL_SECTIONS = np.array([
    (10.0, 9.5, 12.5),
    (11.0, 10.3, 13.5),
    (11.3, 10.4, 13.5),
    (11.4, 12.9, 19.4),
    (10.2, 9.2, 16.0),
    (8.0, 7.0, 12.5),
])  # fmt: skip
_METACARPAL_PROFILE = PchipInterpolator(_METACARPAL_STATIONS, _METACARPAL_SECTIONS, axis=0)
_METACARPAL_GIRTH = {"index": (1.0, 1.0), "middle": (1.0, 1.0), "ring": (0.98, 0.97), "little": (0.98, 0.90)}


class HandSurface:
    """`distance(points)` of one hand, mm; negative inside. Points (N, 3) are (distal, dorsal, radial)."""

    def __init__(self, measures: Measures) -> None:
        self.measures = measures
        self.skeleton: Skeleton = build_skeleton(measures)
        self.fingers = {name: FingerShape(finger, measures) for name, finger in self.skeleton.fingers.items()}
        size = measures.size
        self._across = np.array([measures.palm_length, measures.palm_thickness, measures.palm_breadth]) * size

    def distance(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) → (N,)."""
        palm = self._palm(points)
        spread = np.min([self.fingers[name].distance(points) for name in _PALM_FINGERS], axis=0)
        solid = smooth_union(palm, self._webs(points), 5.0 * self.measures.size)
        solid = smooth_union(solid, spread, 7.0 * self.measures.size)
        return smooth_union(solid, self._thumb(points), 9.0 * self.measures.size)

    def gradient(self, points: np.ndarray, step: float = 0.05) -> np.ndarray:
        """(N, 3) central differences."""
        shifted = np.concatenate(
            [points + step * axis for axis in np.eye(3)] + [points - step * axis for axis in np.eye(3)]
        )
        values = self.distance(shifted).reshape(6, -1)
        return ((values[:3] - values[3:]) / (2 * step)).T

    def project(self, points: np.ndarray, steps: int = 4) -> np.ndarray:
        """Newton steps along the gradient onto the surface."""
        points = np.array(points, dtype=float)
        for _ in range(steps):
            gradient = self.gradient(points)
            squared = np.maximum((gradient**2).sum(1), 0.25)
            move = np.clip(self.distance(points) / squared, -6.0, 6.0)
            points -= move[:, None] * gradient
        return points

    def _point(self, distal: float, dorsal: float, radial: float) -> np.ndarray:
        return np.array([distal, dorsal, radial]) * self._across

    def _palm(self, points: np.ndarray) -> np.ndarray:
        """Carpus and metacarpals, the two eminences, the web to the thumb, and the hollow between them."""
        size = self.measures.size
        rays = self._metacarpal(points, _PALM_FINGERS[0])
        for name in _PALM_FINGERS[1:]:
            rays = smooth_union(rays, self._metacarpal(points, name), 8.0 * size)
        palm = smooth_union(self._wrist(points), rays, 16.0 * size)
        palm = smooth_union(palm, self._thenar(points), 9.0 * size)
        palm = smooth_union(palm, self._hypothenar(points), 9.0 * size)
        palm = smooth_union(palm, self._first_web(points), 14.0 * size)
        hollow = ellipsoid(points, self._point(52, -25, -4), np.eye(3), np.array([25, 13.5, 17.0]) * size)
        return smooth_cut(palm, hollow, 10.0 * size)

    def _thenar(self, points: np.ndarray) -> np.ndarray:
        """The ball of the thumb, along its metacarpal on the palm's side."""
        base, head = self.skeleton.thumb_cmc, self.skeleton.fingers["thumb"].origin
        along = _unit(head - base)
        girth = self.measures.thenar
        return ellipsoid(
            points,
            base + 0.44 * (head - base) + self._point(2, -5.0, -6.5),
            np.stack([along, *_perpendicular(along)]),
            np.array([30, 13.0 * girth, 15.5 * girth]) * self.measures.size,
        )

    def _hypothenar(self, points: np.ndarray) -> np.ndarray:
        """The ball of the little finger, along the ulnar edge."""
        girth = self.measures.hypothenar
        radii = np.array([31.0, 12.5 * girth, 12.0 * girth]) * self.measures.size
        return ellipsoid(points, self._point(32, -9.0, -24.5), np.eye(3), radii)

    def _first_web(self, points: np.ndarray) -> np.ndarray:
        """The fold between thumb and index finger."""
        base, head = self.skeleton.thumb_cmc, self.skeleton.fingers["thumb"].origin
        size = self.measures.size
        end = self.skeleton.fingers["index"].origin + self._point(-24, -6, -2)
        return round_cone(points, base + 0.72 * (head - base), end, (7.0 * size, 7.5 * size))

    def _wrist(self, points: np.ndarray) -> np.ndarray:
        """The end of the forearm: an oval tube, broader than deep, that runs into the carpus."""
        girth, size = self.measures.wrist_girth, self.measures.size
        local = points - np.array([0.0, -4.5, 0.5]) * size
        along = points[:, 0] / size
        grow = 1 - 0.10 * np.clip(along / 20, 0, 1)
        return oval_tube(
            local,
            29.5 * girth * size * grow,
            20.5 * girth * size * grow,
            20.5 * girth * size * grow,
            np.maximum(points[:, 0] - 6 * size, 0),
        )

    def _metacarpal(self, points: np.ndarray, name: str) -> np.ndarray:
        size, finger = self.measures.size, self.skeleton.fingers[name]
        start = self._point(*_CARPAL[name])
        axis = finger.origin - start
        ray = _ray(name, start, axis)
        local = ray.local(points)
        share = np.clip(local[:, 0] / np.linalg.norm(axis), 0, _METACARPAL_STATIONS[-1])
        breadth, height = _METACARPAL_GIRTH[name]
        thickness = height * self.measures.palm_thickness
        factors = np.array([breadth * self.measures.palm_breadth, thickness, thickness])
        sections = _METACARPAL_PROFILE(share)
        half_width, dorsal, palmar = (sections * factors * size).T
        over = local[:, 0] - share * np.linalg.norm(axis)
        return oval_tube(local, half_width, dorsal, palmar, np.abs(over))

    def _webs(self, points: np.ndarray) -> np.ndarray:
        """Skin folds between neighboring fingers, up to nearly half the proximal phalanx."""
        size = self.measures.size
        webs = []
        for one, other in zip(_PALM_FINGERS[:-1], _PALM_FINGERS[1:], strict=True):
            a, b = (self.skeleton.fingers[name] for name in (one, other))
            start, end = (f.origin + 0.28 * f.joints[1] * f.axes[0] - 4.0 * size * f.axes[1] for f in (a, b))
            webs.append(round_cone(points, start, end, (6.5 * size, 6.5 * size)))
        return np.min(webs, axis=0)

    def _thumb(self, points: np.ndarray) -> np.ndarray:
        size, finger = self.measures.size, self.skeleton.fingers["thumb"]
        girth = self.measures.finger_breadth[0] * size
        shaft = round_cone(points, self.skeleton.thumb_cmc, finger.origin, (14.0 * girth, 11.0 * girth))
        return smooth_union(shaft, self.fingers["thumb"].distance(points), 5.0 * size)


def _ray(name: str, start: np.ndarray, axis: np.ndarray) -> Finger:
    along = _unit(axis)
    dorsal = _unit(np.array([0.0, 1.0, 0.0]) - along[1] * along)
    return Finger(
        name, start, np.stack([along, dorsal, np.cross(along, dorsal)]), np.array([0.0, np.linalg.norm(axis)])
    )


def _perpendicular(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    dorsal = _unit(np.array([0.0, 1.0, 0.0]) - along[1] * along)
    return dorsal, np.cross(along, dorsal)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
