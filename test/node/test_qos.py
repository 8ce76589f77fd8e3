"""The subscription asks for what its publishers offer, and Fast DDS is given a segment that holds images."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from lgnet_ros.node.qos import same_request, subscription_profile, use_large_shared_memory

RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
VOLATILE, LATCHED = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL


def publishers(*offers):
    return [
        SimpleNamespace(qos_profile=QoSProfile(depth=1, reliability=reliability, durability=durability))
        for reliability, durability in offers
    ]


@pytest.mark.parametrize(
    ("offered", "reliability", "durability"),
    [
        ([], BEST_EFFORT, VOLATILE),
        ([(RELIABLE, VOLATILE)], RELIABLE, VOLATILE),
        ([(BEST_EFFORT, VOLATILE)], BEST_EFFORT, VOLATILE),
        ([(RELIABLE, VOLATILE), (BEST_EFFORT, VOLATILE)], BEST_EFFORT, VOLATILE),
        ([(RELIABLE, LATCHED)], RELIABLE, LATCHED),
        ([(RELIABLE, LATCHED), (RELIABLE, VOLATILE)], RELIABLE, VOLATILE),
    ],
)
def test_auto_asks_for_what_all_offer(offered, reliability, durability):
    profile = subscription_profile("auto", publishers(*offered))
    assert (profile.reliability, profile.durability, profile.depth) == (reliability, durability, 1)


@pytest.mark.parametrize(
    ("choice", "reliability"),
    [("reliable", RELIABLE), ("best_effort", BEST_EFFORT), ("sensor_data", BEST_EFFORT)],
)
def test_a_choice_is_a_choice_whatever_is_offered(choice, reliability):
    for offer in (RELIABLE, BEST_EFFORT):
        assert subscription_profile(choice, publishers((offer, VOLATILE))).reliability == reliability


def test_requests_are_the_same_if_they_match_the_same_publishers():
    first = subscription_profile("auto", publishers((RELIABLE, VOLATILE)))
    assert same_request(first, subscription_profile("reliable", []))
    assert not same_request(first, subscription_profile("best_effort", []))


def test_profile_of_the_user_stays():
    environment = {"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml"}
    assert use_large_shared_memory(environment) == "/mine.xml"
    assert environment == {"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml"}


def test_transports_of_the_user_stay():
    environment = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}
    assert use_large_shared_memory(environment) is None
    assert environment == {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}


def test_who_keeps_to_this_machine_gets_no_transport_that_leaves_it():
    environment = {"ROS_LOCALHOST_ONLY": "1"}
    assert use_large_shared_memory(environment) is None
    assert environment == {"ROS_LOCALHOST_ONLY": "1"}


@pytest.mark.parametrize(("package", "variable"), [("fastdds", "FASTDDS"), ("fastrtps", "FASTRTPS")])
def test_profile_goes_by_the_name_that_this_fast_dds_reads(tmp_path, package, variable):
    (tmp_path / "share" / package).mkdir(parents=True)
    environment = {"AMENT_PREFIX_PATH": str(tmp_path)}
    profile = use_large_shared_memory(environment)
    assert environment[f"{variable}_DEFAULT_PROFILES_FILE"] == profile
    assert len(environment) == 2 and profile.endswith("config/fastdds.xml")
