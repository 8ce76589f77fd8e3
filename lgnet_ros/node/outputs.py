"""What goes out: owns every publisher of the results, and publishes a frame on all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, PointCloud2
from shape_msgs.msg import Mesh
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from lgnet_ros.msg import Hands
from lgnet_ros.node import compat, messages, topics
from lgnet_ros.node.frames import HandFrames
from lgnet_ros.node.handover import Handover
from lgnet_ros.node.interaction_markers import InteractionMarkers
from lgnet_ros.node.markers import HandMarkers, MarkerStyle, delete_all
from lgnet_ros.node.overlay_images import OverlayImages
from lgnet_ros.node.palms import PalmMessages
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.qos import LATCHED, PICTURES, RESULTS

SIDES = ("right", "left")


@dataclass(frozen=True)
class Result:
    """What there is to say about one image.

    message: with the image's header. keepout: per hand of the message, (778,3) points; None: there is no
        telling. image: (H,W,3) uint8 RGB. draw_on: draws on a copy of it; called only if somebody looks.
    """

    message: Hands
    keepout: Callable[[], Sequence[np.ndarray]] | None
    image: np.ndarray
    draw_on: Callable[[np.ndarray], None]


class Outputs:
    """The publishers, from configuration to cleanup. Used by one thread at a time."""

    def __init__(self, node: Node, faces: Mapping[str, np.ndarray]) -> None:
        """faces: per side, (1538,3) vertex indices; published at once, for whoever comes."""
        self._node = node
        self._publishers: list[Publisher] = []
        self._hands = self._publisher(Hands, topics.HANDS)
        self._markers = self._publisher(MarkerArray, topics.MARKERS)
        self._interaction = self._publisher(MarkerArray, topics.INTERACTION_MARKERS)
        self._overlay = self._publisher(Image, topics.OVERLAY, PICTURES)
        self._keepout = self._publisher(PointCloud2, topics.KEEPOUT)
        self._palms = {side: self._publisher(PoseStamped, topics.PALMS[side]) for side in SIDES}
        self._twists = {side: self._publisher(TwistStamped, topics.TWISTS[side]) for side in SIDES}
        self._broadcaster = compat.transform_broadcaster(node)
        self._publishers.append(self._broadcaster.pub_tf)
        self._hand_markers, self._interaction_markers = HandMarkers(faces), InteractionMarkers()
        self._hand_frames, self._palm_messages = HandFrames(), PalmMessages()
        self._overlay_images = OverlayImages()
        self._handover = Handover(node)
        self._shows_measured = False
        for side in SIDES:
            topology = self._publisher(Mesh, topics.MESH_TOPOLOGIES[side], LATCHED)
            topology.publish(messages.mesh_topology(faces[side]))

    def close(self) -> None:
        """Give every publisher back."""
        self._handover.close()
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        self._publishers.clear()

    def publish(self, result: Result, parameters: HandsParameters) -> None:
        """Everything about one image; of an uncalibrated camera, nothing in metres but markers."""
        message = result.message
        header = message.header
        age = self._node.get_clock().now().nanoseconds - _nanoseconds(header)
        message.latency = max(age, 0) * 1e-9
        for hand in message.hands:
            hand.chosen = hand.track_id == self._handover.chosen
        self._hands.publish(message)
        if message.calibrated:
            self._publish_frames(message, parameters)
            self._publish_palms(message)
            self._publish_interaction(result)
            self._handover.update(message, parameters)
            self._shows_measured = True
        elif self._shows_measured:  # of a camera that was calibrated until now
            self._retract_measured(header)
        if _is_wanted(self._markers):
            style = MarkerStyle(parameters.markers, parameters.marker_opacity)
            self._markers.publish(self._hand_markers.update(message, style))
        if _is_wanted(self._overlay):
            self._overlay.publish(self._overlay_images.message(result.image, result.draw_on, header))

    def clear_at_activation(self, header: Header) -> None:
        """Take away what an earlier run has left in RViz."""
        self._markers.publish(delete_all(header))
        self._interaction.publish(delete_all(header))

    def retract(self, header: Header) -> None:
        """Take the hands out of RViz, for lack of images or of activity. Silence says the rest."""
        self._markers.publish(self._hand_markers.cleared(header))
        self._retract_measured(header)

    def _retract_measured(self, header: Header) -> None:
        """What stands in the scene in metres, clickable spheres among it."""
        self._interaction.publish(self._interaction_markers.cleared(header))
        self._handover.update(Hands(header=header), HandsParameters())
        self._shows_measured = False

    def _publisher(self, kind: type, topic: topics.Topic, qos: QoSProfile = RESULTS) -> Publisher:
        publisher = self._node.create_publisher(kind, topic.name, qos)
        self._publishers.append(publisher)
        return publisher

    def _publish_frames(self, message: Hands, parameters: HandsParameters) -> None:
        if not parameters.publish_tf or not message.hands or not message.header.frame_id:
            return
        several = parameters.max_people > 1
        hands = [
            (messages.frame_prefix(hand, parameters.frame_prefix, several), hand) for hand in message.hands
        ]
        self._broadcaster.pub_tf.publish(self._hand_frames.message(hands, message.header))

    def _publish_palms(self, message: Hands) -> None:
        for hand in messages.first_person(message):
            side = messages.SIDE_NAMES[hand.side]
            self._palms[side].publish(self._palm_messages.pose(hand, message.header))
            self._twists[side].publish(self._palm_messages.twist(hand, message.header))

    def _publish_interaction(self, result: Result) -> None:
        wants_cloud, wants_markers = _is_wanted(self._keepout), _is_wanted(self._interaction)
        if not wants_cloud and not wants_markers:
            return
        keepout = None if result.keepout is None else result.keepout()
        if wants_cloud and keepout is not None:
            points = np.concatenate([np.zeros((0, 3), np.float32), *keepout])
            self._keepout.publish(compat.point_cloud(result.message.header, points))
        if wants_markers:
            self._interaction.publish(self._interaction_markers.update(result.message, keepout))


def _is_wanted(publisher: Publisher) -> bool:
    return publisher.get_subscription_count() > 0


def _nanoseconds(header: Header) -> int:
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
