"""Every topic of hands_node, over DDS: its rate, its stamp, its frame, and that all say the same."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TwistStamped
from lgnet_ros.msg import Hands
from ros_rig import connect, hands_node_with, wait_for_listeners, wait_until
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import Image, PointCloud2
from shape_msgs.msg import Mesh
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.hand_model.topology import JOINT_NAMES, OURS_ROTATION
from lgnet_ros.node import processing
from lgnet_ros.node.messages import SIDE_CODES, SIDE_NAMES
from lgnet_ros.node.qos import LATCHED

TOPICS = {
    "/hands/hands": Hands,
    "/tf": TFMessage,
    "/hands/markers": MarkerArray,
    "/hands/interaction_markers": MarkerArray,
    "/hands/overlay": Image,
    "/hands/keepout": PointCloud2,
    "/hands/right/palm": PoseStamped,
    "/hands/left/palm": PoseStamped,
    "/hands/right/twist": TwistStamped,
    "/hands/left/twist": TwistStamped,
}


def headers(message):
    """The header of a message, or those of its parts."""
    if isinstance(message, TFMessage):
        return [transform.header for transform in message.transforms]
    if isinstance(message, MarkerArray):
        return [marker.header for marker in message.markers]
    return [message.header]


def is_of_an_image(message):
    """Whether it is not the clearing of all markers at activation, which comes whenever it comes."""
    markers = message.markers if isinstance(message, MarkerArray) else ()
    return all(marker.action != Marker.DELETEALL for marker in markers)


def shoot(camera, hands, count):
    """`count` images, each answered before the next is sent."""
    for _ in range(count):
        expected = len(hands) + 1
        camera.shoot()
        wait_until(lambda expected=expected: len(hands) >= expected)


@pytest.fixture
def world(rig, double, monkeypatch, camera):
    """A camera and lists of everything that the node publishes, all connected before the first image."""
    received = {
        topic: rig.listener.listen(kind, topic, counts=is_of_an_image) for topic, kind in TOPICS.items()
    }
    with hands_node_with(double, monkeypatch, stale_after=60.0) as node:
        connect(node, camera)
        publishers = [p for p in node._outputs._publishers if p.topic_name in TOPICS]
        wait_for_listeners(*publishers)
        yield camera, received, node


def test_no_message_waits_for_the_search_ahead(world, double):
    camera, received, _ = world
    released = threading.Event()
    double.look_ahead = lambda hurried: released.wait(15.0)
    camera.shoot()
    try:
        for topic, messages in received.items():
            wait_until(lambda messages=messages: messages)
            assert not released.is_set(), topic
    finally:
        released.set()


def test_every_topic_has_one_message_per_image_with_the_images_stamp_and_frame(world):
    camera, received, _ = world
    shoot(camera, received["/hands/hands"], 5)
    wanted = [(camera.start_s, number * 33_333_333) for number in range(1, 6)]
    for topic, messages in received.items():
        wait_until(lambda messages=messages: len(messages) >= 5)
        assert len(messages) == 5, topic
        for message, stamp in zip(messages, wanted, strict=True):
            for header in headers(message):
                assert (header.stamp.sec, header.stamp.nanosec) == stamp, topic
                assert header.frame_id == "camera", topic


def test_frames_are_the_joints_of_the_message_to_a_tenth_of_a_millimetre(world):
    camera, received, _ = world
    shoot(camera, received["/hands/hands"], 1)
    wait_until(lambda: received["/tf"])
    message, frames = received["/hands/hands"][0], received["/tf"][0].transforms
    by_name = {frame.child_frame_id: frame.transform for frame in frames}
    assert len(by_name) == len(frames) == 44
    for hand, side in zip(message.hands, ("right", "left"), strict=True):
        joints, turns = hand.joints.reshape(21, 3), hand.joint_quaternions.reshape(16, 4)
        for number, name in enumerate(JOINT_NAMES):
            frame = by_name[f"{side}_{name}"]
            at = [frame.translation.x, frame.translation.y, frame.translation.z]
            turn = [frame.rotation.x, frame.rotation.y, frame.rotation.z, frame.rotation.w]
            np.testing.assert_allclose(at, joints[number], atol=1e-4)
            np.testing.assert_allclose(turn, turns[OURS_ROTATION[number]], atol=1e-6)
        assert by_name[f"{side}_palm"].translation.x == hand.palm.position.x


def test_fingertip_has_the_orientation_of_its_last_joint(world):
    camera, received, _ = world
    shoot(camera, received["/hands/hands"], 1)
    wait_until(lambda: received["/tf"])
    by_name = {frame.child_frame_id: frame.transform.rotation for frame in received["/tf"][0].transforms}
    assert by_name["left_index_tip"] == by_name["left_index_dip"]
    assert by_name["right_thumb_tip"] == by_name["right_thumb_ip"]


def test_palms_and_twists_are_those_of_the_messages_hands(world):
    camera, received, _ = world
    shoot(camera, received["/hands/hands"], 3)
    for side, code in SIDE_CODES.items():
        hands = [h for message in received["/hands/hands"] for h in message.hands if h.side == code]
        palms, twists = received[f"/hands/{side}/palm"], received[f"/hands/{side}/twist"]
        wait_until(lambda palms=palms, twists=twists: len(palms) == len(twists) == 3)
        assert [message.pose for message in palms] == [hand.palm for hand in hands]
        assert [message.twist for message in twists] == [hand.palm_twist for hand in hands]


def test_message_holds_what_the_pipeline_saw(world, double):
    camera, received, _ = world
    double.sides = ("left",)
    shoot(camera, received["/hands/hands"], 1)
    hand = received["/hands/hands"][0].hands[0]
    assert hand.side == hand.LEFT
    assert received["/hands/hands"][0].model_id == "double"
    assert received["/hands/hands"][0].calibrated
    turns = Rotation.from_quat(hand.joint_quaternions.reshape(16, 4))
    assert np.allclose(np.linalg.norm(turns.as_quat(), axis=1), 1)
    assert hand.vertices.shape == (2334,)


def test_lost_hand_leaves_an_empty_message_no_frames_and_deleted_markers(world, double):
    camera, received, _ = world
    shoot(camera, received["/hands/hands"], 1)
    for topic in ("/tf", "/hands/markers", "/hands/keepout"):
        wait_until(lambda topic=topic: received[topic])
    double.sides = ()
    shoot(camera, received["/hands/hands"], 2)
    wait_until(lambda: len(received["/hands/markers"]) == 3 and len(received["/hands/keepout"]) == 3)
    assert [len(message.hands) for message in received["/hands/hands"]] == [2, 0, 0]
    assert len(received["/tf"]) == 1
    assert len(received["/hands/left/palm"]) == len(received["/hands/left/twist"]) == 1
    actions = [[marker.action for marker in array.markers] for array in received["/hands/markers"]]
    assert actions == [[Marker.ADD] * 6, [Marker.DELETE] * 6, []]
    assert received["/hands/keepout"][-1].width == 0


@pytest.mark.parametrize("sides", [("right", "left"), ("right", "left", "right", "left")])
def test_keepout_cloud_holds_the_points_of_everybodys_hands(world, double, sides):
    camera, received, _ = world
    double.sides = sides
    shoot(camera, received["/hands/hands"], 1)
    cloud = wait_until(lambda: received["/hands/keepout"])[0]
    points = np.frombuffer(cloud.data, np.float32).reshape(-1, 3)
    vertices = np.concatenate([h.vertices.reshape(-1, 3) for h in received["/hands/hands"][0].hands])
    np.testing.assert_allclose(
        points, vertices + np.float32(0.02), atol=1e-6
    )  # the double's keep-out: margin only
    assert [(f.name, f.offset) for f in cloud.fields] == [("x", 0), ("y", 4), ("z", 8)]
    age_s = received["/hands/hands"][0].latency
    assert age_s > 1  # the camera's stamps are of then
    assert all(age_s + 0.1 <= latency_s < age_s + 1 for latency_s in double.latencies_s)


def test_frames_of_several_people_bear_the_numbers_of_their_tracks(rig, double, monkeypatch, camera, hands):
    frames = rig.listener.listen(TFMessage, "/tf")
    double.sides = ("right", "left", "right", "left")
    with hands_node_with(double, monkeypatch, max_people=2, stale_after=60.0) as node:
        connect(node, camera)
        wait_for_listeners(node._outputs._broadcaster.pub_tf)
        shoot(camera, hands, 1)
        transforms = wait_until(lambda: frames)[0].transforms
    wrists = {t.child_frame_id for t in transforms if t.child_frame_id.endswith("_wrist")}
    assert wrists == {f"{SIDE_NAMES[hand.side]}_{hand.track_id}_wrist" for hand in hands[0].hands}
    assert len(wrists) == 4


def test_faces_are_there_for_whoever_comes_late(rig, double, monkeypatch):
    with hands_node_with(double, monkeypatch):
        late = rig.listener.listen(Mesh, "/hands/left/mesh_topology", LATCHED)
        mesh = wait_until(lambda: late)[0]
    assert [list(t.vertex_indices) for t in mesh.triangles] == double.faces("left").tolist()


def test_rviz_is_cleared_at_activation_and_never_again(rig, double, monkeypatch, camera, hands):
    arrays = rig.listener.listen(MarkerArray, "/hands/markers")
    with hands_node_with(double, monkeypatch, autostart=False, stale_after=60.0) as node:
        rig.transition(1)
        wait_for_listeners(node._outputs._markers)
        rig.transition(3)
        connect(node, camera)
        shoot(camera, hands, 3)
        wait_until(lambda: len(arrays) == 4)
    actions = [marker.action for array in arrays for marker in array.markers]
    assert actions.count(Marker.DELETEALL) == 1 and actions[0] == Marker.DELETEALL


def test_prefix_of_frames_changes_with_the_next_image(world, rig):
    camera, received, _ = world
    assert rig.set_parameter("frame_prefix", "cam1_").successful
    shoot(camera, received["/hands/hands"], 1)
    frames = wait_until(lambda: received["/tf"])[0].transforms
    assert {frame.child_frame_id.split("_")[0] for frame in frames} == {"cam1"}


def test_frames_are_silent_when_switched_off(world, rig):
    camera, received, _ = world
    assert rig.set_parameter("publish_tf", False).successful
    shoot(camera, received["/hands/hands"], 2)
    assert received["/tf"] == []


def test_overlay_is_the_image_with_hands_on_it(world):
    camera, received, _ = world
    shoot(camera, received["/hands/hands"], 1)
    overlay = wait_until(lambda: received["/hands/overlay"])[0]
    assert (overlay.width, overlay.height, overlay.encoding, overlay.step) == (64, 48, "rgb8", 192)
    assert len(np.unique(np.frombuffer(overlay.data, np.uint8))) > 10  # the image is one grey


def test_overlay_is_drawn_for_those_who_look_and_for_nobody_else(rig, double, monkeypatch, camera, hands):
    drawn = []
    monkeypatch.setattr(processing, "draw_on", lambda *_: drawn.append(True))
    with hands_node_with(double, monkeypatch, stale_after=60.0) as node:
        connect(node, camera)
        shoot(camera, hands, 3)
        assert not drawn
        overlays = rig.listener.listen(Image, "/hands/overlay")
        wait_for_listeners(node._outputs._overlay)
        shoot(camera, hands, 1)
        wait_until(lambda: overlays)
    assert drawn


def test_diagnostics_come_once_a_second_and_say_how_the_node_fares(world, rig):
    camera, received, _ = world
    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")
    shoot(camera, received["/hands/hands"], 3)
    count = len(arrays)
    wait_until(lambda: len(arrays) >= count + 2)
    stamps = [a.header.stamp.sec + a.header.stamp.nanosec * 1e-9 for a in arrays[-2:]]
    assert round(stamps[1] - stamps[0]) == 1
    statuses = {status.name: status for status in arrays[-1].status}
    assert set(statuses) == {"hands: input", "hands: output"}
    output = {value.key: value.value for value in statuses["hands: output"].values}
    assert output["model"] == "double"
    assert float(output["ROS work (ms)"]) > 0
    assert float(output["resident memory (MB)"]) > 10
