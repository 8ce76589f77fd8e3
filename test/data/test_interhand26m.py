"""InterHand2.6M on a miniature dataset in its authors' format: two cameras, three frames, the open hand as
"MANO".
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lgnet_ros.data.interhand26m import InterHand26M, InterHandSettings
from lgnet_ros.data.reading import UnreadableSample, readable_samples
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.storage import save_arrays
from lgnet_ros.hand_model.topology import JOINT_NAMES

_ROTATION_CAMERA_WORLD = Rotation.from_euler("xyz", [0.3, -0.8, 1.1]).as_matrix()
_CAMERA_POSITION_MM = np.array([120.0, -340.0, -910.0])
_FOCAL, _PRINCIPAL_POINT = (1200.0, 1210.0), (31.0, 23.5)
_RNG = np.random.default_rng(7)
_POSE = _RNG.normal(0.0, 0.3, 48)
_SHAPE = _RNG.normal(0.0, 1.0, 10)
_TRANSLATION_M = np.array([0.05, -0.02, 0.3])
_MIRROR_AXIS_ANGLE = np.tile([1.0, -1.0, -1.0], 16)


@pytest.fixture(scope="module")
def mano_like(tmp_path_factory: pytest.TempPathFactory) -> HandModel:
    """The open hand as the importer would leave MANO: two files, poses relative to a mean pose."""
    folder = tmp_path_factory.mktemp("mano")
    right = replace(HandModel.load().arrays("right"), hands_mean=np.linspace(-0.4, 0.5, 45))
    save_arrays(folder / "MANO_RIGHT.npz", right)
    save_arrays(folder / "MANO_LEFT.npz", right.mirrored())
    return HandModel.from_mano(folder)


def _fit(mirrored: bool) -> dict[str, list[float]]:
    pose = _POSE * _MIRROR_AXIS_ANGLE if mirrored else _POSE
    translation = _TRANSLATION_M * ([-1, 1, 1] if mirrored else [1, 1, 1])
    return {"pose": pose.tolist(), "shape": _SHAPE.tolist(), "trans": translation.tolist()}


def _annotation(
    number: int, hand_type: str = "interacting", valid: int = 1, image: int | None = None
) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": number if image is None else image,
        "bbox": [0, 0, 10, 10],
        "hand_type": hand_type,
        "hand_type_valid": valid,
        "joint_valid": [1] * 42,
    }


def _write_dataset(root: Path, annotations: list[dict[str, Any]], gray: int = 120) -> InterHandSettings:
    """Images 0..n at frames 100, 103, …; frame 103's left hand has no fit."""
    folder = root / "annotations" / "test"
    folder.mkdir(parents=True)
    images = []
    for number in range(len(annotations)):
        frame = 100 + 3 * number
        name = f"Capture0/0000_neutral/cam400262/image{frame}.jpg"
        (root / "images" / "test" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / "images" / "test" / name), np.full((48, 64, 3), gray, np.uint8))
        images.append(
            {"id": number, "file_name": name, "width": 64, "height": 48, "capture": 0, "subject": 0,
             "seq_name": "0000_neutral", "camera": "400262", "frame_idx": frame}
        )  # fmt: skip
    world = np.arange(42 * 3, dtype=float).reshape(42, 3)
    fits = {"right": _fit(False), "left": _fit(True)}
    files = {
        "data": {"images": images, "annotations": annotations},
        "camera": {"0": {
            "campos": {"400262": _CAMERA_POSITION_MM.tolist()},
            "camrot": {"400262": _ROTATION_CAMERA_WORLD.tolist()},
            "focal": {"400262": _FOCAL}, "princpt": {"400262": _PRINCIPAL_POINT},
        }},
        "joint_3d": {"0": {str(100 + 3 * n): {
            "world_coord": world.tolist(), "joint_valid": [[int(k != 3)] for k in range(42)],
            "hand_type": "interacting", "hand_type_valid": True,
        } for n in range(len(annotations))}},
        "MANO_NeuralAnnot": {"0": {
            str(100 + 3 * n): {**fits, "left": None} if n == 1 else fits for n in range(len(annotations))
        }},
    }  # fmt: skip
    for kind, content in files.items():
        (folder / f"InterHand2.6M_test_{kind}.json").write_text(json.dumps(content))
    return InterHandSettings(root=root, split="test")


def test_vertices_are_posed_in_the_world_and_seen_from_the_camera(
    tmp_path: Path, mano_like: HandModel
) -> None:
    sample = InterHand26M(_write_dataset(tmp_path, [_annotation(0)]), mano_like).load(0)
    mean = np.concatenate([np.zeros(3), np.linspace(-0.4, 0.5, 45)])
    pose = torch.from_numpy(_POSE + mean).float().reshape(16, 3)
    world_m = mano_like(pose, torch.from_numpy(_SHAPE).float(), "right").vertices.numpy() + _TRANSLATION_M
    expected = (world_m - _CAMERA_POSITION_MM / 1000) @ _ROTATION_CAMERA_WORLD.T
    np.testing.assert_allclose(sample.vertices[0], expected, atol=2e-6)
    regressor = mano_like.joint_regressor("right").numpy()
    np.testing.assert_allclose(sample.joints[0], regressor @ expected, atol=3e-6)
    assert sample.intrinsics.matrix[0, 0] == _FOCAL[0]
    assert sample.intrinsics.matrix[1, 2] == _PRINCIPAL_POINT[1]


def test_the_parameters_alone_give_the_same_mesh_up_to_translation(
    tmp_path: Path, mano_like: HandModel
) -> None:
    sample = InterHand26M(_write_dataset(tmp_path, [_annotation(0)]), mano_like).load(0)
    for index, side in enumerate(("right", "left")):
        posed = mano_like(
            torch.from_numpy(sample.rotations[index]), torch.from_numpy(sample.shape[index]), side
        )
        from_parameters = posed.vertices.numpy() - posed.joints.numpy()[0]
        np.testing.assert_allclose(
            from_parameters, sample.vertices[index] - sample.joints[index, 0], atol=3e-6
        )


def test_a_left_hand_with_mirrored_parameters_is_the_mirrored_right_hand(
    tmp_path: Path, mano_like: HandModel
) -> None:
    sample = InterHand26M(_write_dataset(tmp_path, [_annotation(0)]), mano_like).load(0)
    world = sample.vertices @ _ROTATION_CAMERA_WORLD + _CAMERA_POSITION_MM / 1000
    np.testing.assert_allclose(world[1], world[0] * [-1, 1, 1], atol=3e-6)


def test_annotated_joints_run_from_wrist_and_base_to_tip_in_metres(
    tmp_path: Path, mano_like: HandModel
) -> None:
    joints, valid = InterHand26M(_write_dataset(tmp_path, [_annotation(0)]), mano_like).annotated_joints(0)
    world = np.arange(42 * 3, dtype=float).reshape(42, 3)
    theirs = {"wrist": 20, "thumb_tip": 0, "thumb_cmc": 3, "index_tip": 4, "little_mcp": 19}
    for name, number in theirs.items():
        for side in (0, 1):
            expected = _ROTATION_CAMERA_WORLD @ (world[number + 21 * side] - _CAMERA_POSITION_MM) / 1000
            np.testing.assert_allclose(joints[side, JOINT_NAMES.index(name)], expected, atol=1e-9)
    assert not valid[0, JOINT_NAMES.index("thumb_cmc")]
    assert valid.sum() == 41


def test_only_valid_interacting_frames_with_both_fits_are_kept(tmp_path: Path, mano_like: HandModel) -> None:
    annotations = [
        _annotation(0), _annotation(1), _annotation(2, "right"), _annotation(3, valid=0),
        _annotation(4, image=77), _annotation(5, "none"),
    ]  # fmt: skip
    settings = _write_dataset(tmp_path, annotations)
    dataset = InterHand26M(settings, mano_like)
    assert [sample.key[-12:] for sample in readable_samples(dataset)] == ["image100.jpg"]
    assert dict(dataset.left_out) == {
        "a hand without a MANO fit": 1, "not interacting": 1, "hand type not valid": 1,
        "annotation of an unknown image": 1, "hand type 'none'": 1,
    }  # fmt: skip
    every_hand = InterHand26M(replace(settings, interacting_only=False), mano_like)
    assert [tuple(sample.presence) for sample in readable_samples(every_hand)] == [
        (True, True),
        (True, False),
    ]


def test_an_all_but_black_image_is_skipped(tmp_path: Path, mano_like: HandModel) -> None:
    dataset = InterHand26M(_write_dataset(tmp_path, [_annotation(0)], gray=9), mano_like)
    with pytest.raises(UnreadableSample, match=r"image100\.jpg: too dark \(mean 9"):
        dataset.load(0)


def test_an_image_at_the_threshold_is_kept(tmp_path: Path, mano_like: HandModel) -> None:
    assert InterHand26M(_write_dataset(tmp_path, [_annotation(0)], gray=10), mano_like).load(0).presence.all()


def test_a_missing_annotation_file_is_named(tmp_path: Path, mano_like: HandModel) -> None:
    settings = _write_dataset(tmp_path, [_annotation(0)])
    settings.annotation_file("MANO_NeuralAnnot").unlink()
    with pytest.raises(
        UserError, match=r"InterHand2\.6M_test_MANO_NeuralAnnot\.json: annotation file is missing"
    ):
        InterHand26M(settings, mano_like)


def test_no_usable_sample_and_an_unknown_split_are_refused(tmp_path: Path, mano_like: HandModel) -> None:
    settings = _write_dataset(tmp_path, [_annotation(0, "right")])
    with pytest.raises(UserError, match="no usable sample"):
        InterHand26M(settings, mano_like)
    with pytest.raises(UserError, match="split 'tset'"):
        InterHand26M(replace(settings, split="tset"), mano_like)
