"""A subscription that goes on matching its publishers, whatever they offer and whenever they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from lgnet_ros.node import compat
from lgnet_ros.node.faults import FaultKind, FaultLog
from lgnet_ros.node.qos import same_request, subscription_profile


class MatchedSubscription:
    """Subscribes with the quality of service that its publishers offer, and again when that changes.

    `check` is to be called now and then: older distributions tell nobody that a publisher has come.
    """

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        callback: Callable[[Any], None],
        choice: str,
        faults: FaultLog,
    ) -> None:
        """
        Args:
            node: that subscribes.
            message_type: of the topic.
            topic: relative to the node's namespace; remappings apply.
            callback: called in the executor's thread.
            choice: the parameter `image_qos`.
            faults: where incompatible publishers are reported.
        """
        self._node, self._type, self._callback = node, message_type, callback
        self._choice, self._faults = choice, faults
        self.topic = node.resolve_topic_name(topic)
        self._profile = self._wanted_profile()
        self._subscription = self._subscribe()

    @property
    def profile(self) -> QoSProfile:
        """What is asked of the publishers now."""
        return self._profile

    @property
    def publishers(self) -> int:
        """How many publishers there are on the topic, compatible or not."""
        return self._node.count_publishers(self.topic)

    def check(self) -> None:
        """Subscribe anew if the publishers now offer something else."""
        wanted = self._wanted_profile()
        if not same_request(wanted, self._profile):
            self._profile = wanted
            self._node.destroy_subscription(self._subscription)
            self._subscription = self._subscribe()

    def close(self) -> None:
        """Give the subscription back."""
        self._node.destroy_subscription(self._subscription)

    def _wanted_profile(self) -> QoSProfile:
        return subscription_profile(self._choice, self._node.get_publishers_info_by_topic(self.topic))

    def _subscribe(self) -> Any:
        return compat.subscription_that_warns(
            self._node, self._type, self.topic, self._callback, self._profile, self._report_incompatible
        )

    def _report_incompatible(self, _event: object) -> None:
        self._faults.report(
            FaultKind.INCOMPATIBLE_QOS,
            f"a publisher on {self.topic} offers less than is asked ({describe(self._profile)});"
            " set image_qos to auto or best_effort",
        )


def describe(profile: QoSProfile) -> str:
    """Reliability and durability in words."""
    return f"{profile.reliability.name.lower()}, {profile.durability.name.lower()}"
