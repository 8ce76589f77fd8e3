"""The volume to stay out of: the hand's surface, grown by what is not known of it and by how it may move.

Not a safety function: it is an estimate from one camera, as good as the estimate of the hand.
"""

from __future__ import annotations

import numpy as np

from lgnet_ros.hand_model.mesh import vertex_normals

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
    normals = vertex_normals(vertices, faces)
    spread = normals @ position_covariance
    along_normal = np.sqrt(np.maximum(np.einsum("vi,vi->v", spread, normals), 1e-18))
    velocity = twist[:3] + np.cross(twist[3:], vertices - origin)
    ahead = np.einsum("vi,vi->v", velocity, normals) > 0
    grown = vertices + spread * (sigmas / along_normal)[:, None] + normals * margin_m
    grown[ahead] += velocity[ahead] * latency_s
    return grown.astype(np.float32)
