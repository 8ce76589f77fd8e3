"""Meshes as files that other programs read: OBJ, PLY and GLB, written without further libraries."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.files import write_whole
from lgnet_ros.hand_model.mesh import vertex_normals

FORMATS = (".obj", ".ply", ".glb")

# glTF 2.0: component types, buffer targets and chunk names.
_FLOAT, _UNSIGNED_INT = 5126, 5125
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963
_JSON_CHUNK, _BINARY_CHUNK = b"JSON", b"BIN\0"


def export_mesh(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write a mesh in the format of the path's suffix, atomically.

    Args:
        path: ends in .obj, .ply or .glb.
        vertices: (V, 3), m; axes are kept as they are.
        faces: (F, 3), counter-clockwise seen from outside.

    Raises:
        UserError: another suffix, or the file cannot be written.
    """
    writers = {".obj": _obj, ".ply": _ply, ".glb": _glb}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise UserError(f"{path}: cannot export '{path.suffix}', only {', '.join(FORMATS)}")
    content = writer(np.asarray(vertices, np.float32), np.asarray(faces, np.uint32))
    write_whole(path, content)


def _obj(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    """Wavefront OBJ: text, indices from 1."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"f {a} {b} {c}" for a, b, c in faces + 1]
    return ("\n".join(lines) + "\n").encode("ascii")


def _ply(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    """Stanford PLY, binary little-endian, with normals."""
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(vertices)}\n"
        + "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
        + f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    points = np.concatenate([vertices, _normals(vertices, faces)], axis=1).astype("<f4")
    rows = np.zeros(len(faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    rows["count"], rows["corners"] = 3, faces
    return header.encode("ascii") + points.tobytes() + rows.tobytes()


def _glb(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    """Binary glTF 2.0: one mesh with normals and a skin-like material."""
    parts = [vertices.astype("<f4"), _normals(vertices, faces).astype("<f4"), faces.astype("<u4").ravel()]
    offsets = np.cumsum([0] + [part.nbytes for part in parts])
    views = [
        {"buffer": 0, "byteOffset": int(offset), "byteLength": part.nbytes, "target": target}
        for part, offset, target in zip(
            parts, offsets, (_ARRAY_BUFFER, _ARRAY_BUFFER, _ELEMENT_BUFFER), strict=False
        )
    ]
    bounds = {"min": vertices.min(0).tolist(), "max": vertices.max(0).tolist()}
    accessors = [
        {"bufferView": 0, "componentType": _FLOAT, "count": len(vertices), "type": "VEC3", **bounds},
        {"bufferView": 1, "componentType": _FLOAT, "count": len(vertices), "type": "VEC3"},
        {"bufferView": 2, "componentType": _UNSIGNED_INT, "count": faces.size, "type": "SCALAR"},
    ]
    primitive = {"attributes": {"POSITION": 0, "NORMAL": 1}, "indices": 2, "material": 0}
    material = {
        "pbrMetallicRoughness": {
            "baseColorFactor": [0.8, 0.6, 0.5, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.6,
        }
    }
    document = {
        "asset": {"version": "2.0", "generator": "lgnet_ros"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [material],
        "buffers": [{"byteLength": int(offsets[-1])}],
        "bufferViews": views,
        "accessors": accessors,
    }
    text = json.dumps(document).encode("ascii")
    chunks = _chunk(_JSON_CHUNK, text, b" ") + _chunk(
        _BINARY_CHUNK, b"".join(part.tobytes() for part in parts), b"\0"
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _chunk(kind: bytes, content: bytes, padding: bytes) -> bytes:
    content += padding * (-len(content) % 4)
    return struct.pack("<I4s", len(content), kind) + content


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    return vertex_normals(vertices.astype(np.float64), faces.astype(np.int64)).astype(np.float32)
