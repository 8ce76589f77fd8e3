"""What a network says about a batch of crops, as NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NetworkPrediction:
    """N crops; the hand axis of size 2 is right, left. Metres, each crop's own camera frame, float32.

    presence (N, 2): 0 to 1. joints_25d, joints_25d_std (N, 2, 21, 3): heat-map cells, see
    `lgnet_ros.network.heatmap`.
    rotations (N, 2, 16, 3, 3): local. shape (N, 2, 10). camera_translation (N, 2, 3): wrist as the network
    sees it. rough_vertices, vertices (N, 2, 778, 3) and rough_joints, joints (N, 2, 21, 3): relative to the
    rough mesh's wrist.
    relative_translation (N, 3): left wrist − right wrist.
    """

    presence: np.ndarray
    joints_25d: np.ndarray
    joints_25d_std: np.ndarray
    rotations: np.ndarray
    shape: np.ndarray
    camera_translation: np.ndarray
    rough_vertices: np.ndarray
    vertices: np.ndarray
    rough_joints: np.ndarray
    joints: np.ndarray
    relative_translation: np.ndarray
