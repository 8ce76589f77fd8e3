"""Camera models: worked values, round trips, limits, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.geometry import CameraIntrinsics

K = np.array([[400.0, 0, 319.5], [0, 410.0, 239.5], [0, 0, 1]])
LENSES = {
    "none": (),
    "plumb_bob": (-0.3, 0.1, 0.001, -0.002, 0.0),
    "rational_polynomial": (0.5, 0.1, 0.001, 0.001, 0.01, 0.8, 0.2, 0.02),
    "equidistant": (0.02, 0.01, -0.003, 0.0),
}


def camera(model: str, matrix: np.ndarray = K) -> CameraIntrinsics:
    return CameraIntrinsics(640, 480, matrix, model, LENSES[model])


def test_pinhole_projection_by_hand() -> None:
    pixel = camera("none").project([0.1, -0.2, 0.5])
    np.testing.assert_allclose(pixel, [319.5 + 400 * 0.2, 239.5 - 410 * 0.4])


def test_plumb_bob_projection_by_its_formula() -> None:
    k1, k2, p1, p2, k3 = LENSES["plumb_bob"]
    x, y = 0.3, -0.2
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    distorted_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    distorted_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    expected = [319.5 + 400 * distorted_x, 239.5 + 410 * distorted_y]
    np.testing.assert_allclose(camera("plumb_bob").project([2 * x, 2 * y, 2.0]), expected)


def test_equidistant_without_coefficients_is_proportional_to_the_angle() -> None:
    fisheye = CameraIntrinsics(640, 480, K, "equidistant")
    angle = 1.0
    pixel = fisheye.project([np.tan(angle), 0, 1])
    np.testing.assert_allclose(pixel, [319.5 + 400 * angle, 239.5])


@pytest.mark.parametrize("model", LENSES)
def test_rays_are_the_inverse_of_projection(model: str) -> None:
    pixels = np.stack(np.meshgrid(np.arange(0, 640, 20), np.arange(0, 480, 20)), -1).astype(float)
    rays = camera(model).rays(pixels)
    assert rays.shape == (24, 32, 3)
    np.testing.assert_array_equal(rays[..., 2], 1)
    np.testing.assert_allclose(camera(model).project(rays * 0.7), pixels, atol=1e-6)


def test_pixels_that_are_no_rectangles_have_rays_too() -> None:
    askew = camera("none", K + [[0, 25.0, 0], [0, 0, 0], [0, 0, 0]])
    ray = askew.rays([100.0, 50.0])
    np.testing.assert_allclose(askew.project(ray * 0.7), [100.0, 50.0])
    np.testing.assert_allclose(ray[0], (100 - 319.5 - 25 * (50 - 239.5) / 410) / 400)


@pytest.mark.parametrize("model", LENSES)
def test_points_behind_the_camera_have_no_pixel(model: str) -> None:
    pixels = camera(model).project([[0.1, 0.1, -1.0], [0.0, 0.0, 0.0], [0.1, 0.1, 1.0]])
    assert np.isnan(pixels[:2]).all()
    assert np.isfinite(pixels[2]).all()


def test_a_fisheye_pixel_beyond_ninety_degrees_has_no_ray() -> None:
    matrix = np.array([[200.0, 0, 500], [0, 200, 500], [0, 0, 1]])
    fisheye = CameraIntrinsics(1000, 1000, matrix, "equidistant")
    last = 500 + 200 * np.pi / 2
    rays = fisheye.rays([[last - 1, 500], [last + 1, 500]])
    assert np.isfinite(rays[0]).all()
    assert np.isnan(rays[1]).all()


@pytest.mark.parametrize("coefficients", [(0.05, 0.01, 0.0, 0.0), (-0.03, 0.004, -0.001, 0.0)])
def test_a_fisheye_has_rays_for_all_that_it_sees(coefficients: tuple[float, ...]) -> None:
    """Up to 85°, where positive coefficients bend a ray by more than 90°."""
    fisheye = CameraIntrinsics(
        1600, 1600, [[300.0, 0, 800], [0, 310, 790], [0, 0, 1]], "equidistant", coefficients
    )
    angle, around = np.radians(np.linspace(0, 85, 60))[:, None], np.linspace(0, 2 * np.pi, 17)
    points = np.stack(
        np.broadcast_arrays(np.sin(angle) * np.cos(around), np.sin(angle) * np.sin(around), np.cos(angle)), -1
    )
    rays = fisheye.rays(fisheye.project(points))
    cosines = (rays * points).sum(-1) / np.linalg.norm(rays, axis=-1)
    assert np.degrees(np.arccos(np.clip(cosines, -1, 1))).max() < 1e-3


def test_directions_that_the_lens_model_would_fold_back_have_no_pixel() -> None:
    barrel = CameraIntrinsics(640, 480, K, "plumb_bob", (-0.3, 0.0, 0.0, 0.0, 0.0))
    turning_point = np.sqrt(1 / 0.9)  # d/dr (r − 0.3 r³) = 0
    assert barrel.largest_tangent == pytest.approx(turning_point, rel=2e-3)
    pixels = barrel.project([[0.95 * turning_point, 0, 1], [1.1 * turning_point, 0, 1]])
    assert np.isfinite(pixels[0]).all()
    assert np.isnan(pixels[1]).all()
    tilted = CameraIntrinsics(640, 480, K, "plumb_bob", (-0.3, 0.0, 0.02, -0.05, 0.0))
    assert tilted.largest_tangent == barrel.largest_tangent  # a lens that sits askew folds nothing


def test_field_of_view_reaches_from_edge_to_edge() -> None:
    wide = CameraIntrinsics.from_field_of_view(640, 480, np.pi / 2)
    np.testing.assert_allclose(wide.project([[-1, 0, 1], [1, 0, 1]])[:, 0], [-0.5, 639.5])
    np.testing.assert_allclose(wide.rays([319.5, 239.5]), [0, 0, 1])


def test_binning_averages_blocks_and_a_region_shifts_the_principal_point() -> None:
    full = camera("none")
    cut = full.binned_and_cropped(2, 4, (100, 40, 200, 240))
    assert (cut.width, cut.height) == (100, 60)
    point = [0.05, -0.1, 1.0]
    u, v = full.project(point)
    np.testing.assert_allclose(cut.project(point), [(u - 100 + 0.5) / 2 - 0.5, (v - 40 + 0.5) / 4 - 0.5])


def test_binning_zero_and_an_empty_region_leave_the_camera_as_it_is() -> None:
    same = camera("plumb_bob").binned_and_cropped(0, 0, (0, 0, 0, 0))
    assert (same.width, same.height, same.distortion) == (640, 480, LENSES["plumb_bob"])
    np.testing.assert_array_equal(same.matrix, K)


@pytest.mark.parametrize(
    "matrix, model, distortion, words",
    [
        (np.zeros((3, 3)), "none", (), "focal length"),
        (np.diag([400.0, -410.0, 1.0]), "none", (), "focal length"),
        (np.full((3, 3), np.nan), "none", (), "not nine finite numbers"),
        (K, "plumb_bob", (0.1,) * 8, "takes 0 or 4 or 5 coefficients, not 8"),
        (K, "plumb_bob", (0.1, np.nan, 0, 0, 0), "not finite"),
        (K, "thin_prism", (), "unknown distortion model 'thin_prism'"),
    ],
)
def test_an_unusable_camera_is_refused_with_its_reason(
    matrix: np.ndarray, model: str, distortion: tuple[float, ...], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        CameraIntrinsics(640, 480, matrix, model, distortion)
