"""External detections: boxes around hands, from any detector that speaks vision_msgs."""

from __future__ import annotations

from typing import Any

import numpy as np

from lgnet_ros.node.faults import FaultKind, InputFault

MOST_BOXES = 32  # more are a detector gone wild, and every one costs a pass of the network
LONGEST_LAG_S = 0.5  # between the detector's image and ours; a hand moves a hand's width in that time


def boxes_of(detections: Any, image_header: Any) -> np.ndarray:
    """The boxes of a Detection2DArray, none if they are of another time than the image.

    Args:
        detections: vision_msgs/Detection2DArray, or anything with its fields.
        image_header: of the image they are to be used on.

    Returns:
        (N,4) float64: center x, center y, width, height, pixels.

    Raises:
        InputFault: of kind BAD_DETECTIONS: NaN, a box without area, or far too many of them.
    """
    if abs(_seconds(detections.header) - _seconds(image_header)) > LONGEST_LAG_S:
        return np.zeros((0, 4))
    if len(detections.detections) > MOST_BOXES:
        explanation = f"{len(detections.detections)} boxes, more than {MOST_BOXES}"
        raise InputFault(FaultKind.BAD_DETECTIONS, explanation)
    boxes = np.array([_box(detection.bbox) for detection in detections.detections]).reshape(-1, 4)
    if not np.isfinite(boxes).all() or (boxes[:, 2:] <= 0).any():
        raise InputFault(FaultKind.BAD_DETECTIONS, "a box is not finite or has no area")
    return boxes


def _box(bbox: Any) -> tuple[float, float, float, float]:
    position = bbox.center.position
    return position.x, position.y, bbox.size_x, bbox.size_y


def _seconds(header: Any) -> float:
    return header.stamp.sec + header.stamp.nanosec * 1e-9
