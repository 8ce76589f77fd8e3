"""Pictures and curves: overlays, grids, PCK (Fig. 6), error against pose asymmetry (Fig. 7), attention (Fig.
4).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np

from lgnet_ros.data.augment import CropSample
from lgnet_ros.evaluation import metrics
from lgnet_ros.evaluation.records import PRESENCE_THRESHOLD, HandsEstimate, crop_intrinsics
from lgnet_ros.files import whole_file, write_whole
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.inference.prediction import NetworkPrediction

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

COLORS = np.array([[235, 130, 60], [70, 140, 235]], np.float64)
"""RGB of right and left hand, readable on any skin and for the colour-blind."""


def draw_meshes(
    image: np.ndarray,
    camera: CameraIntrinsics,
    meshes: list[tuple[np.ndarray, np.ndarray, int]],
    opacity: float = 0.75,
) -> np.ndarray:
    """Meshes over an image (H, W, 3) uint8 RGB, flat-shaded by their normals, the farthest triangles first.

    Args:
        meshes: (vertices (V, 3) m in the camera's frame, faces (F, 3) outward, colour index) of each.
    """
    triangles, colors = [], []
    for vertices, faces, color in meshes:
        corners = vertices[faces].astype(np.float64)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        shade = 0.35 + 0.65 * np.clip(-normals @ np.array([0.25, 0.35, 0.9]), 0.0, 1.0)
        triangles.append(corners)
        colors.append(COLORS[color] * shade[:, None])
    layer = image.copy()
    if triangles:
        corners, shades = np.concatenate(triangles), np.concatenate(colors)
        pixels = camera.project(corners)
        for face in np.argsort(-corners[:, :, 2].mean(axis=1)):
            if np.isfinite(pixels[face]).all():
                fixed = np.round(np.clip(pixels[face], -9999, 9999) * 16).astype(np.int32)
                cv2.fillConvexPoly(layer, fixed, shades[face].tolist(), cv2.LINE_AA, shift=4)
    return cv2.addWeighted(layer, opacity, image, 1.0 - opacity, 0.0)


def draw_estimate(sample: CropSample, estimate: HandsEstimate, hand_model: HandModel) -> np.ndarray:
    """The estimated hands that count as found, where they were placed, over the crop."""
    placed = estimate.placed(estimate.vertices)
    found = [side for side in (0, 1) if estimate.found[side]]
    meshes = [(placed[side], hand_model.faces(SIDES[side]), side) for side in found]
    return draw_meshes(sample.image, crop_intrinsics(sample), meshes)


def draw_truth(sample: CropSample, hand_model: HandModel) -> np.ndarray:
    """The true hands over the crop."""
    present = np.flatnonzero(sample.presence & sample.mesh_valid)
    meshes = [(sample.vertices[side], hand_model.faces(SIDES[side]), int(side)) for side in present]
    return draw_meshes(sample.image, crop_intrinsics(sample), meshes)


def prediction_grid(
    samples: list[CropSample], prediction: NetworkPrediction, hand_model: HandModel
) -> np.ndarray:
    """(H, W, 3): for each sample a column of crop, truth and prediction (where the network's own camera puts
    it).
    """
    columns = []
    for index, sample in enumerate(samples):
        placed = prediction.vertices[index] + prediction.camera_translation[index][:, None]
        found = np.flatnonzero(prediction.presence[index] >= PRESENCE_THRESHOLD)
        meshes = [(placed[side], hand_model.faces(SIDES[side]), int(side)) for side in found]
        drawn = draw_meshes(sample.image, crop_intrinsics(sample), meshes)
        columns.append(np.concatenate([sample.image, draw_truth(sample, hand_model), drawn]))
    return np.concatenate(columns, axis=1)


def tiled(pictures: list[np.ndarray], columns: int) -> np.ndarray:
    """Pictures of one size, row by row; empty places are white."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    canvas = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for k, picture in enumerate(pictures):
        row, column = divmod(k, columns)
        canvas[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
    return canvas


def captioned(picture: np.ndarray, caption: str, gap: int = 4, height: int = 18) -> np.ndarray:
    """The picture with a line of small black letters below and a white gap around."""
    below = np.full((height, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(below, caption, (2, height - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return np.pad(np.concatenate([picture, below]), ((gap, gap), (gap, gap), (0, 0)), constant_values=255)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """An RGB picture as PNG or JPEG, by the suffix."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, 85]
    written, encoded = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    assert written, f"{path.suffix}: no format for pictures"
    write_whole(path, encoded.tobytes())


def plot_pck(path: Path, errors_mm: dict[str, np.ndarray]) -> None:
    """The PCK curve over 0–50 mm (Fig. 6), one line per named set of joint errors; the area in the legend."""
    thresholds = np.linspace(0.0, metrics.PCK_LIMIT_MM, 201)
    figure, axes = plt.subplots(figsize=(5, 3.6), dpi=120, layout="constrained")
    for name, errors in errors_mm.items():
        area = metrics.area_under_pck(errors)
        axes.plot(thresholds, metrics.pck_curve(errors, thresholds), label=f"{name} (AUC {area:.3f})")
    axes.set(
        xlabel="error threshold [mm]", ylabel="share of joints", xlim=(0, metrics.PCK_LIMIT_MM), ylim=(0, 1)
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    _save(figure, path)


def plot_asymmetry(path: Path, asymmetry_deg: np.ndarray, mpjpe_mm: np.ndarray, bins: int = 8) -> None:
    """Mean error in bins of equal count over the hands' pose asymmetry (Fig. 7), with standard errors."""
    figure, axes = plt.subplots(figsize=(5, 3.6), dpi=120, layout="constrained")
    order = np.argsort(asymmetry_deg)
    for part in (part for part in np.array_split(order, bins) if len(part)):
        error, spread = mpjpe_mm[part].mean(), mpjpe_mm[part].std() / np.sqrt(len(part))
        axes.errorbar(asymmetry_deg[part].mean(), error, yerr=spread, fmt="o", color="C0", capsize=3)
    axes.set(xlabel="pose asymmetry of the two hands [deg]", ylabel="MPJPE [mm]", ylim=(0, None))
    axes.grid(alpha=0.3)
    _save(figure, path)


def plot_learning_curve(
    path: Path, samples: np.ndarray, error_mm: np.ndarray, baseline_mm: float | None
) -> None:
    """Validation error against images seen."""
    figure, axes = plt.subplots(figsize=(5, 3.6), dpi=120, layout="constrained")
    axes.plot(samples, error_mm, marker=".", label="validation")
    if baseline_mm is not None:
        axes.axhline(baseline_mm, color="gray", linestyle="--", label="mean pose")
    axes.set(xlabel="images seen", ylabel="MPJPE [mm]", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def draw_attention(image: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """One crop under one attention map (Fig. 4): how much each of the 64 cells of either input is looked at.

    Args:
        image: (S, S, 3) uint8.
        attention: (queries, 129) over class token, 64 cells of the first and 64 of the second input.

    Returns:
        (S, 2 S, 3): first and second input, in pseudo-colour over the crop.
    """
    size = image.shape[0]
    looked_at = attention[:, 1:].mean(axis=0).reshape(2, 8, 8)
    halves = []
    for cells in looked_at:
        spread = cv2.resize(cells.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        scaled = np.clip(255 * (spread - spread.min()) / max(float(np.ptp(spread)), 1e-12), 0, 255).astype(
            np.uint8
        )
        color = cv2.cvtColor(cv2.applyColorMap(scaled, cv2.COLORMAP_JET), cv2.COLOR_BGR2RGB)
        halves.append(cv2.addWeighted(color, 0.5, image, 0.5, 0.0))
    return np.concatenate(halves, axis=1)


def _save(figure: plt.Figure, path: Path) -> None:
    with whole_file(path) as part:
        figure.savefig(part)
    plt.close(figure)
