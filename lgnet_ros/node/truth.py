"""The truth of a rendered image as a message, so that anyone can compare it with what hands_node says."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from lgnet_ros.data.sample import HandSample
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.interaction import grasp, palm_pose
from lgnet_ros.msg import Hand as HandMsg
from lgnet_ros.msg import Hands
from lgnet_ros.node.messages import hand_message
from lgnet_ros.pipeline.records import SCALE_SOURCES, Hand, RawHand
from lgnet_ros.pipeline.so3 import global_rotations


def truth_message(sample: HandSample, header: Header) -> Hands:
    """What `Hands` says of a rendered image when nothing is estimated. Without velocities and relations."""
    hands = [_hand_message(sample, side) for side in range(len(SIDES)) if sample.presence[side]]
    return Hands(header=header, calibrated=True, hands=hands, model_id="truth")


def _hand_message(sample: HandSample, side: int) -> HandMsg:
    message = hand_message(exact_hand(sample, side))
    message.scale_source = HandMsg.SCALE_TRUTH
    return message


def exact_hand(sample: HandSample, side: int) -> Hand:
    """The rendered hand of that side (0 right, 1 left) as the pipeline would state it if it made no error."""
    joints, local = sample.joints[side], sample.rotations[side].astype(np.float64)
    pose = Rotation.from_matrix(local).as_rotvec().reshape(-1)
    rotations = global_rotations(local)
    return Hand(
        side=SIDES[side],
        track_id=side,
        person_id=0,
        score=1.0,
        joints=joints,
        vertices=sample.vertices[side],
        rotations=rotations,
        joints_image=sample.intrinsics.project(joints),
        pose=pose,
        shape=sample.shape[side],
        position_covariance=np.zeros((3, 3)),
        palm=palm_pose(joints, SIDES[side]),
        twist=np.zeros(6),
        grasp=grasp(joints),
        scale=1.0,
        scale_source=SCALE_SOURCES[0],
        raw=RawHand(joints, sample.vertices[side], rotations, sample.shape[side]),
    )
