"""The node `handover`: does a hand offer something to the robot, reach for something, or rest?

It listens to the hands node and says it of one hand, with the pose to approach, its uncertainty and its age,
for every answer; and goes on saying how old that is when no more answers come.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from visualization_msgs.msg import MarkerArray

from lgnet_ros.errors import UserError
from lgnet_ros.interaction.handover import RobotSide
from lgnet_ros.msg import Handover, Hands
from lgnet_ros.node import compat, topics
from lgnet_ros.node.clocks import steady_timer
from lgnet_ros.node.exiting import end_process
from lgnet_ros.node.handover_markers import handover_markers
from lgnet_ros.node.handover_parameters import HandoverParameters
from lgnet_ros.node.handover_watch import HandoverWatch
from lgnet_ros.node.parameter_rules import checked_changes, declare, read
from lgnet_ros.node.qos import RESULTS
from lgnet_ros.node.running import run_until_stopped
from lgnet_ros.node.transforms import Placement

SILENCE_S = 0.1  # without an answer for so long, the age is said again
_NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


class HandoverNode(Node):
    """Hands in, the meaning of one of them out. See the README for topics and parameters."""

    def __init__(self, **options: object) -> None:
        """options: as `rclpy.node.Node` takes them, for tests.

        Raises:
            UserError: a parameter is wrong.
        """
        super().__init__("handover", **options)
        declare(self, HandoverParameters)
        self._values = _checked(read(self, HandoverParameters))
        self._watch = HandoverWatch()
        self._transforms: compat.TransformLookup | None = None
        self._reports = self.create_publisher(Handover, topics.HANDOVER_STATE.name, RESULTS)
        self._markers = self.create_publisher(MarkerArray, topics.HANDOVER_MARKERS.name, RESULTS)
        self.create_subscription(Hands, topics.HANDOVER_HANDS.name, self._on_hands, _NEWEST)
        self._timer = steady_timer(self, SILENCE_S, self._report)
        self.add_on_set_parameters_callback(self._on_set_parameters)

    def _on_hands(self, message: Hands) -> None:
        self._watch.see(message, self._robot_side(message.header.frame_id), self._values)
        self._timer.reset()
        self._report()

    def _report(self) -> None:
        report = self._watch.report(self.get_clock().now().nanoseconds * 1e-9, self._values)
        self._reports.publish(report)
        if self._markers.get_subscription_count():
            self._markers.publish(handover_markers(report))

    def _robot_side(self, frame: str) -> RobotSide | None:
        """The robot in the frame of the hands; None while its own frame is unknown."""
        if not self._values.robot_frame:
            return self._values.stated_robot_side
        if self._transforms is None:  # every hand's frames come by there as well: only when it is needed
            self._transforms = compat.transform_lookup(self)
        placed: Placement | None = self._transforms(frame, self._values.robot_frame)
        return None if placed is None else RobotSide(position=placed[1], up=placed[0][:, 2])

    def _on_set_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        """Take or refuse; what is taken holds from the next answer on."""
        try:
            accepted = checked_changes(
                HandoverParameters, {change.name: change.value for change in changes}, configured=True
            )
            self._values = _checked(dataclasses.replace(self._values, **accepted))
        except UserError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


def _checked(parameters: HandoverParameters) -> HandoverParameters:
    """The same.

    Raises:
        UserError: values that are right one by one, but not together.
    """
    _ = parameters.stated_robot_side
    return parameters


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM. Returns the exit status."""
    return run_until_stopped("handover_node", HandoverNode, args)


if __name__ == "__main__":
    end_process(main())
