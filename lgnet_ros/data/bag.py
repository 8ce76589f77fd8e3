"""A rosbag2 (MCAP) of samples with known hands, to play to the node without a camera.

Topics, below a namespace: `image_raw` (sensor_msgs/Image, rgb8), `camera_info`, `depth` (sensor_msgs/Image,
32FC1, metres, 0 = unknown; only for samples that have it) and `truth` (lgnet_ros/Hands). One stamp per frame,
on all four.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.data.sample import HandSample
from lgnet_ros.errors import UserError
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.rotations import matrix_to_quaternion_xyzw
from lgnet_ros.hand_model.topology import MANO_PARENTS, SIDES
from lgnet_ros.interaction.grasp import grasp
from lgnet_ros.interaction.palm import palm_pose
from lgnet_ros.paths import share_directory

try:
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    from rosbags.typesys.store import Typestore
except ImportError as reason:
    raise UserError(f"writing bags needs the library 'rosbags' ({reason}); pip install rosbags") from reason

# Version 8 of the bag's metadata is what Humble to Rolling all read; 9 is not read by Humble.
_METADATA_VERSION = 8
_NANOSECONDS = 1_000_000_000
_DISTORTION_COEFFICIENTS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
_TOPICS = {
    "image_raw": "sensor_msgs/msg/Image",
    "camera_info": "sensor_msgs/msg/CameraInfo",
    "depth": "sensor_msgs/msg/Image",
    "truth": "lgnet_ros/msg/Hands",
}


def message_types() -> Typestore:
    """ROS 2's common interfaces plus this package's, read from its .msg files."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    types: dict[str, Any] = {}
    for path in sorted((share_directory() / "msg").glob("*.msg")):
        types.update(get_types_from_msg(path.read_text(encoding="utf-8"), f"lgnet_ros/msg/{path.stem}"))
    store.register(types)
    return store


def write_bag(
    frames: Iterable[tuple[float, HandSample]],
    path: Path,
    *,
    frame_id: str = "camera_optical_frame",
    namespace: str = "camera",
) -> int:
    """Writes (time [s], sample) pairs as the bag directory `path`, whole or not at all; returns the number of
    frames.

    Times are seconds since the epoch that the stamps shall have, not before 0.

    Raises:
        UserError: `path` exists, or cannot be written to (no such folder, disk full).
    """
    if path.exists():
        raise UserError(f"{path}: exists already; bags are never overwritten")
    # The bag's file names contain the folder's name, so it gets its final name inside a temporary folder.
    workplace = path.parent / f".{path.name}.part"
    try:
        shutil.rmtree(workplace, ignore_errors=True)
        count = _write(frames, workplace / path.name, frame_id, namespace)
        (workplace / path.name).rename(path)
    except OSError as reason:
        raise UserError(f"{path}: the bag cannot be written ({reason.strerror or reason})") from reason
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return count


def _write(frames: Iterable[tuple[float, HandSample]], path: Path, frame_id: str, namespace: str) -> int:
    store = message_types()
    count = 0
    with Writer(path, version=_METADATA_VERSION, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            name: writer.add_connection(f"/{namespace}/{name}".replace("//", "/"), kind, typestore=store)
            for name, kind in _TOPICS.items()
        }
        for time_s, sample in frames:
            stamp_ns = round(time_s * _NANOSECONDS)
            for name, message in _messages(store, sample, stamp_ns, frame_id).items():
                data = store.serialize_cdr(message, _TOPICS[name])
                writer.write(connections[name], stamp_ns, data)
            count += 1
    return count


def _messages(store: Typestore, sample: HandSample, stamp_ns: int, frame_id: str) -> dict[str, Any]:
    """The messages of one frame by topic name."""
    make = store.types
    seconds, nanoseconds = divmod(stamp_ns, _NANOSECONDS)
    stamp = make["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
    header = make["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)
    messages = {
        "image_raw": _image(store, header, sample.image, "rgb8"),
        "camera_info": _camera_info(store, header, sample.intrinsics),
        "truth": _truth(store, header, sample),
    }
    if sample.depth is not None:
        messages["depth"] = _image(store, header, sample.depth.astype("<f4"), "32FC1")
    return messages


def _image(store: Typestore, header: Any, pixels: np.ndarray, encoding: str) -> Any:
    pixels = np.ascontiguousarray(pixels)
    return store.types["sensor_msgs/msg/Image"](
        header=header,
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=pixels.strides[0],
        data=pixels.reshape(-1).view(np.uint8),
    )


def _camera_info(store: Typestore, header: Any, intrinsics: CameraIntrinsics) -> Any:
    """A camera without distortion is a plumb bob with zeros: ROS's image pipeline knows that."""
    model = "plumb_bob" if intrinsics.distortion_model == "none" else intrinsics.distortion_model
    distortion = np.array(intrinsics.distortion or (0.0,) * _DISTORTION_COEFFICIENTS[model])
    matrix = np.asarray(intrinsics.matrix, dtype=np.float64)
    region = store.types["sensor_msgs/msg/RegionOfInterest"](
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return store.types["sensor_msgs/msg/CameraInfo"](
        header=header,
        height=intrinsics.height,
        width=intrinsics.width,
        distortion_model=model,
        d=distortion,
        k=matrix.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=np.hstack([matrix, np.zeros((3, 1))]).reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=region,
    )


def _truth(store: Typestore, header: Any, sample: HandSample) -> Any:
    hands = [_hand(store, sample, side) for side in np.flatnonzero(sample.presence & sample.mesh_valid)]
    return store.types["lgnet_ros/msg/Hands"](
        header=header, calibrated=True, hands=hands, relations=[], model_id="truth", latency=0.0
    )


def _hand(store: Typestore, sample: HandSample, side: int) -> Any:
    """One hand as a message: what is known exactly; a single sample has neither track nor velocity, they stay
    zero.
    """
    joints = sample.joints[side].astype(np.float64)
    rotations = _camera_rotations(sample.rotations[side].astype(np.float64))
    palm, held = palm_pose(joints, SIDES[side]), grasp(joints)
    make = store.types
    zero = make["geometry_msgs/msg/Vector3"](x=0.0, y=0.0, z=0.0)
    kind = make["lgnet_ros/msg/Hand"]
    return kind(
        side=side,
        track_id=0,
        chosen=False,
        score=1.0,
        wrist=_pose(store, joints[0], rotations[0]),
        palm=_pose(store, palm.position, palm.rotation),
        palm_twist=make["geometry_msgs/msg/Twist"](linear=zero, angular=zero),
        grasp_aperture=held.aperture_m,
        grasp_class=held.code,
        joints=_float32(joints),
        joints_image=_float32(sample.intrinsics.project(joints)),
        joint_quaternions=_float32(matrix_to_quaternion_xyzw(torch.from_numpy(rotations)).numpy()),
        vertices=_float32(sample.vertices[side]),
        pose=_float32(Rotation.from_matrix(sample.rotations[side]).as_rotvec()),
        shape=_float32(sample.shape[side]),
        position_covariance=np.zeros(9, np.float32),
        scale_source=kind.SCALE_TRUTH,
    )


def _camera_rotations(local: np.ndarray) -> np.ndarray:
    """(16, 3, 3) parent-relative rotations, chained to the camera's frame."""
    chained = local.copy()
    for joint, parent in enumerate(MANO_PARENTS):
        if parent >= 0:
            chained[joint] = chained[parent] @ local[joint]
    return chained


def _pose(store: Typestore, position: np.ndarray, rotation: np.ndarray) -> Any:
    x, y, z = (float(value) for value in position)
    qx, qy, qz, qw = matrix_to_quaternion_xyzw(torch.from_numpy(rotation)).tolist()
    return store.types["geometry_msgs/msg/Pose"](
        position=store.types["geometry_msgs/msg/Point"](x=x, y=y, z=z),
        orientation=store.types["geometry_msgs/msg/Quaternion"](x=qx, y=qy, z=qz, w=qw),
    )


def _float32(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
