"""The node `viewer`: shows in a browser what the other nodes publish. `make run VIEW=1`.

It draws the newest message of every topic a few times a second, so that a slow browser costs the others
nothing. Everything is drawn in the images' frame.
"""

from __future__ import annotations

import functools
import socket
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import ColorRGBA
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import InteractiveMarkerFeedback, MarkerArray

from lgnet_ros.errors import UserError
from lgnet_ros.interaction.handover import HANDOVER_STATES
from lgnet_ros.msg import Handover, Hands
from lgnet_ros.node.clocks import steady_timer
from lgnet_ros.node.colors import CHOSEN_COLOR
from lgnet_ros.node.exiting import end_process, leave_nothing
from lgnet_ros.node.messages import SIDE_NAMES
from lgnet_ros.node.model_id import is_untrained
from lgnet_ros.node.parameter_rules import declare, read
from lgnet_ros.node.running import run_until_stopped
from lgnet_ros.node.viewer.parameters import ViewerParameters
from lgnet_ros.node.viewer.scene import Scene
from lgnet_ros.node.viewer.shapes import Name

MARKER_FOLDERS = {
    "hands/markers": "/hands/markers",
    "hands/interaction_markers": "/interaction/markers",
    "handover/markers": "/handover/markers",
    "handover_arm/markers": "/handover/arm",
}
_NO_SIDE = "neither"  # of a hand that another program has sent
_TIMEOUT_S = 1.0  # as in config/hands.rviz: what is older does not stand for what there is
_NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class ViewerNode(Node):
    """Listens, and draws at its own rate."""

    def __init__(self, **options: object) -> None:
        """options: as `rclpy.node.Node` takes them, for tests.

        Raises:
            UserError: viser is not installed, a parameter is wrong, or this machine has no such address.
        """
        viser = _viser()
        super().__init__("viewer", **options)
        leave_nothing(self)
        declare(self, ViewerParameters)
        values = read(self, ViewerParameters)
        _require_address(values.host)
        self.server = viser.ViserServer(values.host, values.port, label="lgnet_ros", verbose=False)
        self.address = f"http://{values.host}:{self.server.get_port()}"
        self.scene = Scene(self.server, self._on_click)
        self._newest: dict[str, Any] = {}
        self._frames: dict[str, tuple[float, TransformStamped]] = {}
        self._track_names: dict[Name, str] = {}
        self._chosen: set[Name] = set()
        self._words = {"hands": "waiting for the hands node", "handover": ""}
        self._heard_s: dict[str, float] = {}
        self._clicks = self.create_publisher(InteractiveMarkerFeedback, "hands/handover/feedback", 5)
        self._listen()
        steady_timer(self, 1 / values.rate, self._draw)
        self.get_logger().info(f"showing at {self.address}")

    def destroy_node(self) -> None:
        """Leave the graph and close the server."""
        super().destroy_node()
        self.server.stop()

    def _listen(self) -> None:
        kinds = {
            "hands/hands": Hands,
            "hands/overlay": Image,
            "hands/keepout": PointCloud2,
            "hands/handover/target": PoseStamped,
            "handover/state": Handover,
        }
        for topic, kind in kinds.items():
            self.create_subscription(kind, topic, functools.partial(self._newest.__setitem__, topic), _NEWEST)
        for topic in MARKER_FOLDERS:
            # As bytes: two meshes take rclpy 20 ms to unpack, which only those that are drawn are worth.
            keep = functools.partial(self._newest.__setitem__, topic)
            self.create_subscription(MarkerArray, topic, keep, _NEWEST, raw=True)
        self.create_subscription(TFMessage, "/tf", self._on_frames, 50)

    def _on_frames(self, message: TFMessage) -> None:
        now_s = time.monotonic()
        self._frames.update({t.child_frame_id: (now_s, t) for t in message.transforms})

    def _draw(self) -> None:
        now_s, newest = time.monotonic(), dict(self._newest)
        self._newest.clear()
        self._heard_s.update(dict.fromkeys(newest, now_s))
        if "hands/handover/target" in newest:
            self.scene.show_target(newest["hands/handover/target"].pose, now_s + _TIMEOUT_S)
        if "hands/hands" in newest:
            self._show_hands(newest["hands/hands"], now_s)
        for topic in MARKER_FOLDERS.keys() & newest.keys():
            array = deserialize_message(newest[topic], MarkerArray)
            self._paint_chosen(array)
            self.scene.show_markers(MARKER_FOLDERS[topic], array, now_s)
        self.scene.expire(now_s)
        if "hands/overlay" in newest:
            self.scene.show_picture(_pixels(newest["hands/overlay"]))
        if "hands/keepout" in newest:
            points = np.frombuffer(newest["hands/keepout"].data, np.float32).reshape(-1, 3)
            self.scene.show_keepout(points, now_s + _TIMEOUT_S)
        if "handover/state" in newest:
            self._words["handover"] = handover_words(newest["handover/state"])
        self._mention_silence(now_s)
        self.scene.say("\n\n".join(words for words in self._words.values() if words))

    def _show_hands(self, message: Hands, now_s: float) -> None:
        """The frames directly under the images', the hands' names, which is chosen, and words about them."""
        self._frames = {
            name: (since_s, t) for name, (since_s, t) in self._frames.items() if now_s - since_s < _TIMEOUT_S
        }
        parent = message.header.frame_id
        shown = [t for _, t in self._frames.values() if t.header.frame_id == parent]
        self.scene.show_frames(shown, now_s + _TIMEOUT_S)
        self._track_names, self._chosen, seen = {}, set(), Counter[str]()
        for hand in message.hands:
            side = SIDE_NAMES.get(hand.side, _NO_SIDE)
            self._track_names[f"{side}_mesh", seen[side]] = f"{side}_{hand.track_id}"
            if hand.chosen:
                self._chosen |= {(f"{side}_mesh", seen[side]), (f"{side}_joints", seen[side])}
            seen[side] += 1
        if not self._chosen:
            self.scene.hide_target()
        self._words["hands"] = hands_words(message)

    def _paint_chosen(self, array: MarkerArray) -> None:
        """RViz shows a sphere in the palm to click on; here it is the hand itself that is clicked."""
        for marker in array.markers:
            if (marker.ns, marker.id) in self._chosen:
                red, green, blue = CHOSEN_COLOR
                marker.color = ColorRGBA(r=red, g=green, b=blue, a=marker.color.a)

    def _mention_silence(self, now_s: float) -> None:
        """In place of words about what was once seen: their node, or the camera, may have died."""
        silence = {topic: now_s - since_s for topic, since_s in self._heard_s.items()}
        if silence.get("hands/hands", 0.0) > _TIMEOUT_S:
            self._words["hands"] = f"no answer of the hands node for {silence['hands/hands']:.0f} s"
        if silence.get("handover/state", 0.0) > _TIMEOUT_S:
            self._words["handover"] = "handover: no answer"

    def _on_click(self, name: Name) -> None:
        """A mesh was clicked: choose its hand, as a click in RViz does."""
        track = self._track_names.get(name)
        if track is not None:
            click = InteractiveMarkerFeedback.BUTTON_CLICK
            feedback = InteractiveMarkerFeedback(client_id="viewer", marker_name=track, event_type=click)
            self._clicks.publish(feedback)


def hands_words(message: Hands) -> str:
    """What is seen, in Markdown."""
    hands = [
        f"{SIDE_NAMES.get(hand.side, _NO_SIDE)} {hand.score:.2f}{' (chosen)' if hand.chosen else ''}"
        for hand in message.hands
    ]
    untrained = is_untrained(message.model_id)
    warning = "\n\n**WEIGHTS UNTRAINED: the hands shown mean nothing**" if untrained else ""
    seen = ", ".join(hands) or "no hand"
    return f"**{seen}**, {1e3 * message.latency:.0f} ms old  \n{message.model_id}{warning}"


def handover_words(report: Handover) -> str:
    """What the chosen hand means, in Markdown."""
    who = SIDE_NAMES.get(report.side, _NO_SIDE) if report.seen else "no hand"
    state = HANDOVER_STATES[report.state]
    return f"handover: {who} **{state}** {report.reason}"


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM. Returns the exit status: 2 without viser."""
    return run_until_stopped("viewer_node", ViewerNode, args)


def _viser() -> Any:
    try:
        import viser
    except ImportError as error:
        raise UserError(
            f"the view in a browser needs viser ({error}): `make run VIEW=1` brings it, or pip install viser"
        ) from None
    return viser


def _require_address(host: str) -> None:
    """viser would try for ever."""
    try:
        family, *_, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"host '{host}': not an address of this machine ({reason})") from None


def _pixels(image: Image) -> np.ndarray:
    return np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)


if __name__ == "__main__":
    end_process(main())
