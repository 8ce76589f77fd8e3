"""Boxes of an external detector are used while they are fresh and sane."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lgnet_ros.node.detections import MOST_BOXES, boxes_of
from lgnet_ros.node.faults import FaultKind, InputFault


def header(seconds: float):
    return SimpleNamespace(stamp=SimpleNamespace(sec=int(seconds), nanosec=int(seconds % 1 * 1e9)))


def detections(*boxes, seconds=10.0):
    listed = [
        SimpleNamespace(
            bbox=SimpleNamespace(
                center=SimpleNamespace(position=SimpleNamespace(x=x, y=y)), size_x=width, size_y=height
            )
        )
        for x, y, width, height in boxes
    ]
    return SimpleNamespace(header=header(seconds), detections=listed)


def test_boxes_are_centers_and_sizes():
    boxes = boxes_of(detections((10, 20, 30, 40), (1, 2, 3, 4)), header(10.1))
    np.testing.assert_array_equal(boxes, [[10, 20, 30, 40], [1, 2, 3, 4]])


def test_no_detections_are_no_boxes():
    assert boxes_of(detections(), header(10)).shape == (0, 4)


@pytest.mark.parametrize("now", [10.6, 9.4])
def test_boxes_of_another_time_are_left_out(now):
    assert boxes_of(detections((10, 20, 30, 40)), header(now)).shape == (0, 4)


@pytest.mark.parametrize("box", [(np.nan, 0, 1, 1), (0, 0, np.inf, 1), (0, 0, 0, 5), (0, 0, 5, -1)])
def test_senseless_box_is_a_fault(box):
    with pytest.raises(InputFault) as caught:
        boxes_of(detections((1, 2, 3, 4), box), header(10))
    assert caught.value.kind is FaultKind.BAD_DETECTIONS


def test_flood_of_boxes_is_a_fault():
    with pytest.raises(InputFault, match=str(MOST_BOXES)):
        boxes_of(detections(*[(1, 2, 3, 4)] * (MOST_BOXES + 1)), header(10))
