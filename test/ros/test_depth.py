"""Depth beside the images, over DDS: which goes with which, and what happens without."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from builtin_interfaces.msg import Time
from ros_rig import connect, hands_node_with, wait_for_listeners, wait_until
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from lgnet_ros.node.faults import FaultKind


def depth_image(camera, metres):
    message = camera.header_fields(Image(width=64, height=48, encoding="32FC1", step=256))
    message.data = np.full((48, 64), metres, np.float32).tobytes()
    return message


@pytest.fixture
def depths(rig):
    return rig.node.create_publisher(Image, "depth", 5)


@pytest.fixture
def node(double, monkeypatch, camera, depths):
    """A hands node that takes depth, all connected before the first image."""
    with hands_node_with(double, monkeypatch, use_depth=True) as node:
        connect(node, camera)
        wait_for_listeners(depths)
        yield node


def test_depth_goes_with_the_image_of_its_stamp(double, camera, depths, node):
    for _ in range(5):
        camera.shoot()
        depths.publish(depth_image(camera, float(camera.count)))
        time.sleep(0.05)
    paired = wait_until(lambda: [step for step in double.steps if step["depth"] is not None])
    for step in paired:
        count = round((step["stamp_s"] - camera.start_s) * 30)
        assert step["depth"][0, 0] == count


def test_depth_goes_on_when_a_bag_starts_over(double, camera, depths, node):
    def paired():
        camera.shoot()
        depths.publish(depth_image(camera, float(camera.count)))
        time.sleep(0.04)
        return [step["depth"][0, 0] for step in double.steps if step["depth"] is not None]

    camera.count = 3000
    wait_until(paired)
    camera.count = 0
    wait_until(lambda: min(paired()) < 3000)


def test_depth_is_used_at_two_images_a_second_too(double, camera, depths, node):
    for number in range(1, 5):
        camera.shoot()
        time.sleep(0.03)
        depths.publish(depth_image(camera, float(number)))
        wait_until(lambda number=number: len(double.steps) == number)
        time.sleep(0.45)
    assert [step["depth"][0, 0] for step in double.steps] == [1, 2, 3, 4]
    assert FaultKind.MISSING_DEPTH not in node._faults.counts()


def test_no_image_comes_twice_or_late_when_depth_begins_to_come(double, camera, depths, node):
    waiting = []

    def seen(depth_from):
        camera.shoot()
        waiting.append(depth_image(camera, 1.0))  # of this image, sent two images later
        if depth_from and len(waiting) > 2:
            depths.publish(waiting[-3])
        time.sleep(0.04)
        return [step["depth"] is not None for step in double.steps]

    wait_until(lambda: seen(depth_from=False))
    wait_until(lambda: sum(seen(depth_from=True)) > 3)
    stamps = [step["stamp_s"] for step in double.steps]
    assert stamps == sorted(set(stamps))
    assert FaultKind.STAMP_BACKWARD not in node._faults.counts()


def test_images_go_on_when_depth_fails_to_come(double, monkeypatch, camera, log):
    with hands_node_with(double, monkeypatch, use_depth=True) as node:
        connect(node, camera)

        def seen():
            camera.shoot()
            time.sleep(0.04)
            return double.steps

        assert wait_until(seen)[0]["depth"] is None
        wait_until(lambda: log.lines_with(FaultKind.MISSING_DEPTH.value))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": "rgb8"}, "'rgb8' is none of"),
        ({"height": 24}, "depth 64x24, image 64x48"),
        ({"header": Header(stamp=Time(sec=-5))}, "stamp -5 s is before 1970"),
    ],
)
def test_unusable_depth_is_named_and_the_image_used_without(double, camera, depths, log, node, change, words):
    def seen():
        camera.shoot()
        message = depth_image(camera, 1.0)
        for name, value in change.items():
            setattr(message, name, value)
        message.data = message.data[: message.height * message.step]
        depths.publish(message)
        time.sleep(0.04)
        return FaultKind.BAD_DEPTH in node._faults.counts() and double.steps

    assert wait_until(seen)[0]["depth"] is None
    wait_until(lambda: log.lines_with(words))
