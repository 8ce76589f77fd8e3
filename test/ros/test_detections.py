"""`detector: external`, over DDS: boxes reach the pipeline with their image, and bad ones cost no image."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from ros_rig import answered, connect, hands_node_with, wait_for_listeners, wait_until

from lgnet_ros.errors import UserError
from lgnet_ros.node import compat
from lgnet_ros.node.faults import FaultKind


@pytest.fixture
def detector(rig, camera):
    """Publishes boxes (center x, y, width, height) for the camera's newest image, or one `late_s` later."""
    vision = pytest.importorskip("vision_msgs.msg", reason="vision_msgs is not installed")
    publisher = rig.node.create_publisher(vision.Detection2DArray, "detections", 10)

    def publish(*boxes, late_s=0):
        message = camera.header_fields(vision.Detection2DArray())
        message.header.stamp.sec -= late_s
        for x, y, width, height in boxes:
            detection = vision.Detection2D()
            detection.bbox.center.position.x, detection.bbox.center.position.y = x, y
            detection.bbox.size_x, detection.bbox.size_y = width, height
            message.detections.append(detection)
        publisher.publish(message)

    publish.publisher = publisher
    return publish


def test_boxes_reach_the_pipeline_and_bad_ones_cost_no_image(
    double, monkeypatch, camera, hands, detector, log
):
    def newest():
        """What the pipeline is told with the next image."""
        answered(camera, hands)
        return double.steps[-1]["detections"]

    with hands_node_with(double, monkeypatch, detector="external") as node:
        connect(node, camera)
        wait_for_listeners(detector.publisher)
        assert newest() is None
        boxes = [(10.0, 20.0, 30.0, 40.0), (50.0, 24.0, 8.0, 9.0)]
        detector(*boxes)
        wait_until(lambda: np.array_equal(newest(), boxes))
        detector(*boxes, late_s=2)
        wait_until(lambda: len(newest()) == 0)
        detector((10.0, math.nan, 30.0, 40.0))
        wait_until(lambda: newest() is None and node._faults.counts().get(FaultKind.BAD_DETECTIONS))
        wait_until(lambda: log.lines_with(FaultKind.BAD_DETECTIONS.value))
        detector()
        wait_until(lambda: newest() is not None)
        assert newest().shape == (0, 4)


def test_without_vision_msgs_nothing_is_loaded_for_nothing(rig, double, monkeypatch, log):
    def missing():
        raise UserError("detector 'external' needs vision_msgs: sudo apt install …")

    monkeypatch.setattr(compat, "detections_type", missing)
    with hands_node_with(double, monkeypatch, detector="external"):
        assert rig.state() == "unconfigured"
        wait_until(lambda: log.lines_with("cannot configure: detector 'external' needs vision_msgs"))
        assert not log.lines_with("ready")
