"""`/tf`: the frames of all hands in one message, written straight into serialised bytes.

44 transforms of two hands, built as objects, take longer than everything else that is published together.
"""

from __future__ import annotations

import numpy as np
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from lgnet_ros.hand_model.topology import OURS_ROTATION
from lgnet_ros.msg import Hand as HandMsg
from lgnet_ros.node.messages import FRAME_LABELS, hand_transforms
from lgnet_ros.node.templates import STAND_IN, SerializedTemplate, TemplateCache, stand_in_header

_ROTATIONS = np.array(OURS_ROTATION)
_NUMBERS = 7  # of a transform: x, y, z, then a quaternion x, y, z, w
_KEPT_TEMPLATES = 8  # sets of hands whose bytes are kept


class HandFrames:
    """Serialised TFMessages of hands; see `hand_transforms` for what is in them."""

    def __init__(self) -> None:
        self._templates = TemplateCache[SerializedTemplate](_KEPT_TEMPLATES)

    def message(self, hands: list[tuple[str, HandMsg]], header: Header) -> bytes:
        """The frames of all `hands` (prefix of their names, hand), all under the header's frame."""
        prefixes = tuple(prefix for prefix, _ in hands)
        frame_id = header.frame_id
        template = self._templates.get((prefixes, frame_id), lambda: _template(prefixes, frame_id))
        for run, row in zip(template.runs, (row for _, hand in hands for row in _numbers(hand)), strict=True):
            run[...] = row
        return template.stamped(header)


def _template(prefixes: tuple[str, ...], frame_id: str) -> SerializedTemplate:
    transforms = []
    for prefix in prefixes:
        transforms += hand_transforms(HandMsg(), stand_in_header(frame_id), prefix)
    for transform in transforms:
        at, turn = transform.transform.translation, transform.transform.rotation
        at.x = at.y = at.z = turn.x = turn.y = turn.z = turn.w = STAND_IN
    count = len(transforms)
    return SerializedTemplate(TFMessage(transforms=transforms), [_NUMBERS] * count, count)


def _numbers(hand: HandMsg) -> np.ndarray:
    """(22, 7) translations and quaternions of the joints and the palm."""
    numbers = np.empty((len(FRAME_LABELS), _NUMBERS))
    numbers[:-1, :3] = hand.joints.reshape(21, 3)
    numbers[:-1, 3:] = hand.joint_quaternions.reshape(16, 4)[_ROTATIONS]
    at, turn = hand.palm.position, hand.palm.orientation
    numbers[-1] = at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w
    return numbers
