"""Malformed and hostile input: never an exception, always a count, no growth of memory.

`LGNET_FUZZ=10000` runs as many cases; the suite runs fewer.
"""

from __future__ import annotations

import dataclasses
import math
import os
import random

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
from rclpy.node import Node
from ros_rig import PipelineDouble, wait_until
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from lgnet_ros.errors import UserError
from lgnet_ros.landmarks.names import EXTERNAL
from lgnet_ros.node import interaction_markers
from lgnet_ros.node.faults import FaultLog
from lgnet_ros.node.images import DEPTH_ENCODINGS, ENCODINGS
from lgnet_ros.node.inputs import Inputs, Sample
from lgnet_ros.node.outputs import SIDES, Outputs
from lgnet_ros.node.parameter_rules import checked_changes, rules
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.processing import FrameProcessor
from lgnet_ros.node.statistics import Statistics, resident_memory_mb
from lgnet_ros.pipeline import overlay

Detections = pytest.importorskip("vision_msgs.msg", reason="vision_msgs is not installed")

CASES = int(os.environ.get("LGNET_FUZZ", "1500"))
SIZES = (0, 1, 2, 7, 63, 64, 65, 640, 2**16, 2**31, 2**32 - 1)
NUMBERS = (0.0, -0.0, 1.0, -1.0, 500.0, 1e-30, 1e30, 1e308, math.nan, math.inf, -math.inf)


def bytes_of(chance, length):
    return chance.randbytes(min(length, 50_000))


def hostile_image(chance, encodings):
    message = Image(
        width=chance.choice(SIZES),
        height=chance.choice(SIZES),
        encoding=chance.choice([*encodings, "", "x" * 1000, "rgb\u00fc8"]),
        is_bigendian=chance.choice([0, 1, 255]),
    )
    message.step = chance.choice([*SIZES, min(message.width * 3, 2**32 - 1)])
    sane = message.width <= 640 and message.height <= 640
    length = message.step * message.height if sane else chance.randrange(300)
    message.data = bytes_of(chance, max(0, length + chance.choice([0, 0, 0, -1, 1, 100])))
    return message


def plausible_image(chance, encodings):
    message = hostile_image(chance, encodings)
    message.width, message.height, message.step = 64, 48, chance.choice([64, 128, 192, 256, 384, 512])
    message.data = bytes_of(chance, message.step * chance.choice([48, 72]))
    return message


def hostile_compressed(chance):
    picture = np.full((48, 64, 3), chance.randrange(256), np.uint8)
    data = bytearray(cv2.imencode(chance.choice([".jpg", ".png"]), picture)[1].tobytes())
    for _ in range(chance.randrange(6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return CompressedImage(format="jpeg", data=bytes(data[: chance.randrange(len(data) + 1)]))


def hostile_info(chance):
    info = CameraInfo(width=64, height=48, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = [64.0, 0.0, 32.0, 0.0, 64.0, 24.0, 0.0, 0.0, 1.0]
    if chance.random() < 0.7:
        return info
    info.width, info.height = chance.choice([64, *SIZES]), chance.choice([48, *SIZES])
    info.k = [chance.choice(NUMBERS) for _ in range(9)]
    info.d = [chance.choice(NUMBERS) for _ in range(chance.choice([0, 1, 4, 5, 8, 14]))]
    info.distortion_model = chance.choice(["", "plumb_bob", "rational_polynomial", "equidistant", "x" * 1000])
    info.binning_x, info.binning_y = chance.choice([0, 1, 2, 2**32 - 1]), chance.choice([0, 1, 2])
    info.roi.width, info.roi.height = chance.choice(SIZES), chance.choice(SIZES)
    info.roi.x_offset = chance.choice(SIZES)
    return info


def hostile_detections(chance):
    message = Detections.Detection2DArray()
    for _ in range(chance.choice([0, 1, 2, 33, 500])):
        detection = Detections.Detection2D()
        box = detection.bbox
        box.center.position.x, box.center.position.y = chance.choice(NUMBERS), chance.choice(NUMBERS)
        box.size_x, box.size_y = chance.choice([64.0, *NUMBERS]), chance.choice([48.0, *NUMBERS])
        message.detections.append(detection)
    return message


def stamped(chance, message, number):
    message.header.stamp.sec = chance.choice([number, number, 0, -5, 2**31 - 1])
    message.header.stamp.nanosec = chance.choice([0, 2**32 - 1])
    message.header.frame_id = chance.choice(["camera", "camera", "", "/", "x" * 1000, "\u00fc\n\t"])
    return message


def image_of(chance):
    kind = chance.randrange(3)
    if kind == 2:
        return hostile_compressed(chance)
    return (hostile_image, plausible_image)[kind](chance, ENCODINGS)


@pytest.fixture
def spectator(rig):
    """Somebody looks at all that is made only if somebody looks."""
    for kind, name in [
        (MarkerArray, "markers"),
        (MarkerArray, "interaction_markers"),
        (Image, "overlay"),
        (PointCloud2, "keepout"),
    ]:
        rig.listener.listen(kind, f"/fuzzed/{name}", 1, counts=lambda message: False)


@pytest.fixture
def node(rig):
    """A bare node for inputs and outputs, in the listener's process."""
    node = Node("fuzzed", context=rig.context)
    yield node
    node.destroy_node()


@pytest.mark.parametrize(("fov", "use_depth"), [(0.0, False), (60.0, False), (60.0, True)])
def test_hostile_input_is_answered_or_counted_and_leaves_no_memory_behind(node, spectator, fov, use_depth):
    chance = random.Random(int(fov))
    faults, double = FaultLog(lambda line: None), PipelineDouble()
    parameters = HandsParameters(assumed_horizontal_fov=fov, use_depth=use_depth, detector=EXTERNAL)
    outputs = Outputs(node, {side: double.faces(side) for side in SIDES})
    wait_until(lambda: outputs._overlay.get_subscription_count())
    processor = FrameProcessor(
        double, "id", outputs, lambda: parameters, Statistics(), faults, lambda: float(number)
    )
    number, answered = 0, 0

    def deliver(sample):
        nonlocal answered
        answered += processor.process(dataclasses.replace(sample, received_s=10.0 + number))

    inputs = Inputs(node, parameters, faults, deliver)
    overlay.rehearse()
    interaction_markers.rehearse()
    good = Image(width=2, height=1, step=6, encoding="rgb8", data=bytes(6))
    processor.process(Sample(good, None, None, None, 0.0))  # from here on, a missing CameraInfo is a fault
    start = resident_memory_mb()
    for number in range(1, CASES + 1):
        before = answered + sum(faults.counts().values())
        double.sides = chance.choice([(), ("right",), ("left",), ("right", "left")])
        inputs._on_camera_info(stamped(chance, hostile_info(chance), number))
        inputs._on_detections(stamped(chance, hostile_detections(chance), number))
        if use_depth:
            kind = chance.choice([hostile_image, plausible_image])
            inputs._on_depth(stamped(chance, kind(chance, DEPTH_ENCODINGS), number))
        inputs._on_image(stamped(chance, image_of(chance), number))
        double.steps.clear()
        assert use_depth or answered + sum(faults.counts().values()) > before  # else it waits for its depth
    assert answered > CASES / 100
    assert resident_memory_mb() - start < 20
    inputs.close()
    outputs.close()


def test_hostile_parameters_are_refused_in_words_or_taken_in_their_types():
    chance = random.Random(1)
    values = [*NUMBERS, *SIZES, "", "x" * 10_000, True, None, [], [1.0] * 3, ["a"], b"bytes", {}, (), "auto"]
    taken = 0
    for _ in range(CASES):
        name = chance.choice(list(rules(HandsParameters)))
        try:
            accepted = checked_changes(HandsParameters, {name: chance.choice(values)}, chance.random() < 0.5)
        except UserError as refusal:
            assert str(refusal).startswith(name)
            continue
        taken += 1
        assert type(accepted[name]) is type(getattr(HandsParameters(), name))
    assert 0 < taken < CASES
