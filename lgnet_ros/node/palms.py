"""`~/left/palm`, `~/right/twist`, …: four small messages a frame, written straight into serialised bytes."""

from __future__ import annotations

from geometry_msgs.msg import Vector3
from std_msgs.msg import Header

from lgnet_ros.msg import Hand as HandMsg
from lgnet_ros.node.messages import palm_message, pose, twist_message
from lgnet_ros.node.templates import STAND_IN, SerializedTemplate, TemplateCache, stand_in_header

_KEPT_TEMPLATES = 4  # frame ids of which the bytes are kept


class PalmMessages:
    """Serialised `palm_message`s and `twist_message`s."""

    def __init__(self) -> None:
        self._poses = TemplateCache[SerializedTemplate](_KEPT_TEMPLATES)
        self._twists = TemplateCache[SerializedTemplate](_KEPT_TEMPLATES)

    def pose(self, hand: HandMsg, header: Header) -> bytes:
        """A serialised PoseStamped of the hand's palm."""
        template = self._poses.get(header.frame_id, lambda: _pose_template(header.frame_id))
        at, turn = hand.palm.position, hand.palm.orientation
        template.runs[0][:] = at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w
        return template.stamped(header)

    def twist(self, hand: HandMsg, header: Header) -> bytes:
        """A serialised TwistStamped of the hand's palm."""
        template = self._twists.get(header.frame_id, lambda: _twist_template(header.frame_id))
        moves, turns = hand.palm_twist.linear, hand.palm_twist.angular
        template.runs[0][:] = moves.x, moves.y, moves.z, turns.x, turns.y, turns.z
        return template.stamped(header)


def _pose_template(frame_id: str) -> SerializedTemplate:
    hand = HandMsg(palm=pose((STAND_IN,) * 3, (STAND_IN,) * 4))
    return SerializedTemplate(palm_message(hand, stand_in_header(frame_id)), [7], 1)


def _twist_template(frame_id: str) -> SerializedTemplate:
    hand = HandMsg()
    hand.palm_twist.linear = hand.palm_twist.angular = Vector3(x=STAND_IN, y=STAND_IN, z=STAND_IN)
    return SerializedTemplate(twist_message(hand, stand_in_header(frame_id)), [6], 1)
