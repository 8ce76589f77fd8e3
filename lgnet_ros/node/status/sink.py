"""Somebody who takes everything: subscribes to every output of hands_node, so that none is left out for want
of an audience. In a process of its own, for what it costs to receive is not the node's.
"""

from __future__ import annotations

import importlib
import sys

from rclpy.node import Node

from lgnet_ros.node.exiting import end_process
from lgnet_ros.node.qos import RESULTS
from lgnet_ros.node.running import run_until_stopped
from lgnet_ros.node.topics import OUTPUTS, OVERLAY, Topic


class Sink(Node):
    """Receives, and unpacks nothing."""

    def __init__(self) -> None:
        super().__init__("sink")
        self.declare_parameter("overlay", True)
        wanted = [topic for topic in OUTPUTS if topic is not OVERLAY or self.get_parameter("overlay").value]
        for topic in wanted:
            name = topic.name.replace("~", "hands", 1)
            self.create_subscription(message_type(topic), name, lambda _: None, RESULTS, raw=True)


def message_type(topic: Topic) -> type:
    """The class of a topic's messages."""
    package, name = topic.type.split("/")
    return getattr(importlib.import_module(f"{package}.msg"), name)


if __name__ == "__main__":
    end_process(run_until_stopped("sink", Sink, sys.argv))
