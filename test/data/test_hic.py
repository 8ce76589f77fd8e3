"""HIC on a miniature dataset in its published format: HIC.json, one image, PLY meshes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from lgnet_ros.data.hic import HIC
from lgnet_ros.data.reading import UnreadableSample
from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel

_MESH = np.random.default_rng(3).normal(0.0, 0.05, (778, 3)).astype(np.float32) + [0.1, -0.05, 0.8]


def _write_ply(path: Path, vertices: np.ndarray) -> None:
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n"
        "property float x\nproperty float y\nproperty float z\nelement face 0\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.encode() + vertices.astype("<f4").tobytes())


def _write_dataset(root: Path) -> Path:
    (root / "01" / "rgb").mkdir(parents=True)
    cv2.imwrite(str(root / "01" / "rgb" / "image1.png"), np.full((480, 640, 3), 90, np.uint8))
    _write_ply(root / "meshes" / "r.ply", _MESH)
    _write_ply(root / "meshes" / "l.ply", _MESH * [-1, 1, 1])
    image = {
        "id": 5,
        "file_name": "01/rgb/image1.png",
        "width": 640,
        "height": 480,
        "seq_name": "01",
        "frame_idx": 1,
    }
    paths = [("meshes/r.ply", "meshes/l.ply"), ("meshes/r.ply", None), (None, None)]
    annotations = [
        {"id": k, "image_id": 5, "hand_type": "interacting", "right_mano_path": right, "left_mano_path": left}
        for k, (right, left) in enumerate(paths)
    ]
    (root / "HIC.json").write_text(json.dumps({"images": [image], "annotations": annotations}))
    return root


def test_meshes_are_the_files_own_and_joints_follow_from_them(tmp_path: Path) -> None:
    model = HandModel.load()
    sample = HIC(_write_dataset(tmp_path), model).load(0)
    np.testing.assert_array_equal(sample.vertices[0], _MESH.astype(np.float32))
    expected = model.joint_regressor("left").numpy() @ (_MESH * [-1, 1, 1])
    np.testing.assert_allclose(sample.joints[1], expected, atol=1e-6)
    np.testing.assert_allclose(sample.intrinsics.project(np.array([0.0, 0.0, 1.0])), (319.5, 239.5))


def test_a_hand_without_a_mesh_is_absent_and_an_annotation_without_hands_is_left_out(tmp_path: Path) -> None:
    dataset = HIC(_write_dataset(tmp_path), HandModel.load())
    assert len(dataset) == 2
    assert dict(dataset.left_out) == {"no hand's mesh": 1}
    sample = dataset.load(1)
    assert sample.presence.tolist() == [True, False]
    assert not sample.vertices[1].any()
    assert not sample.joints_valid[1].any()


def test_a_missing_mesh_or_one_of_another_model_is_named(tmp_path: Path) -> None:
    dataset = HIC(_write_dataset(tmp_path), HandModel.load())
    _write_ply(tmp_path / "meshes" / "l.ply", _MESH[:700])
    with pytest.raises(UnreadableSample, match=r"l\.ply: 700 vertices"):
        dataset.load(0)
    (tmp_path / "meshes" / "r.ply").unlink()
    with pytest.raises(UnreadableSample, match=r"r\.ply: mesh file is missing"):
        dataset.load(1)


def test_a_missing_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"HIC\.json: annotation file is missing"):
        HIC(tmp_path, HandModel.load())
