"""Pictures of a hand model: one view, a sheet of views, a turntable."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lgnet_ros.data.synthetic.raster import View, rasterize
from lgnet_ros.errors import UserError
from lgnet_ros.files import whole_file, write_whole
from lgnet_ros.hand_model.mesh import vertex_normals

# From which direction a right hand is seen, and what is up in the picture (template frame: fingers −x, back
# +y, thumb's side +z). A left hand is seen from the mirrored direction.
VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "palm": ((0.0, -1.0, 0.0), (-1.0, 0.0, 0.0)),
    "back": ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
    "side": ((0.0, 0.0, 1.0), (-1.0, 0.0, 0.0)),
    "little": ((0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)),
    "tips": ((-1.0, 0.35, 0.25), (0.0, 1.0, 0.0)),
    "oblique": ((-0.3, -0.75, 0.7), (-1.0, 0.0, 0.0)),
}

_DISTANCE_M = 1.2
_SPAN_M = 0.23  # what fits into a picture's height
_SUPERSAMPLING = 3
MARGIN = 72  # pixels for the labels of a sheet
_SKIN, _NAIL, _BACKGROUND = (
    np.array([226.0, 172, 145]),
    np.array([236.0, 196, 182]),
    np.array([246.0, 246, 248]),
)
_KEY, _FILL = np.array([-0.35, -0.6, -0.72]), np.array([0.85, 0.1, -0.3])  # towards the lights; camera axes
_AMBIENT, _KEY_STRENGTH, _FILL_STRENGTH, _GLOSS = 0.30, 0.68, 0.20, 30.0


def camera_rotation(view: str, side: str, turn_rad: float = 0.0) -> np.ndarray:
    """(3, 3) from the template to camera axes (right, down, forward), turned about the picture's vertical."""
    seen_from, up = (np.array(vector) for vector in VIEWS[view])
    mirror = np.array([-1.0, 1.0, 1.0]) if side == "left" else np.ones(3)
    forward = -seen_from * mirror / np.linalg.norm(seen_from)
    up = up * mirror
    up = up - (up @ forward) * forward
    down = -up / np.linalg.norm(up)
    turn = np.array([
        [np.cos(turn_rad), 0, np.sin(turn_rad)], [0, 1, 0], [-np.sin(turn_rad), 0, np.cos(turn_rad)]
    ])  # fmt: skip
    return turn @ np.stack([np.cross(down, forward), down, forward])


def draw(
    vertices: np.ndarray, faces: np.ndarray, nails: np.ndarray, rotation: np.ndarray, size: int
) -> np.ndarray:
    """One shaded view of a hand, centered.

    Args:
        vertices: (V, 3) m. faces: (F, 3) outward. nails: vertex indices drawn paler. rotation: as
        `camera_rotation`. size: pixels of the square picture.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    middle = (vertices.max(0) + vertices.min(0)) / 2
    seen = ((vertices - middle) @ rotation.T + [0, 0, _DISTANCE_M]).astype(np.float32)
    focal = size * _DISTANCE_M / _SPAN_M
    view = View(np.eye(3), np.zeros(3), focal, focal, (size - 1) / 2, (size - 1) / 2, size, size)
    visible = rasterize(seen, faces.astype(np.int32), view, _SUPERSAMPLING)
    albedo = np.broadcast_to(_SKIN, vertices.shape).copy()
    albedo[nails] = _NAIL
    attributes = np.concatenate([vertex_normals(seen.astype(np.float64), faces), albedo], axis=1)
    rows, columns = np.nonzero(visible.face >= 0)
    picture = np.broadcast_to(_BACKGROUND, (*visible.face.shape, 3)).astype(np.float32)
    picture[rows, columns] = _shade(_interpolate(attributes, faces, visible, rows, columns))
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).round().astype(np.uint8)


def _interpolate(
    attributes: np.ndarray, faces: np.ndarray, visible, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """(N, C) vertex attributes at the samples seen."""
    hit = visible.face[rows, columns]
    planes = visible.planes[hit].reshape(-1, 3, 3)
    weights = planes[..., 0] * columns[:, None] + planes[..., 1] * rows[:, None] + planes[..., 2]
    weights /= weights.sum(1, keepdims=True)
    return np.einsum("nk,nkc->nc", weights, attributes[faces[hit]])


def _shade(attributes: np.ndarray) -> np.ndarray:
    """Two lights and a soft gloss: (N, 6) normal and albedo → (N, 3) color."""
    normals = attributes[:, :3] / np.linalg.norm(attributes[:, :3], axis=1, keepdims=True)
    key, fill = (light / np.linalg.norm(light) for light in (_KEY, _FILL))
    halfway = key + [0, 0, -1]
    gloss = np.clip(normals @ (halfway / np.linalg.norm(halfway)), 0, 1) ** 25
    diffuse = (
        _AMBIENT
        + _KEY_STRENGTH * np.clip(normals @ key, 0, 1)
        + _FILL_STRENGTH * np.clip(normals @ fill, 0, 1)
    )
    return np.clip(attributes[:, 3:] * diffuse[:, None] + _GLOSS * gloss[:, None], 0, 255)


def sheet(pictures: list[list[np.ndarray]], labels: list[str]) -> np.ndarray:
    """Rows of equally large pictures under one another, each row's label in a margin on its left."""
    rows = []
    for row, label in zip(pictures, labels, strict=True):
        margin = np.full((row[0].shape[0], MARGIN, 3), _BACKGROUND, np.uint8)
        cv2.putText(margin, label, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (90, 90, 96), 1, cv2.LINE_AA)
        rows.append(np.hstack([margin, *row]))
    return np.vstack(rows)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write RGB uint8 as PNG or JPEG, atomically.

    Raises:
        UserError: the file cannot be written.
    """
    encoded, content = cv2.imencode(path.suffix, picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not encoded:
        raise UserError(f"{path}: the picture cannot be encoded")
    write_whole(path, content.tobytes())


def save_turntable(path: Path, frames: list[np.ndarray]) -> None:
    """Write RGB frames as an endless animated GIF, atomically."""
    images = [Image.fromarray(frame).quantize(96) for frame in frames]
    with whole_file(path) as part:
        images[0].save(part, format="GIF", save_all=True, append_images=images[1:], duration=60, loop=0)
