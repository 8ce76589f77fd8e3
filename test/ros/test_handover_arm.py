"""The example of a handover: its arm comes, waits, goes home, and stays out of the keep-out volume."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import rclpy
from geometry_msgs.msg import PoseStamped, TwistStamped
from lgnet_ros.msg import Handover
from rclpy.context import Context
from rclpy.parameter import Parameter
from ros_rig import Spinner, wait_for_listeners, wait_until
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from lgnet_ros.node import compat

EXAMPLE = Path(__file__).parents[2] / "examples" / "handover_arm.py"
HOME, MEETING = np.array([0.25, 0.1, 0.1]), np.array([0.0, 0.0, 0.4])


@pytest.fixture(scope="module")
def example():
    specification = importlib.util.spec_from_file_location("handover_arm", EXAMPLE)
    module = importlib.util.module_from_spec(specification)
    import sys

    sys.modules["handover_arm"] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


def sphere(center, radius):
    """778 points of a hand's keep-out surface, as a ball."""
    directions = np.random.default_rng(0).normal(size=(778, 3))
    return center + radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_steps_are_no_faster_than_allowed_and_end_at_the_goal(example):
    tool = example.Tool(np.zeros(3), Rotation.identity())
    goal = example.Tool(np.array([0.1, 0, 0]), Rotation.from_rotvec([0, 0, 0.3]))
    places = [tool]
    for _ in range(60):
        places.append(example.stepped(places[-1], goal, example.Speeds(0.2, 1.0), 0.02))
    moved = [np.linalg.norm(b.position - a.position) for a, b in zip(places, places[1:], strict=False)]
    turned = [(b.rotation * a.rotation.inv()).magnitude() for a, b in zip(places, places[1:], strict=False)]
    assert max(moved) <= 0.2 * 0.02 + 1e-12 and max(turned) <= 1.0 * 0.02 + 1e-9
    np.testing.assert_allclose(places[-1].position, goal.position)
    np.testing.assert_allclose(places[-1].rotation.as_rotvec(), [0, 0, 0.3])


def test_volume_keeps_out_what_is_inside_it_too_and_lets_it_leave(example):
    volume = example.filled(sphere(np.zeros(3), 0.3))
    inside, further_in, out = np.array([0.12, 0, 0]), np.array([0.05, 0, 0]), np.array([0.5, 0, 0])
    assert example.may_move(out, np.array([0.4, 0, 0]), volume, 0.08)
    assert not example.may_move(out, np.array([0.35, 0, 0]), volume, 0.08)
    assert not example.may_move(inside, further_in, volume, 0.08)
    assert example.may_move(np.array([0.31, 0, 0]), np.array([0.32, 0, 0]), volume, 0.08)
    assert example.may_move(out, inside, example.filled(np.zeros((0, 3))), 0.08)


class Person:
    """Says at 30 Hz what the handover node and the hands node would."""

    def __init__(self, rig):
        self.state, self.keepout = Handover.RESTS, np.zeros((0, 3))
        self._node = rig.node
        self._reports = rig.node.create_publisher(Handover, "/handover/state", 5)
        self._clouds = rig.node.create_publisher(PointCloud2, "/hands/keepout", 5)
        wait_for_listeners(self._reports, self._clouds)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopped.wait(1 / 30):
            header = Header(stamp=self._node.get_clock().now().to_msg(), frame_id="camera")
            report = Handover(header=header, state=self.state, seen=True)
            place = report.approach.pose.position
            place.x, place.y, place.z = MEETING.tolist()
            self._reports.publish(report)
            self._clouds.publish(compat.point_cloud(header, self.keepout))

    def close(self):
        self._stopped.set()
        self._thread.join()


@pytest.fixture
def arm(example, rig):
    """The arm's node, and the person in front of it."""
    context = Context()
    rclpy.init(context=context)
    overrides = [Parameter("linear_speed", value=1.0), Parameter("oldest", value=1.0)]
    node = example.HandoverArm(context=context, parameter_overrides=overrides)
    spinner, person = Spinner(node, context), Person(rig)
    yield node, person
    person.close()
    with contextlib.suppress(Exception):
        spinner.close()
    node.destroy_node()
    context.try_shutdown()


def last(poses):
    at = poses[-1].pose.position
    return np.array([at.x, at.y, at.z])


def test_arm_comes_to_a_hand_that_offers_and_goes_home_when_it_rests(rig, arm):
    node, person = arm
    poses = rig.listener.listen(PoseStamped, "/handover_arm/target")
    twists = rig.listener.listen(TwistStamped, "/handover_arm/twist")
    frames = rig.listener.listen(TFMessage, "/tf")
    wait_until(lambda: poses and np.allclose(last(poses), HOME))
    person.state = Handover.OFFERS
    wait_until(lambda: np.allclose(last(poses), MEETING))
    speeds = [np.linalg.norm([t.twist.linear.x, t.twist.linear.y, t.twist.linear.z]) for t in twists]
    assert 0.9 < max(speeds) <= 1.0 + 1e-6
    assert poses[-1].header.frame_id == "camera"
    wait_until(lambda: [f for m in frames for f in m.transforms if f.child_frame_id == "handover_tool"])
    person.state = Handover.RESTS
    wait_until(lambda: np.allclose(last(poses), HOME))


def test_arm_stops_before_the_keep_out_volume_and_when_nothing_is_known(rig, arm):
    node, person = arm
    poses = rig.listener.listen(PoseStamped, "/handover_arm/target")
    twists = rig.listener.listen(TwistStamped, "/handover_arm/twist")
    person.keepout = sphere(MEETING, 0.15)
    person.state = Handover.RECEIVES
    wait_until(lambda: node.standing_still_for == "the keep-out volume is near")
    distances = [
        np.linalg.norm(np.array([p.pose.position.x, p.pose.position.y, p.pose.position.z]) - MEETING)
        for p in poses
    ]
    assert min(distances) > 0.15 + 0.07 and distances[-1] < 0.15 + 0.13
    person.keepout, person.state = np.zeros((0, 3)), Handover.UNKNOWN
    wait_until(lambda: twists[-1].twist == TwistStamped().twist)
    person.close()
    person.state = Handover.OFFERS
    before = last(poses)
    wait_until(lambda: node.standing_still_for)
    np.testing.assert_allclose(last(poses), before)
