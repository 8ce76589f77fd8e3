"""Markers that can be clicked in RViz: what stands in for interactive_markers where that is missing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import Pose
from rclpy.node import Node
from std_msgs.msg import Header
from visualization_msgs.msg import (
    InteractiveMarker,
    InteractiveMarkerFeedback,
    InteractiveMarkerPose,
    InteractiveMarkerUpdate,
)
from visualization_msgs.srv import GetInteractiveMarkers


class ClickServer:
    """interactive_markers.InteractiveMarkerServer, as far as markers that are moved and clicked need it."""

    def __init__(self, node: Node, namespace: str) -> None:
        self._node, self._lock, self._sequence = node, threading.Lock(), 0
        self._markers: dict[str, InteractiveMarker] = {}
        self._callbacks: dict[str, Callable[[InteractiveMarkerFeedback], None]] = {}
        self._pending = InteractiveMarkerUpdate(type=InteractiveMarkerUpdate.UPDATE)
        self._service = node.create_service(
            GetInteractiveMarkers, f"{namespace}/get_interactive_markers", self._answer
        )
        self._publisher = node.create_publisher(InteractiveMarkerUpdate, f"{namespace}/update", 100)
        self._subscription = node.create_subscription(
            InteractiveMarkerFeedback, f"{namespace}/feedback", self._on_feedback, 1
        )

    def insert(self, marker: InteractiveMarker, *, feedback_callback: Callable[..., None]) -> None:
        with self._lock:
            self._markers[marker.name] = marker
            self._callbacks[marker.name] = feedback_callback
            self._pending.markers.append(marker)

    def setPose(self, name: str, pose: Pose, header: Header) -> None:  # noqa: N802 (interactive_markers' name)
        with self._lock:
            marker = self._markers[name]
            marker.pose, marker.header = pose, header
            self._pending.poses.append(InteractiveMarkerPose(header=header, pose=pose, name=name))

    def erase(self, name: str) -> None:
        with self._lock:
            del self._markers[name]
            self._pending.erases.append(name)

    def applyChanges(self) -> None:  # noqa: N802
        with self._lock:
            update, self._pending = (
                self._pending,
                InteractiveMarkerUpdate(type=InteractiveMarkerUpdate.UPDATE),
            )
            if not (update.markers or update.poses or update.erases):
                return
            self._sequence += 1
            update.seq_num = self._sequence
            self._publisher.publish(update)

    def shutdown(self) -> None:
        self._node.destroy_service(self._service)
        self._node.destroy_publisher(self._publisher)
        self._node.destroy_subscription(self._subscription)

    def _on_feedback(self, feedback: InteractiveMarkerFeedback) -> None:
        with self._lock:
            callback = (
                self._callbacks.get(feedback.marker_name) if feedback.marker_name in self._markers else None
            )
        if callback is not None:
            callback(feedback)
            self.applyChanges()

    def _answer(self, _request: Any, response: Any) -> Any:
        with self._lock:
            response.sequence_number = self._sequence
            response.markers = list(self._markers.values())
            return response
