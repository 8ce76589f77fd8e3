"""What comes in over DDS: every encoding, every defect, CameraInfo, two cameras."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lgnet_ros.msg import Hands
from ros_rig import (
    BEST_EFFORT,
    Camera,
    PipelineDouble,
    answered,
    connect,
    hands_node_with,
    wait_for_listeners,
    wait_until,
)
from sensor_msgs.msg import CompressedImage, Image
from tf2_msgs.msg import TFMessage

from lgnet_ros.node.faults import FaultKind


@pytest.mark.parametrize(
    ("encoding", "channels"),
    [
        *[("rgb8", 3), ("bgr8", 3), ("mono8", 1), ("rgba8", 4), ("bgra8", 4), ("mono16", 2), ("rgb16", 6)],
        *[("bayer_rggb8", 1), ("bayer_gbrg8", 1), ("yuv422", 2), ("yuv422_yuy2", 2)],
    ],
)
def test_encodings_arrive_as_pictures(rig, double, monkeypatch, camera, hands, encoding, channels):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        camera.infos.publish(camera.info())
        time.sleep(0.1)
        image = camera.image(encoding=encoding, channels=channels)
        if encoding == "bgr8":
            image.data = np.tile(np.array([10, 20, 30], np.uint8), 64 * 48).tobytes()
        camera.images.publish(image)
        wait_until(lambda: double.steps)
    picture = double.steps[0]["image"]
    assert picture.shape == (48, 64, 3) and picture.dtype == np.uint8
    if encoding == "bgr8":
        assert picture[0, 0].tolist() == [30, 20, 10]


def broken(camera, defect):
    image = camera.image()
    if defect == "step":
        image.step = 10
    elif defect == "truncated":
        image.data = image.data[:-7]
    elif defect == "zero":
        image.width = 0
    elif defect == "encoding":
        image.encoding = "rgb565"
    elif defect == "before 1970":
        image.header.stamp.sec = -5
    return image


@pytest.mark.parametrize(
    ("defect", "kind"),
    [
        ("step", FaultKind.WRONG_STEP),
        ("truncated", FaultKind.TRUNCATED_DATA),
        ("zero", FaultKind.ZERO_SIZE),
        ("encoding", FaultKind.UNKNOWN_ENCODING),
        ("before 1970", FaultKind.BAD_STAMP),
    ],
)
def test_defective_image_is_named_once_counted_and_survived(
    double, monkeypatch, camera, hands, log, defect, kind
):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        answered(camera, hands)
        for count in range(1, 6):
            camera.images.publish(broken(camera, defect))
            wait_until(lambda count=count: node._faults.counts().get(kind, 0) == count)
        answered(camera, hands)
    lines = log.lines_with(kind.value)
    assert len(lines) == 1
    assert lines[0].startswith(kind.value)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"k": [0.0] * 9}, FaultKind.BAD_INTRINSICS),
        ({"k": [float("nan")] * 9}, FaultKind.BAD_INTRINSICS),
        ({"d": [0.1]}, FaultKind.BAD_INTRINSICS),
        ({"distortion_model": "magic"}, FaultKind.BAD_INTRINSICS),
        ({"width": 640, "height": 480}, FaultKind.SIZE_MISMATCH),
    ],
)
def test_defective_camera_info_is_named_counted_and_survived(
    double, monkeypatch, camera, hands, log, change, kind
):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        answered(camera, hands)
        info = camera.info()
        for name, value in change.items():
            setattr(info, name, value)
        camera.infos.publish(info)
        time.sleep(0.1)
        camera.images.publish(camera.image())
        wait_until(lambda: node._faults.counts().get(kind) == 1)
        wait_until(lambda: log.lines_with(kind.value))
        answered(camera, hands)


def test_missing_camera_info_is_named_and_refused(double, monkeypatch, camera, hands, log):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)

        def named():
            camera.images.publish(camera.image())
            time.sleep(0.03)
            return log.lines_with(FaultKind.MISSING_CAMERA_INFO.value)

        assert "assumed_horizontal_fov" in wait_until(named)[0]
        assert hands == [] and double.steps == []
        assert answered(camera, hands).calibrated


def test_assumed_field_of_view_gives_hands_that_are_flagged_and_no_frames(
    rig, double, monkeypatch, camera, hands
):
    from tf2_msgs.msg import TFMessage

    frames = rig.listener.listen(TFMessage, "/tf")
    with hands_node_with(double, monkeypatch, assumed_horizontal_fov=90.0) as node:
        connect(node, camera)

        def seen():
            camera.images.publish(camera.image())
            time.sleep(0.03)
            return hands

        message = wait_until(seen)[0]
    assert not message.calibrated and len(message.hands) == 2
    assert frames == []
    assert double.steps[0]["intrinsics"].matrix[0, 0] == pytest.approx(32)  # 64 px wide, tan 45° = 1


def test_an_image_is_seen_by_the_camera_info_of_its_own_stamp(double, monkeypatch, camera):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        images, focals_px = [], (64.0, 100.0)
        for focal_px in focals_px:
            camera.count += 1
            info = camera.info()
            info.k = [focal_px, 0.0, 32.0, 0.0, focal_px, 24.0, 0.0, 0.0, 1.0]
            camera.infos.publish(info)
            time.sleep(0.2)  # two topics keep no order between them
            images.append(camera.image())
        for number, image in enumerate(images, 1):
            camera.images.publish(image)
            wait_until(lambda number=number: len(double.steps) == number)
    assert [step["intrinsics"].matrix[0, 0] for step in double.steps] == list(focals_px)


def test_diagnostics_say_how_old_results_are(rig, double, monkeypatch, camera, hands):
    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        answered(camera, hands)

        def ages_ms():
            statuses = (status for array in arrays for status in array.status)
            return [float(v.value) for status in statuses for v in status.values if v.key == "age p50 (ms)"]

        assert wait_until(ages_ms)[0] == pytest.approx(1e3 * hands[0].latency, abs=500)
        assert hands[0].latency > 1  # the camera's stamps are of then


def test_diagnostics_count_each_kind_of_fault(rig, double, monkeypatch, camera, hands):
    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        answered(camera, hands)
        for defect in ("step", "step", "truncated"):
            camera.images.publish(broken(camera, defect))
            time.sleep(0.03)
        wait_until(lambda: sum(node._faults.counts().values()) >= 3)

        def counted():
            for array in arrays:
                values = {value.key: value.value for value in array.status[0].values}
                if values.get("fault: wrong image step") == "2" and "fault: truncated image data" in values:
                    return array.status[0]
            return None

        status = wait_until(counted)
    assert status.level in (DiagnosticStatus.WARN, DiagnosticStatus.STALE)


def test_camera_that_offers_less_than_is_asked_is_named_and_counted(rig, double, monkeypatch, log):
    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")
    Camera(rig.node, BEST_EFFORT)
    with hands_node_with(double, monkeypatch, image_qos="reliable"):

        def counts():
            statuses = (status for array in arrays for status in array.status)
            return [v.value for s in statuses for v in s.values if v.key == "fault: incompatible QoS"]

        wait_until(lambda: "2" in counts())  # of its images, and of its CameraInfo
    assert "set image_qos" in log.lines_with(f"{FaultKind.INCOMPATIBLE_QOS.value}: ")[0]


def test_error_in_the_network_costs_one_image_only(double, monkeypatch, camera, hands, log):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        answered(camera, hands)
        double.error = RuntimeError("CUDA error: an illegal memory access")
        camera.shoot()
        wait_until(lambda: node._faults.counts().get(FaultKind.INFERENCE))
        double.error = None
        answered(camera, hands)
        wait_until(lambda: log.lines_with("illegal memory access"))


def test_images_without_a_frame_are_named_and_give_no_tf(rig, double, monkeypatch, hands, log):
    nowhere = Camera(rig.node, frame_id="")
    frames = rig.listener.listen(TFMessage, "/tf")
    with hands_node_with(double, monkeypatch) as node:
        connect(node, nowhere)
        assert len(answered(nowhere, hands).hands) == 2
        wait_until(lambda: log.lines_with(FaultKind.NO_FRAME.value))
    assert frames == []


def test_slow_network_gets_the_newest_image_and_drops_are_counted(double, monkeypatch, camera, hands):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        answered(camera, hands)
        double.delay_s = 1.0
        for _ in range(12):
            camera.shoot()
            time.sleep(0.03)
        last = camera.header_fields(Image()).header.stamp
        wait_until(lambda: hands[-1].header.stamp == last)
        assert node._mailbox.dropped >= 3
        assert len(hands) <= 7


def test_compressed_images_are_read_where_they_are_chosen(rig, double, monkeypatch, camera, hands):
    publisher = rig.node.create_publisher(CompressedImage, "image_raw/compressed", 5)
    with hands_node_with(double, monkeypatch, image_transport="compressed"):
        wait_for_listeners(publisher, camera.infos)
        blue = np.zeros((48, 64, 3), np.uint8)
        blue[..., 0] = 255  # in OpenCV's order
        message = camera.header_fields(CompressedImage(format="jpeg"))
        message.data = cv2.imencode(".jpg", blue)[1].tobytes()

        def seen():
            camera.infos.publish(camera.info())
            publisher.publish(message)
            time.sleep(0.03)
            return double.steps

        picture = wait_until(seen)[0]["image"]
    assert picture[20, 20, 2] > 240 and picture[20, 20, 0] < 15


def test_two_cameras_under_two_namespaces_do_not_mix(rig, double, monkeypatch):
    left, right = Camera(rig.node, namespace="left", frame_id="left_eye"), Camera(rig.node, namespace="right")
    other = PipelineDouble()
    from_left = rig.listener.listen(Hands, "/left/hands/hands")
    from_right = rig.listener.listen(Hands, "/right/hands/hands")
    with (
        hands_node_with(double, monkeypatch, namespace="left") as left_node,
        hands_node_with(other, monkeypatch, namespace="right") as right_node,
    ):
        connect(left_node, left)
        connect(right_node, right)
        right.count = 300
        answered(left, from_left)
        answered(right, from_right)
        answered(left, from_left)
    assert {m.header.frame_id for m in from_left} == {"left_eye"}
    assert {m.header.frame_id for m in from_right} == {"camera"}
    assert {m.header.stamp.sec for m in from_right} == {right.start_s + 10}
