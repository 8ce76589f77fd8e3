"""Quality of service: what to ask of a publisher, so that its messages arrive.

A subscription that asks for more than the publisher offers gets nothing at all. `auto` therefore asks for
exactly what is offered. The second trap is the transport's: with Fast DDS a BEST_EFFORT image of 640x480 or
more does not fit the default shared-memory segment and is lost in silence; `use_large_shared_memory` gives
every process that calls it a segment that holds several such images.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Protocol

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from lgnet_ros.errors import UserError
from lgnet_ros.paths import config_directory

# Fast DDS 2 (Humble, Jazzy; ROS package fastrtps) and Fast DDS 3 (Kilted and later; fastdds) read different
# names.
_PROFILE_VARIABLES = {
    "fastrtps": "FASTRTPS_DEFAULT_PROFILES_FILE",
    "fastdds": "FASTDDS_DEFAULT_PROFILES_FILE",
}

_TRANSPORTS_VARIABLE = "FASTDDS_BUILTIN_TRANSPORTS"  # UDPv4, say, where there is no shared memory

LATCHED = QoSProfile(
    depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, reliability=ReliabilityPolicy.RELIABLE
)
RESULTS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
PICTURES = QoSProfile(
    depth=2, reliability=ReliabilityPolicy.RELIABLE
)  # ten would fill the transport's segment


class Offer(Protocol):
    """What is used of rclpy's TopicEndpointInfo, whose module is not the same in all distributions."""

    qos_profile: QoSProfile


def newest_only(reliability: ReliabilityPolicy, durability: DurabilityPolicy) -> QoSProfile:
    """A subscription that keeps one message: an older image is of no use once a newer one is there."""
    return QoSProfile(
        depth=1, history=HistoryPolicy.KEEP_LAST, reliability=reliability, durability=durability
    )


def subscription_profile(choice: str, offered: Sequence[Offer]) -> QoSProfile:
    """The profile with which to subscribe.

    Args:
        choice: the parameter `image_qos`: "auto", "reliable", "best_effort" or "sensor_data".
        offered: the publishers on the topic, as `Node.get_publishers_info_by_topic` gives them.
    """
    if choice == "reliable":
        return newest_only(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)
    if choice in ("best_effort", "sensor_data"):
        return newest_only(ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE)
    profiles = [publisher.qos_profile for publisher in offered]
    reliable = _all_offer(profiles, "reliability", ReliabilityPolicy.RELIABLE)
    latched = _all_offer(profiles, "durability", DurabilityPolicy.TRANSIENT_LOCAL)
    return newest_only(
        ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def _all_offer(profiles: Sequence[QoSProfile], policy: str, value: object) -> bool:
    return bool(profiles) and all(getattr(profile, policy) == value for profile in profiles)


def same_request(a: QoSProfile, b: QoSProfile) -> bool:
    """Whether two subscriptions would match the same publishers in the same way."""
    return (a.reliability, a.durability) == (b.reliability, b.durability)


def use_large_shared_memory(environment: MutableMapping[str, str] = os.environ) -> str | None:
    """Point Fast DDS to `config/fastdds.xml`, unless the user has already chosen a profile or transports.
    Call before rclpy.init.

    Returns:
        The file that Fast DDS will read, or None: the user has chosen transports or this machine alone, or
        the package's share folder was not found.
    """
    if environment.get("ROS_LOCALHOST_ONLY") == "1":
        return None  # up to Iron the profile's own transport would go round that
    chosen = next((environment[name] for name in _PROFILE_VARIABLES.values() if environment.get(name)), None)
    if chosen is not None or environment.get(_TRANSPORTS_VARIABLE):
        return chosen
    try:
        profile = str(config_directory() / "fastdds.xml")
    except UserError:
        return None
    environment[profile_variable(environment)] = profile
    return profile


def profile_variable(environment: Mapping[str, str]) -> str:
    """The name by which the installed Fast DDS is told its profile; its ROS package tells the version."""
    prefixes = environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    newer = any(prefix and (Path(prefix) / "share" / "fastdds").is_dir() for prefix in prefixes)
    return _PROFILE_VARIABLES["fastdds" if newer else "fastrtps"]
