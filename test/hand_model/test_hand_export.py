from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.export import FORMATS, export_mesh


def read_obj(path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = [line.split() for line in path.read_text().splitlines()]
    vertices = [[float(x) for x in row[1:]] for row in rows if row[0] == "v"]
    return np.array(vertices), np.array([[int(i) - 1 for i in row[1:]] for row in rows if row[0] == "f"])


def read_ply(path: Path) -> tuple[np.ndarray, np.ndarray]:
    header, body = path.read_bytes().split(b"end_header\n", 1)
    counts = [int(line.split()[2]) for line in header.decode().splitlines() if line.startswith("element")]
    vertices = np.frombuffer(body, "<f4", counts[0] * 6).reshape(-1, 6)
    faces = np.frombuffer(body[vertices.nbytes :], [("count", "u1"), ("corners", "<i4", 3)])
    assert len(faces) == counts[1] and (faces["count"] == 3).all()
    np.testing.assert_allclose(np.linalg.norm(vertices[:, 3:], axis=1), 1.0, atol=1e-5)
    return vertices[:, :3], faces["corners"]


def read_glb(path: Path) -> tuple[np.ndarray, np.ndarray]:
    content = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    json_length, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON" and json_length % 4 == 0
    document = json.loads(content[20 : 20 + json_length])
    binary = content[20 + json_length + 8 :]

    def accessor(index: int, dtype: str) -> np.ndarray:
        view = document["bufferViews"][document["accessors"][index]["bufferView"]]
        return np.frombuffer(binary[view["byteOffset"] :][: view["byteLength"]], dtype)

    primitive = document["meshes"][0]["primitives"][0]
    vertices = accessor(primitive["attributes"]["POSITION"], "<f4").reshape(-1, 3)
    bounds = document["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_allclose([bounds["min"], bounds["max"]], [vertices.min(0), vertices.max(0)])
    return vertices, accessor(primitive["indices"], "<u4").reshape(-1, 3)


READERS = {".obj": read_obj, ".ply": read_ply, ".glb": read_glb}


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_reads_back(open_hand: HandModel, tmp_path: Path, suffix: str) -> None:
    vertices, faces = open_hand.arrays("left").v_template, open_hand.faces("left")
    export_mesh(tmp_path / f"hand{suffix}", vertices, faces)
    read_vertices, read_faces = READERS[suffix](tmp_path / f"hand{suffix}")
    np.testing.assert_allclose(read_vertices, vertices, atol=1e-6)
    np.testing.assert_array_equal(read_faces, faces)


@pytest.mark.parametrize("suffix", FORMATS)
def test_another_library_reads_them_too(open_hand: HandModel, tmp_path: Path, suffix: str) -> None:
    trimesh = pytest.importorskip("trimesh")
    export_mesh(tmp_path / f"hand{suffix}", open_hand.arrays("right").v_template, open_hand.faces("right"))
    mesh = trimesh.load(tmp_path / f"hand{suffix}", force="mesh", process=False)
    assert (len(mesh.vertices), len(mesh.faces)) == (778, 1538)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot export '.stl', only .obj, .ply, .glb"):
        export_mesh(tmp_path / "hand.stl", np.zeros((3, 3)), np.array([[0, 1, 2]]))
