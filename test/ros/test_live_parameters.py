"""Every parameter that may change at any time acts on the next image."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import PoseStamped
from lgnet_ros.msg import Hands
from ros_rig import connect, hands_node_with, wait_for_listeners, wait_until
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.node.parameter_rules import ANY_TIME, rules
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.pipeline.settings import PipelineSettings

TOPICS = {
    "/hands/hands": Hands,
    "/hands/markers": MarkerArray,
    "/hands/keepout": PointCloud2,
    "/hands/handover/target": PoseStamped,
    "/tf": TFMessage,
}
CHANGES = {
    "hand_length": 0.2,
    "presence_enter": 0.8,
    "presence_stay": 0.7,
    "smoothing": 4.0,
    "frame_prefix": "cam_",
    "markers": "mesh",
    "marker_opacity": 0.3,
    "keepout_latency": 2.0,
    "keepout_margin": 0.5,
    "handover_standoff": 0.4,
    "handover_tool_rpy": [90.0, 0.0, 0.0],
}
# The next test, and test_outputs.
ELSEWHERE = {"assumed_horizontal_fov", "stale_after", "publish_tf"}


def is_of_an_image(message) -> bool:
    """The markers are cleared at activation, and that may arrive at any time."""
    return not (isinstance(message, MarkerArray) and message.markers[0].action == Marker.DELETEALL)


def test_no_parameter_is_forgotten_here():
    may_change = {name for name, rule in rules(HandsParameters).items() if rule.when == ANY_TIME}
    assert CHANGES.keys() | ELSEWHERE == may_change


def test_every_change_acts_on_the_next_image(rig, double, monkeypatch, camera):
    received = {
        topic: rig.listener.listen(kind, topic, counts=is_of_an_image) for topic, kind in TOPICS.items()
    }

    def shoot():
        counts = {topic: len(messages) for topic, messages in received.items()}
        camera.shoot()
        wait_until(lambda: all(len(received[topic]) > count for topic, count in counts.items()))
        return {topic: messages[-1] for topic, messages in received.items()}

    with hands_node_with(double, monkeypatch, stale_after=60.0) as node:
        connect(node, camera)
        node._outputs._handover.chosen = 1
        publishers = [p for p in node._outputs._publishers if p.topic_name in TOPICS]
        publishers.append(node._outputs._handover._target)
        wait_for_listeners(*publishers)
        before = shoot()
        for name, value in CHANGES.items():
            assert rig.set_parameter(name, value).successful, name
        after = shoot()

    settings, tuned = double.steps[-1]["settings"], PipelineSettings()
    assert (settings.acquisition.enter, settings.tracking.stay) == (0.8, 0.7)
    assert settings.placement.hand_length_m == 0.2
    assert settings.filter.position.minimum_hz == pytest.approx(tuned.filter.position.minimum_hz / 4)
    assert {frame.child_frame_id[:4] for frame in after["/tf"].transforms} == {"cam_"}

    added = [marker for marker in after["/hands/markers"].markers if marker.action == Marker.ADD]
    assert {marker.ns for marker in added} == {"right_mesh", "left_mesh"}
    assert [marker.color.a for marker in added] == [pytest.approx(0.3)] * 2
    assert len(before["/hands/markers"].markers) == 6

    assert double.latencies_s[-1] - double.latencies_s[0] > 1.5
    cloud = np.frombuffer(after["/hands/keepout"].data, np.float32).reshape(-1, 3)
    vertices = np.concatenate([hand.vertices.reshape(-1, 3) for hand in after["/hands/hands"].hands])
    np.testing.assert_allclose(cloud, vertices + np.float32(0.5), atol=1e-6)

    palm, target = after["/hands/hands"].hands[0].palm, after["/hands/handover/target"].pose
    apart = [getattr(target.position, axis) - getattr(palm.position, axis) for axis in "xyz"]
    assert np.linalg.norm(apart) == pytest.approx(0.4, abs=1e-6)
    # In the palm's axes: an untilted tool's are x, -y, -z; a quarter turn about its x takes its y to its z.
    turns = [pose.orientation for pose in (palm, target)]
    of_palm, of_tool = (Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]) for turn in turns)
    np.testing.assert_allclose(
        (of_palm.inv() * of_tool).as_matrix(), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-6
    )


def test_field_of_view_may_be_assumed_and_silence_noticed_sooner_at_any_time(
    rig, double, monkeypatch, camera, hands
):
    def picture():
        camera.count += 1
        camera.images.publish(camera.image())

    with hands_node_with(double, monkeypatch, stale_after=60.0) as node:
        connect(node, camera)
        assert rig.set_parameter("assumed_horizontal_fov", 90.0).successful

        def answered():  # without a CameraInfo, for which the node waits a second
            picture()
            time.sleep(0.1)
            return hands

        assert not wait_until(answered)[0].calibrated
        assert double.resets == 0
        assert rig.set_parameter("stale_after", 0.1).successful
        picture()
        wait_until(lambda: double.resets)
