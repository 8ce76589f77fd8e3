"""From a frame of the pipeline to ROS messages: pure builders, plain data, stamp and frame in, a message out.

Everything downstream of `hands_message` is built from its result, never again from the frame, so that the
topics cannot differ: the frames on /tf are the message's joints, the palm topics are its palms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import (
    Point,
    Pose,
    PoseStamped,
    Quaternion,
    Transform,
    TransformStamped,
    Twist,
    TwistStamped,
    Vector3,
)
from shape_msgs.msg import Mesh, MeshTriangle
from std_msgs.msg import Header

from lgnet_ros.hand_model.topology import JOINT_NAMES, OURS_ROTATION
from lgnet_ros.interaction.palm import PalmPose
from lgnet_ros.msg import Hand as HandMsg
from lgnet_ros.msg import Hands, HandsRelation
from lgnet_ros.pipeline.records import SCALE_SOURCES, Frame, Hand, HandRelation
from lgnet_ros.pipeline.so3 import quaternions

SIDE_CODES = {"right": HandMsg.RIGHT, "left": HandMsg.LEFT}
SIDE_NAMES = {code: side for side, code in SIDE_CODES.items()}
FRAME_LABELS = (*JOINT_NAMES, "palm")
_MOST_CONTACTS = 10  # the bound in HandsRelation.msg


def hands_message(frame: Frame, header: Header, model_id: str, calibrated: bool) -> Hands:
    """Everything about one image. The latency is left at zero: it is known when the message is published.

    Args:
        frame: what the pipeline saw.
        header: the image's own.
        model_id: which weights on which hand model.
        calibrated: whether the metres rest on a CameraInfo rather than on an assumed field of view.
    """
    return Hands(
        header=header,
        calibrated=calibrated,
        hands=[hand_message(hand) for hand in frame.hands],
        relations=[relation_message(relation) for relation in frame.relations],
        model_id=model_id,
    )


def hand_message(hand: Hand) -> HandMsg:
    """One hand; units, axes and orders as Hand.msg says."""
    turns = quaternions(np.concatenate([hand.rotations, hand.palm.rotation[None]]))
    joints = _floats(hand.joints)
    message = HandMsg(
        side=SIDE_CODES[hand.side],
        track_id=hand.track_id,
        score=float(hand.score),
        grasp_aperture=float(hand.grasp.aperture_m),
        grasp_class=hand.grasp.code,
        scale_source=SCALE_SOURCES.index(hand.scale_source),
    )
    message.wrist = pose(joints[:3].tolist(), turns[0].tolist())
    message.palm = pose(hand.palm.position.tolist(), turns[16].tolist())
    message.palm_twist = _twist(hand.twist)
    message.joints = joints
    message.joints_image = _floats(hand.joints_image)
    message.joint_quaternions = _floats(turns[:16])
    message.vertices = _floats(hand.vertices)
    message.pose = _floats(hand.pose)
    message.shape = _floats(hand.shape)
    message.position_covariance = _floats(hand.position_covariance)
    return message


def relation_message(relation: HandRelation) -> HandsRelation:
    """How the two hands of one person lie to each other."""
    depth = relation.penetration_m
    return HandsRelation(
        right_track_id=relation.track_ids[0],
        left_track_id=relation.track_ids[1],
        wrist_translation=_vector(relation.relative_translation),
        distance=float(-depth if depth > 0 else relation.distance_m),
        closest_right=point(relation.closest_points[0]),
        closest_left=point(relation.closest_points[1]),
        contacts=[point(contact) for contact in relation.contacts[:_MOST_CONTACTS]],
    )


def hand_transforms(hand: HandMsg, header: Header, prefix: str) -> list[TransformStamped]:
    """The frames of one hand, all with the image's frame as parent: 21 joints, then the palm.

    Args:
        hand: as built by `hand_message`.
        header: the image's own.
        prefix: put before `wrist`, `index_tip`, …, `palm`.
    """
    positions = hand.joints.reshape(21, 3).tolist()
    rotations = hand.joint_quaternions.reshape(16, 4).tolist()
    transforms = [
        _transform(header, prefix + name, position, rotations[rotation])
        for name, position, rotation in zip(JOINT_NAMES, positions, OURS_ROTATION, strict=True)
    ]
    at, turn = hand.palm.position, hand.palm.orientation
    palm = Transform(translation=Vector3(x=at.x, y=at.y, z=at.z), rotation=turn)
    return [*transforms, TransformStamped(header=header, child_frame_id=prefix + "palm", transform=palm)]


def frame_prefix(hand: HandMsg, prefix: str, several_people: bool) -> str:
    """What stands before the joint's name: `left_`, or `left_7_` among several people's hands; without a
    slash at its beginning, which tf2 refuses.
    """
    side = f"{prefix.lstrip('/')}{SIDE_NAMES[hand.side]}_"
    return f"{side}{hand.track_id}_" if several_people else side


def first_person(message: Hands) -> list[HandMsg]:
    """The hands, none, one or two, of the person who was seen first of those in the message."""
    if not message.hands:
        return []
    first = message.hands[0].track_id
    pairs = ({relation.right_track_id, relation.left_track_id} for relation in message.relations)
    own = next((pair for pair in pairs if first in pair), {first})
    return [hand for hand in message.hands if hand.track_id in own]


def palm_message(hand: HandMsg, header: Header) -> PoseStamped:
    """The palm's pose; its z axis points out of the palm."""
    return PoseStamped(header=header, pose=hand.palm)


def twist_message(hand: HandMsg, header: Header) -> TwistStamped:
    """Filtered velocity of the palm, linear and angular, along the axes of the header's frame."""
    return TwistStamped(header=header, twist=hand.palm_twist)


def mesh_topology(faces: np.ndarray) -> Mesh:
    """The triangles (N,3) of one side's mesh. Their vertices are in every `Hand`."""
    triangles = np.ascontiguousarray(faces, dtype=np.uint32)
    return Mesh(triangles=[MeshTriangle(vertex_indices=triangle) for triangle in triangles])


def point(xyz: np.ndarray) -> Point:
    """A geometry_msgs/Point of three numbers."""
    return Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def xyz(triple: Point | Vector3) -> np.ndarray:
    """(3,) numbers of a geometry_msgs/Point or Vector3."""
    return np.array([triple.x, triple.y, triple.z])


def pose(position: Sequence[float], xyzw: Sequence[float]) -> Pose:
    """A geometry_msgs/Pose of a position (3,) and a quaternion (4,) of plain floats."""
    x, y, z = position
    return Pose(position=Point(x=x, y=y, z=z), orientation=_quaternion(xyzw))


def rotation_of(turn: Quaternion) -> np.ndarray:
    """(3, 3) the rotation of a geometry_msgs/Quaternion; none, for one without length."""
    x, y, z, w = turn.x, turn.y, turn.z, turn.w
    twice = 2 / max(x * x + y * y + z * z + w * w, 1e-300)
    return np.array(
        [
            [1 - twice * (y * y + z * z), twice * (x * y - z * w), twice * (x * z + y * w)],
            [twice * (x * y + z * w), 1 - twice * (x * x + z * z), twice * (y * z - x * w)],
            [twice * (x * z - y * w), twice * (y * z + x * w), 1 - twice * (x * x + y * y)],
        ]
    )


def palm_of(hand: HandMsg) -> PalmPose:
    """The palm of a message, as the pipeline has it."""
    return PalmPose(xyz(hand.palm.position), rotation_of(hand.palm.orientation))


def _floats(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32).reshape(-1)


def _vector(xyz: np.ndarray) -> Vector3:
    return Vector3(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def _quaternion(xyzw: Sequence[float]) -> Quaternion:
    x, y, z, w = xyzw
    return Quaternion(x=x, y=y, z=z, w=w)


def _twist(twist: np.ndarray) -> Twist:
    return Twist(linear=_vector(twist[:3]), angular=_vector(twist[3:]))


def _transform(
    header: Header, child: str, position: Sequence[float], xyzw: Sequence[float]
) -> TransformStamped:
    x, y, z = position
    transform = Transform(translation=Vector3(x=x, y=y, z=z), rotation=_quaternion(xyzw))
    return TransformStamped(header=header, child_frame_id=child, transform=transform)
