"""What the running nodes publish, subscribe to and serve is what `topics` states, name and type."""

from __future__ import annotations

import contextlib
from importlib.util import find_spec

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lgnet_ros.msg import Hands
from rclpy.parameter import Parameter
from ros_rig import Spinner, hands_node_with, wait_for_listeners, wait_until

from lgnet_ros.node.handover_node import HandoverNode
from lgnet_ros.node.topics import COMPRESSED, DEPTH, DETECTIONS, IMAGE, NODES

OF_EVERY_NODE = ("rcl_interfaces/", "lifecycle_msgs/", "type_description_interfaces/")
KINDS = {"in": ("subscriber", "msg"), "out": ("publisher", "msg"), "service": ("service", "srv")}


def stated(node, place, unused=()):
    """Per kind the names and types of all at that place of the README but for what is unused."""
    return {
        title: {
            node.resolve_topic_name(topic.name): [topic.type.replace("/", f"/{folder}/")]
            for topic in NODES[place].get(title, ())
            if topic not in unused
        }
        for title, (_, folder) in KINDS.items()
    }


def opened(rig, node):
    """The same as the rig finds it in the graph, without what rclpy opens for every node."""
    found = {
        title: getattr(rig.node, f"get_{kind}_names_and_types_by_node")(node.get_name(), "/")
        for title, (kind, _) in KINDS.items()
    }
    return {
        title: {name: types for name, types in pairs if not types[0].startswith(OF_EVERY_NODE)}
        for title, pairs in found.items()
    }


def check(rig, node, wanted):
    wait_until(lambda: node.get_name() in rig.node.get_node_names())
    with contextlib.suppress(AssertionError):  # the comparison below says what differs
        wait_until(lambda: opened(rig, node) == wanted)
    assert opened(rig, node) == wanted


@pytest.mark.parametrize(
    ("parameters", "unused"),
    [
        ({"use_depth": True}, (COMPRESSED, DETECTIONS)),
        ({"image_transport": "compressed"}, (IMAGE, DEPTH, DETECTIONS)),
        pytest.param(
            {"detector": "external"},
            (COMPRESSED, DEPTH),
            marks=pytest.mark.skipif(find_spec("vision_msgs") is None, reason="vision_msgs is not installed"),
        ),
    ],
)
def test_hands_node_opens_what_is_stated(rig, double, monkeypatch, parameters, unused):
    with hands_node_with(double, monkeypatch, **parameters) as node:
        check(rig, node, stated(node, "topics", unused))


@pytest.fixture
def handover(rig):
    """A HandoverNode that asks where the robot is as soon as there is an answer of the hands node."""
    node = HandoverNode(context=rig.context, parameter_overrides=[Parameter("robot_frame", value="base")])
    spinner = Spinner(node, rig.context)
    yield node
    spinner.close()
    node.destroy_node()


def test_handover_node_opens_what_is_stated(rig, handover):
    perception = rig.node.create_publisher(Hands, "hands/hands", 5)
    wait_for_listeners(perception)
    perception.publish(Hands())
    check(rig, handover, stated(handover, "handover_topics"))
