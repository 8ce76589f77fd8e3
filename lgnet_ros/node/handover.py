"""`~/handover`: click a hand in RViz, and a robot gets the pose at which to wait in front of its palm."""

from __future__ import annotations

import functools
import math

import numpy as np
from geometry_msgs.msg import Pose, PoseStamped, Quaternion
from rclpy.node import Node
from visualization_msgs.msg import (
    InteractiveMarker,
    InteractiveMarkerControl,
    InteractiveMarkerFeedback,
    Marker,
)

from lgnet_ros.interaction.approach import approach_pose
from lgnet_ros.msg import Hand as HandMsg
from lgnet_ros.msg import Hands
from lgnet_ros.node import compat, topics
from lgnet_ros.node.colors import CHOSEN_COLOR
from lgnet_ros.node.markers import SIDE_COLORS, color
from lgnet_ros.node.messages import SIDE_NAMES, palm_of, pose, rotation_of
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.qos import RESULTS
from lgnet_ros.pipeline.so3 import quaternions

NAMESPACE = "~/handover"
_SPHERE_SIZE_M = 0.07


class Handover:
    """A clickable sphere in every palm, and the target of the hand that was clicked last.

    The choice holds for one tracked hand: another hand, or the same one found again later under a new track
    id, is not approached before it has been clicked itself. A second click takes the choice back.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._server = compat.interactive_marker_server(node, NAMESPACE)
        self._target = node.create_publisher(PoseStamped, topics.HANDOVER_TARGET.name, RESULTS)
        self.chosen: int | None = None
        """Track id of the hand that was clicked last."""
        self._shown: dict[str, bool] = {}  # name of the marker -> whether it is shown as chosen

    def close(self) -> None:
        """Give server and publisher back."""
        self._server.shutdown()
        self._node.destroy_publisher(self._target)

    def update(self, message: Hands, parameters: HandsParameters) -> None:
        """Move the spheres to the hands of `message`; publish the target if the chosen hand is among them."""
        hands = {_name(hand): hand for hand in message.hands}
        for name in self._shown.keys() - hands.keys():
            self._server.erase(name)
            del self._shown[name]
        for name, hand in hands.items():
            self._show(name, hand, message)
            if hand.chosen:
                pose = target_pose(hand, parameters.handover_standoff, parameters.handover_tool_rpy)
                self._target.publish(PoseStamped(header=message.header, pose=pose))
        self._server.applyChanges()

    def _show(self, name: str, hand: HandMsg, message: Hands) -> None:
        if self._shown.get(name) == hand.chosen:
            self._server.setPose(name, hand.palm, message.header)
            return
        marker = clickable_marker(name, hand)
        marker.header = message.header
        self._server.insert(marker, feedback_callback=self._on_feedback)
        self._shown[name] = hand.chosen

    def _on_feedback(self, feedback: InteractiveMarkerFeedback) -> None:
        self.chosen = chosen_after(feedback, self.chosen)


def chosen_after(feedback: InteractiveMarkerFeedback, chosen: int | None) -> int | None:
    """The track id of the chosen hand after what RViz says: a click chooses, a second one takes it back."""
    number = feedback.marker_name.rsplit("_", 1)[-1]
    if feedback.event_type != InteractiveMarkerFeedback.BUTTON_CLICK or not number.isdecimal():
        return chosen
    return None if int(number) == chosen else int(number)


def clickable_marker(name: str, hand: HandMsg) -> InteractiveMarker:
    """A translucent sphere in the palm that can be clicked. A primitive: meshes here would end RViz."""
    rgb = CHOSEN_COLOR if hand.chosen else SIDE_COLORS[SIDE_NAMES[hand.side]]
    sphere = Marker(type=Marker.SPHERE, color=color(rgb, 0.45))
    sphere.scale.x = sphere.scale.y = sphere.scale.z = _SPHERE_SIZE_M
    sphere.pose.orientation.w = 1.0
    button = InteractiveMarkerControl(
        name="choose",
        interaction_mode=InteractiveMarkerControl.BUTTON,
        always_visible=True,
        markers=[sphere],
    )
    button.orientation.w = 1.0
    description = "handover target" if hand.chosen else ""
    return InteractiveMarker(
        name=name, description=description, pose=hand.palm, scale=_SPHERE_SIZE_M, controls=[button]
    )


def target_pose(hand: HandMsg, standoff_m: float, tool_rpy_deg: tuple[float, float, float]) -> Pose:
    """Where the tool waits: see `approach_pose`.

    tool_rpy_deg: roll, pitch and yaw of the tool in the approach frame, degrees.
    """
    tool = approach_pose(palm_of(hand), standoff_m, _mounting(tool_rpy_deg))
    return pose(tool.position.tolist(), quaternions(tool.rotation[None])[0].tolist())


@functools.lru_cache(maxsize=4)
def _mounting(tool_rpy_deg: tuple[float, float, float]) -> np.ndarray:
    """(3, 3) R_approach_tool."""
    x, y, z, w = compat.quaternion_from_rpy(*(math.radians(angle) for angle in tool_rpy_deg))
    return rotation_of(Quaternion(x=x, y=y, z=z, w=w))


def _name(hand: HandMsg) -> str:
    return f"{SIDE_NAMES[hand.side]}_{hand.track_id}"
