"""The newest transforms on /tf and /tf_static: what stands in for tf2_ros where that is missing."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from lgnet_ros.node.messages import rotation_of, xyz

Placement = tuple[np.ndarray, np.ndarray]
"""A frame in another: R_target_source (3,3), and the source's origin (3,) m in the target's axes."""

_MOST_LINKS = 100  # of a chain; more are a circle


class NewestTransforms:
    """Knows of every frame its newest place in its parent, and so of any two frames how they lie."""

    def __init__(self, node: Node) -> None:
        self._parents: dict[str, tuple[str, Placement]] = {}
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(TFMessage, "/tf", self.add, QoSProfile(depth=100))
        node.create_subscription(TFMessage, "/tf_static", self.add, latched)

    def add(self, message: TFMessage) -> None:
        """Take in what a broadcaster says."""
        for transform in message.transforms:
            self._parents[transform.child_frame_id] = (transform.header.frame_id, placement(transform))

    def lookup(self, target: str, source: str) -> Placement | None:
        """How `source` lies in `target`; None if the two do not hang together."""
        in_root, chain = self._up(source), self._up(target)
        common = next((frame for frame in chain if frame in in_root), None)
        if common is None:
            return None
        (turn, at), (target_turn, target_at) = in_root[common], chain[common]
        return target_turn.T @ turn, target_turn.T @ (at - target_at)

    def _up(self, frame: str) -> dict[str, Placement]:
        """The frame's place in itself, in its parent, and so on up to the root."""
        chain = {frame: (np.eye(3), np.zeros(3))}
        current = frame
        while current in self._parents and len(chain) < _MOST_LINKS:
            parent, (turn, at) = self._parents[current]
            rotation, position = chain[current]
            if parent in chain:
                break
            chain[parent] = (turn @ rotation, turn @ position + at)
            current = parent
        return chain


def placement(transform: TransformStamped) -> Placement:
    """A geometry_msgs/TransformStamped as rotation and position."""
    at, turn = transform.transform.translation, transform.transform.rotation
    return rotation_of(turn), xyz(at)
