"""`Hands` messages of hands that hold out, reach, or hang: what a person does in front of a robot."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Twist, Vector3
from lgnet_ros.msg import Hand, Hands, HandsRelation
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from lgnet_ros.interaction import GRASP_CLASSES

# The camera is upright and stands where the robot does: y points down, z away from the robot.
UP, DOWN, TOWARD_ROBOT, SIDEWAYS = (0.0, -1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)


def hand(
    fingers: tuple[float, ...] = TOWARD_ROBOT,
    normal: tuple[float, ...] = UP,
    position: tuple[float, ...] = (0.0, 0.1, 0.6),
    speed: float = 0.0,
    grasp: str = "open",
    std_m: float = 0.01,
    side: int = Hand.RIGHT,
    track_id: int = 1,
    chosen: bool = False,
) -> Hand:
    """A hand by where its fingers and its palm point; it moves toward the robot at `speed` (m/s). As it
    stands, an open palm, held up and out, and still: it offers.
    """
    axes = np.column_stack([fingers, np.cross(normal, fingers), normal])
    x, y, z, w = Rotation.from_matrix(axes).as_quat().tolist()
    at = Point(x=float(position[0]), y=float(position[1]), z=float(position[2]))
    message = Hand(
        side=side, track_id=track_id, chosen=chosen, score=0.9, grasp_class=GRASP_CLASSES.index(grasp)
    )
    message.palm = Pose(position=at, orientation=Quaternion(x=x, y=y, z=z, w=w))
    velocity = speed * np.array(TOWARD_ROBOT)
    message.palm_twist = Twist(linear=Vector3(x=velocity[0], y=velocity[1], z=velocity[2]))
    message.position_covariance = (std_m**2 * np.eye(3)).reshape(-1).astype(np.float32)
    return message


RESTING = {"fingers": DOWN, "normal": TOWARD_ROBOT}
REACHING = {"normal": SIDEWAYS, "speed": 0.3}


def hands(stamp_s: float, *seen: Hand, gap_m: float | None = None, calibrated: bool = True) -> Hands:
    """The answer for an image that was taken at `stamp_s`; gap_m: between the two hands in it."""
    header = Header(frame_id="camera")
    header.stamp.sec, header.stamp.nanosec = int(stamp_s), int(stamp_s % 1 * 1e9)
    message = Hands(header=header, calibrated=calibrated, hands=list(seen))
    if gap_m is not None:
        tracks = {"right_track_id": seen[0].track_id, "left_track_id": seen[1].track_id}
        message.relations = [HandsRelation(distance=gap_m, **tracks)]
    return message
