"""Pictures that can be checked without looking: what lies in front, what is where, what a file holds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lgnet_ros.evaluation import plots
from lgnet_ros.geometry.cameras import CameraIntrinsics

_CAMERA = CameraIntrinsics(40, 40, np.array([[40.0, 0, 20], [0, 40.0, 20], [0, 0, 1]]))
_FACES = np.array([[0, 2, 1], [0, 3, 2]])  # seen from the camera, outward is towards it


def _square(depth: float, half: float = 0.25) -> np.ndarray:
    return np.array([[-half, -half, 1], [half, -half, 1], [half, half, 1], [-half, half, 1]]) * depth


def test_the_nearer_mesh_covers_the_farther_whatever_their_order() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    near, far = (_square(1.0), _FACES, 0), (_square(2.0), _FACES, 1)
    for meshes in ([near, far], [far, near]):
        drawn = plots.draw_meshes(image, _CAMERA, meshes, opacity=1.0)
        color = drawn[20, 20].astype(float)
        assert color[0] > color[2], "the right hand's color is warm"
    np.testing.assert_array_equal(drawn[2, 2], 0)


def test_no_mesh_leaves_the_image_as_it_was() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(plots.draw_meshes(image, _CAMERA, []), image)


def test_tiles_run_row_by_row_and_leave_the_rest_white() -> None:
    canvas = plots.tiled([np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)], columns=2)
    assert canvas.shape == (4, 6, 3)
    assert canvas[0, 0, 0] == 10
    assert canvas[0, 5, 0] == 20
    assert canvas[3, 0, 0] == 30
    assert canvas[3, 5, 0] == 255


def test_attention_lights_up_the_cell_that_is_looked_at() -> None:
    attention = np.zeros((64, 129), np.float32)
    attention[:, 1 + 8 * 2 + 6] = 1.0  # row 2, column 6 of the first input
    drawn = plots.draw_attention(np.zeros((64, 64, 3), np.uint8), attention)
    assert drawn.shape == (64, 128, 3)
    red = drawn[:, :64, 0].astype(int) - drawn[:, :64, 2]
    row, column = np.unravel_index(np.argmax(red), red.shape)
    assert (row // 8, column // 8) == (2, 6)


def test_curves_are_written_as_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    plots.plot_pck(tmp_path / "pck.png", {"a": rng.exponential(10, 50), "b": rng.exponential(30, 50)})
    plots.plot_asymmetry(tmp_path / "asymmetry.png", rng.uniform(0, 40, 5), rng.uniform(5, 20, 5))
    plots.plot_learning_curve(tmp_path / "curve.png", np.array([1, 2]), np.array([30.0, 20.0]), 40.0)
    for name in ("pck", "asymmetry", "curve"):
        assert cv2.imread(str(tmp_path / f"{name}.png")).std() > 0
