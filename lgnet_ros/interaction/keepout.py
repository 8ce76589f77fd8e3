"""The volume to stay out of: the hand's surface, grown by what is not known of it and by how it may move.

Not a safety function: it is an estimate from one camera, as good as the estimate of the hand.
"""

from __future__ import annotations

import math

import numpy as np

from lgnet_ros.hand_model.mesh import vertex_normals
from lgnet_ros.jit import exactly

CONFIDENCE_95 = 2.796
"""How many standard deviations the ellipsoid reaches that holds 95 % of a normal distribution in 3D."""


def keepout_points(
    vertices: np.ndarray,
    faces: np.ndarray,
    position_covariance: np.ndarray,
    twist: np.ndarray,
    origin: np.ndarray,
    latency_s: float,
    margin_m: float = 0.0,
    sigmas: float = CONFIDENCE_95,
) -> np.ndarray:
    """The hand's surface pushed outwards to where it may be when the robot acts on this frame.

    Each vertex moves to the support point, along its normal, of its sum with the position's uncertainty
    ellipsoid, the way it may go within the latency, and a ball of the margin. For a convex surface that is
    the exact outline of all places the hand may be in (Minkowski sum).

    Args:
        vertices: (V, 3) m. faces: (F, 3), wound outward.
        position_covariance: (3, 3) m².
        twist: (6,) linear velocity of `origin` in m/s and angular velocity in rad/s, axes as the vertices'.
        origin: (3,) m, the point whose linear velocity the twist gives.
        latency_s: time from the image's stamp to when the robot acts.
        margin_m: extra distance. sigmas: size of the uncertainty ellipsoid in standard deviations.

    Returns:
        (V, 3) float32 points, m.
    """
    points, covariance, velocity, center = (
        np.ascontiguousarray(array, dtype=np.float64)
        for array in (vertices, position_covariance, twist, origin)
    )
    grown = np.empty(points.shape, np.float32)
    normals = vertex_normals(points, faces)
    how_far = (float(latency_s), float(margin_m), float(sigmas))
    _grow(points, normals, covariance, velocity, center, how_far, grown)
    return grown


@exactly
def _grow(
    points: np.ndarray,
    normals: np.ndarray,
    covariance: np.ndarray,
    twist: np.ndarray,
    origin: np.ndarray,
    how_far: tuple[float, float, float],
    grown: np.ndarray,
) -> None:
    """See `keepout_points`; how_far: latency (s), margin (m), standard deviations."""
    latency_s, margin_m, sigmas = how_far
    spread, velocity = np.empty(3), np.empty(3)
    for n in range(len(points)):
        point, normal = points[n], normals[n]
        along_normal = ahead = 0.0
        for x in range(3):
            y, z = (x + 1) % 3, (x + 2) % 3
            spread[x] = (
                normal[0] * covariance[0, x] + normal[1] * covariance[1, x] + normal[2] * covariance[2, x]
            )
            velocity[x] = (
                twist[x] + twist[3 + y] * (point[z] - origin[z]) - twist[3 + z] * (point[y] - origin[y])
            )
            along_normal += spread[x] * normal[x]
            ahead += velocity[x] * normal[x]
        reach = sigmas / math.sqrt(max(along_normal, 1e-18))
        seconds = latency_s if ahead > 0 else 0.0
        for x in range(3):
            grown[n, x] = point[x] + spread[x] * reach + normal[x] * margin_m + velocity[x] * seconds
