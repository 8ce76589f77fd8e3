"""The node `handover` over DDS: states, ages, the robot's frame, clicks, and parameters at run time."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import rclpy
from geometry_msgs.msg import TransformStamped
from lgnet_ros.msg import Hand, Handover, Hands
from rclpy.context import Context
from rclpy.parameter import Parameter
from ros_rig import Spinner, wait_for_listeners, wait_until
from scripted_hands import REACHING, RESTING, hand, hands
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from lgnet_ros.errors import UserError
from lgnet_ros.node.handover_node import HandoverNode

STATE = "/handover/state"


@contextlib.contextmanager
def handover_node(**parameters):
    context = Context()
    rclpy.init(context=context)
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    node = None
    try:
        node = HandoverNode(context=context, parameter_overrides=overrides)
        spinner = Spinner(node, context)
        try:
            yield node
        finally:
            spinner.close()
    finally:
        if node is not None:
            node.destroy_node()
        context.try_shutdown()


class Perception:
    """Stands in for the hands node: says what is scripted at 30 Hz, stamped now, until it is closed."""

    def __init__(self, rig, *seen):
        self.seen = seen
        self._node = rig.node
        self._publisher = rig.node.create_publisher(Hands, "/hands/hands", 5)
        wait_for_listeners(self._publisher)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopped.wait(1 / 30):
            now_s = self._node.get_clock().now().nanoseconds * 1e-9
            self._publisher.publish(hands(now_s, *self.seen))

    def close(self):
        self._stopped.set()
        self._thread.join()
        self._node.destroy_publisher(self._publisher)


@pytest.fixture
def perceive(rig):
    started = []

    def start(*seen):
        started.append(Perception(rig, *seen))
        return started[-1]

    yield start
    for perception in started:
        perception.close()


def state_comes(reports, state):
    """The first report of that state from now on."""
    begin = len(reports)
    return wait_until(lambda: next((report for report in reports[begin:] if report.state == state), None))


def test_a_hand_is_followed_from_rest_to_offer_to_reach_to_silence(rig, perceive):
    reports = rig.listener.listen(Handover, STATE)
    pictures = rig.listener.listen(MarkerArray, "/handover/markers")
    with handover_node():
        first = wait_until(lambda: reports)[0]  # before there is any answer
        assert first.state == Handover.UNKNOWN and "no answer" in first.reason and not first.seen
        perception = perceive(hand(**RESTING))
        state_comes(reports, Handover.RESTS)
        perception.seen = (hand(),)
        offered = state_comes(reports, Handover.OFFERS)
        assert offered.header.frame_id == "camera" and offered.track_id == 1
        assert offered.age.sec == 0 and offered.approach.covariance[0] > 1e-4
        perception.seen = (hand(**REACHING),)
        state_comes(reports, Handover.RECEIVES)
        assert pictures[-1].markers
        perception.close()
        silent = state_comes(reports, Handover.UNKNOWN)
        assert "s old" in silent.reason and silent.age.nanosec > 2e8
        count = len(reports)
        wait_until(lambda: len(reports) > count + 2)  # it goes on saying so


def test_parameters_hold_from_the_next_answer_on_and_wrong_ones_are_refused(rig, perceive):
    reports = rig.listener.listen(Handover, STATE)
    with handover_node():
        perceive(hand())
        state_comes(reports, Handover.OFFERS)
        assert rig.set_parameter("reach", 0.3, "/handover").successful
        state_comes(reports, Handover.RESTS)
        assert rig.set_parameter("open_palm", "receives", "/handover").successful
        assert rig.set_parameter("reach", 0.9, "/handover").successful
        state_comes(reports, Handover.RECEIVES)
        assert rig.set_parameter("most_uncertain", 0.005, "/handover").successful
        assert "uncertain" in state_comes(reports, Handover.UNKNOWN).reason
        assert rig.set_parameter("robot_position", [0.0, 0.1, 1.0], "/handover").successful
        wait_until(lambda: reports[-1].distance == pytest.approx(0.4))
        refused = rig.set_parameter("up", [0.0, 0.0, 0.0], "/handover")
        assert not refused.successful and "no direction" in refused.reason
        assert not rig.set_parameter("reach", -1.0, "/handover").successful


def test_hand_that_cannot_be_is_named_and_the_next_one_answered(rig, perceive):
    reports = rig.listener.listen(Handover, STATE)
    with handover_node():
        person = perceive(hand(std_m=float("nan")))
        wait_until(lambda: reports and "position_covariance" in reports[-1].reason)
        assert reports[-1].state == Handover.UNKNOWN and not reports[-1].seen
        person.seen = (hand(),)
        state_comes(reports, Handover.OFFERS)


def test_robot_may_be_a_frame(rig, perceive):
    """The robot lies to the right of the camera, and its z axis is up: fingers must point there."""
    reports = rig.listener.listen(Handover, STATE)
    broadcaster = rig.node.create_publisher(TFMessage, "/tf", 5)
    base = TransformStamped(child_frame_id="base")
    base.header.frame_id = "camera"
    base.transform.translation.x, base.transform.translation.z = 0.6, 0.6
    base.transform.rotation.x, base.transform.rotation.w = 0.5**0.5, 0.5**0.5  # its z is the camera's -y
    with handover_node(robot_frame="base"):
        perceive(hand(fingers=(1.0, 0.0, 0.0), position=(0.0, 0.0, 0.6)))
        assert (
            "no transform to robot_frame 'base'"
            in wait_until(lambda: [r.reason for r in reports if "transform" in r.reason])[0]
        )

        def offered():
            broadcaster.publish(TFMessage(transforms=[base]))
            time.sleep(0.05)
            return reports[-1].state == Handover.OFFERS

        wait_until(offered)
        assert reports[-1].distance == pytest.approx(0.6, abs=1e-3)


def test_clicked_hand_is_reported(rig, perceive):
    reports = rig.listener.listen(Handover, STATE)
    other = {**RESTING, "side": Hand.LEFT, "track_id": 2}
    with handover_node(hand="clicked"):
        person = perceive(hand(), hand(**other))
        wait_until(lambda: reports and reports[-1].reason == "no clicked hand is seen")
        person.seen = (hand(), hand(**other, chosen=True))
        assert state_comes(reports, Handover.RESTS).track_id == 2


def test_it_is_never_silent_even_where_time_stands_still(rig):
    reports = rig.listener.listen(Handover, STATE)
    with handover_node(use_sim_time=True):  # and no /clock
        wait_until(lambda: len(reports) > 2)
    assert reports[-1].reason == "no answer of the hands node yet"


def test_wrong_parameter_at_the_start_is_one_line():
    with pytest.raises(UserError, match="hand: 'both' is none of"), handover_node(hand="both"):
        pass
