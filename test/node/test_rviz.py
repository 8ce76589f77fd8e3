"""What RViz is set up to show is what hands_node and handover_node publish, under the launch file's names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")

from hand_frames import random_frame
from std_msgs.msg import Header

from lgnet_ros.node.messages import frame_prefix, hand_transforms, hands_message
from lgnet_ros.node.topics import NODES

ROOT = Path(__file__).parents[2]
NAMES = {"topics": "hands", "handover_topics": "handover"}
STATED = {
    topic.name.replace("~", f"/{NAMES[place]}"): topic.type
    for place, kinds in NODES.items()
    for topics in kinds.values()
    for topic in topics
}
TYPES = {
    "Image": "sensor_msgs/Image",
    "MarkerArray": "visualization_msgs/MarkerArray",
    "PointCloud2": "sensor_msgs/PointCloud2",
    "Pose": "geometry_msgs/PoseStamped",
}
INTERACTIVE = {
    "update": "visualization_msgs/InteractiveMarkerUpdate",
    "feedback": "visualization_msgs/InteractiveMarkerFeedback",
    "get_interactive_markers": "visualization_msgs/GetInteractiveMarkers",
}
SETTINGS = yaml.safe_load((ROOT / "config" / "hands.rviz").read_text())
DISPLAYS = [
    (display["Class"].removeprefix("rviz_default_plugins/"), display)
    for display in SETTINGS["Visualization Manager"]["Displays"]
]


def shown():
    """Names and types of all that the displays listen to and talk to."""
    for kind, display in DISPLAYS:
        if "Topic" in display:
            yield display["Topic"]["Value"], TYPES[kind]
        if kind == "InteractiveMarkers":
            for name, message in INTERACTIVE.items():
                yield f"{display['Interactive Markers Namespace']}/{name}", message


def test_every_display_shows_a_topic_that_is_published_as_what_it_takes():
    assert {name: STATED.get(name) for name, _ in shown()} == dict(shown())


def test_every_marker_is_shown():
    markers = {name for name, kind in STATED.items() if kind == "visualization_msgs/MarkerArray"}
    assert markers and markers <= dict(shown()).keys()


def test_a_namespace_moves_every_topic_that_is_shown():
    tree = ast.parse((ROOT / "launch" / "hands.launch.py").read_text())
    values = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    moved = ast.literal_eval(values["SHOWN"])
    assert {f"/{name}" for name in moved} == dict(shown()).keys()


@pytest.mark.parametrize(("prefix", "several"), [("", False), ("camera1_", True)])
def test_the_hands_frames_are_shown_and_no_others(rng, prefix, several):
    (display,) = [display for kind, display in DISPLAYS if kind == "TF"]
    message = hands_message(random_frame(rng), Header(frame_id="camera"), "test", True)
    names = [
        transform.child_frame_id
        for hand in message.hands
        for transform in hand_transforms(hand, message.header, frame_prefix(hand, prefix, several))
    ]
    chosen = re.compile(display["Filter (whitelist)"])
    assert display["Enabled"] and len(names) == 44 and all(chosen.search(name) for name in names)
    for name in ("camera_optical_frame", "map", "left_wrist_roll_link", "right_gripper_palm_link"):
        assert not chosen.search(name)
