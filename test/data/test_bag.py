"""Bags read back with the library that ROS users have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

pytest.importorskip("rosbags")
from rosbags.rosbag2 import Reader  # noqa: E402

from lgnet_ros.data.bag import message_types, write_bag  # noqa: E402
from lgnet_ros.data.sample import HandSample  # noqa: E402
from lgnet_ros.errors import UserError  # noqa: E402
from lgnet_ros.geometry.cameras import CameraIntrinsics  # noqa: E402
from lgnet_ros.hand_model import HandModel  # noqa: E402


def _sample(seed: int, depth: bool = True) -> HandSample:
    rng = np.random.default_rng(seed)
    rotations = (
        Rotation.from_rotvec(rng.normal(0, 0.4, (32, 3))).as_matrix().reshape(2, 16, 3, 3).astype(np.float32)
    )
    shape = rng.normal(0, 1, (2, 10)).astype(np.float32)
    posed = HandModel.load().both(torch.from_numpy(rotations), torch.from_numpy(shape))
    offset = np.array([[[0.1, 0.0, 0.7]], [[-0.1, 0.05, 0.8]]], np.float32)
    return HandSample(
        image=rng.integers(0, 255, (48, 64, 3), dtype=np.uint8),
        intrinsics=CameraIntrinsics.from_field_of_view(64, 48, 1.0),
        presence=np.array([True, seed % 2 == 0]),
        vertices=posed.vertices.numpy() + offset,
        joints=posed.joints.numpy() + offset,
        rotations=rotations,
        shape=shape,
        joints_valid=np.ones((2, 21), bool),
        mesh_valid=np.ones(2, bool),
        visibility=np.ones((2, 21), bool),
        mask=None,
        depth=rng.uniform(0.3, 2.0, (48, 64)).astype(np.float32) if depth else None,
        key=str(seed),
    )


def _read(path: Path) -> dict[str, list[tuple[int, object]]]:
    store = message_types()
    messages: dict[str, list[tuple[int, object]]] = {}
    with Reader(path) as reader:
        for connection, time_ns, data in reader.messages():
            message = store.deserialize_cdr(data, connection.msgtype)
            messages.setdefault(connection.topic, []).append((time_ns, message))
    return messages


def test_image_camera_depth_and_truth_come_back_with_one_stamp(tmp_path: Path) -> None:
    first, second = _sample(0), _sample(1, depth=False)
    assert write_bag([(2.5, first), (2.533, second)], tmp_path / "clip", frame_id="optical") == 2
    messages = _read(tmp_path / "clip")
    assert {topic: len(found) for topic, found in messages.items()} == {
        "/camera/image_raw": 2, "/camera/camera_info": 2, "/camera/depth": 1, "/camera/truth": 2,
    }  # fmt: skip
    for found in messages.values():
        assert found[0][0] == 2_500_000_000
        assert (found[0][1].header.stamp.sec, found[0][1].header.stamp.nanosec) == (2, 500_000_000)
        assert found[0][1].header.frame_id == "optical"
    image = messages["/camera/image_raw"][0][1]
    assert (image.encoding, image.step) == ("rgb8", 64 * 3)
    np.testing.assert_array_equal(image.data.reshape(48, 64, 3), first.image)
    depth = messages["/camera/depth"][0][1]
    assert (depth.encoding, depth.step) == ("32FC1", 64 * 4)
    np.testing.assert_array_equal(depth.data.view("<f4").reshape(48, 64), first.depth)
    info = messages["/camera/camera_info"][0][1]
    np.testing.assert_allclose(info.k.reshape(3, 3), first.intrinsics.matrix)
    assert (info.distortion_model, info.d.tolist()) == ("plumb_bob", [0.0] * 5)


def test_truth_holds_the_present_hands_exactly(tmp_path: Path) -> None:
    samples = [_sample(0), _sample(1)]
    write_bag([(float(k), sample) for k, sample in enumerate(samples)], tmp_path / "clip")
    both, right_only = (message for _, message in _read(tmp_path / "clip")["/camera/truth"])
    assert [hand.side for hand in both.hands] == [0, 1]
    assert [hand.side for hand in right_only.hands] == [0]
    left, truth = both.hands[1], samples[0]
    np.testing.assert_array_equal(left.vertices.reshape(778, 3), truth.vertices[1])
    np.testing.assert_array_equal(left.joints.reshape(21, 3), truth.joints[1])
    pixels = truth.intrinsics.project(truth.joints[1])
    np.testing.assert_allclose(left.joints_image.reshape(21, 2), pixels, rtol=1e-6)
    np.testing.assert_allclose([left.wrist.position.x, left.wrist.position.z], truth.joints[1, 0, [0, 2]])
    assert left.scale_source == left.SCALE_TRUTH


def test_joint_orientations_are_the_hand_models_own_in_the_camera_frame(tmp_path: Path) -> None:
    sample = _sample(0)
    write_bag([(0.0, sample)], tmp_path / "clip")
    hand = _read(tmp_path / "clip")["/camera/truth"][0][1].hands[0]
    posed = HandModel.load()(
        torch.from_numpy(sample.rotations[0]), torch.from_numpy(sample.shape[0]), "right"
    )
    measured = Rotation.from_quat(hand.joint_quaternions.reshape(16, 4)).as_matrix()
    np.testing.assert_allclose(measured, posed.rotations.numpy(), atol=1e-6)
    local = Rotation.from_rotvec(hand.pose.reshape(16, 3)).as_matrix()
    np.testing.assert_allclose(local, sample.rotations[0], atol=1e-6)


def test_a_bag_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def torn():
        yield 0.0, _sample(0)
        raise RuntimeError("the renderer died")

    with pytest.raises(RuntimeError, match="the renderer died"):
        write_bag(torn(), tmp_path / "clip")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_bag_is_never_overwritten(tmp_path: Path) -> None:
    write_bag([(0.0, _sample(0))], tmp_path / "clip")
    with pytest.raises(UserError, match="exists already"):
        write_bag([(0.0, _sample(0))], tmp_path / "clip")


def test_a_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="the bag cannot be written"):
        write_bag([(0.0, _sample(0))], tmp_path / "file" / "clip")
