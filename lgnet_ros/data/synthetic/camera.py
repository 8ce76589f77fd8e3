"""From linear light to what a camera stores: exposure, white balance, blur, noise, tone curve, JPEG."""

from __future__ import annotations

from functools import lru_cache
from math import cos, hypot, pi, sin
from typing import NamedTuple

import cv2
import numpy as np

from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.jit import compiled

_CURVE_SIZE = 4096
_NOISE_TILE = 256
_METERING_STOPS = 0.75
_MOVING_SHARE, _SHORTEST_PX, _LONGEST_PX = 0.25, 2.0, 16.0
_BALANCE_SPREAD = np.array([0.06, 0.02, 0.08])


class CameraLook(NamedTuple):
    """A camera's manner.

    Attributes:
        exposure: stops above or below a metered exposure.
        balance: (3,) channel gains.
        shoulder: 0 clips highlights hard, 1 rolls them off like film.
        read_noise, shot_noise: of the linear signal (full scale 1): σ² = read² + shot · signal.
        blur_px: σ of the lens's blur, in camera pixels.
        motion_px: (2,) length of the motion blur in camera pixels.
        jpeg_quality: or 0 for none.
        vignette: loss of light at the corner, 0 to 1.
    """

    exposure: float
    balance: np.ndarray
    shoulder: float
    read_noise: float
    shot_noise: float
    blur_px: float
    motion_px: np.ndarray
    jpeg_quality: int
    vignette: float


def sample_camera(rng: np.random.Generator) -> CameraLook:
    """Cameras that robots carry: from a good machine-vision camera to a cheap webcam in a dim room."""
    dim = rng.beta(1.0, 2.5)
    motion = rng.normal(0, 1, 2) * (rng.random() < 0.12) * uniform(rng, 0.5, 4.0)  # of a camera that shakes
    return CameraLook(
        exposure=min(max(rng.normal(0.0, 0.45), -1.4), 1.2),
        balance=np.exp(rng.standard_normal(3) * _BALANCE_SPREAD),
        shoulder=float(rng.random()),
        read_noise=0.002 + 0.018 * dim**2,
        shot_noise=0.0002 + 0.004 * dim**2,
        blur_px=float(max(0.0, rng.gamma(2.0, 0.3) - 0.1)),
        motion_px=motion,
        jpeg_quality=int(rng.integers(35, 97)) if rng.random() < 0.5 else 0,
        vignette=uniform(rng, 0.0, 0.35),
    )


def steady_camera() -> CameraLook:
    """A plain good camera with a little noise: what clips are filmed with."""
    return CameraLook(0.0, np.ones(3), 0.5, 0.004, 0.0006, 0.3, np.zeros(2), 0, 0.1)


def with_motion_and_metering(look: CameraLook, rng: np.random.Generator) -> CameraLook:
    """The same camera as training sees through it: in a quarter of the pictures something moves, up to 16
    camera pixels, as at 1 m/s in 1/60 s half a metre away; and the exposure, here metered from a crop, is
    that of a frame, which is another by a standard deviation of 0.75 stops.
    """
    exposure = look.exposure + _METERING_STOPS * float(rng.standard_normal())
    motion, turn = look.motion_px, uniform(rng, 0.0, pi)
    length = _SHORTEST_PX * (_LONGEST_PX / _SHORTEST_PX) ** float(rng.random())
    if rng.random() < _MOVING_SHARE:
        motion = length * np.array([cos(turn), sin(turn)])
    return look._replace(exposure=exposure, motion_px=motion)


def metered_gain(color: np.ndarray) -> float:
    """The gain that brings a picture's mean, highlights held back, to a middle tone."""
    return float(0.20 / max(_held_mean(color), 1e-4))


@compiled
def _held_mean(color):
    """The mean of every fourth pixel's channels, none counted as more than four times the plain mean."""
    step, total, count, held = 4, 0.0, 0, 0.0
    for y in range(0, color.shape[0], step):
        for x in range(0, color.shape[1], step):
            total += color[y, x, 0] + color[y, x, 1] + color[y, x, 2]
            count += 3
    limit = 4.0 * total / count + 1e-6
    for y in range(0, color.shape[0], step):
        for x in range(0, color.shape[1], step):
            held += min(color[y, x, 0], limit) + min(color[y, x, 1], limit) + min(color[y, x, 2], limit)
    return held / count


def photograph(
    color: np.ndarray, look: CameraLook, rng: np.random.Generator, gain: float, zoom: float = 1.0
) -> np.ndarray:
    """(h, w, 3) uint8 sRGB of a linear float32 picture (which may be overwritten).

    Args:
        gain: from `metered_gain`.
        zoom: camera pixels per pixel of this picture along each axis: a picture that shrinks the camera's
            has less blur and, averaged, less noise.
    """
    if look.blur_px / zoom > 0.35:
        color = cv2.GaussianBlur(color, (0, 0), look.blur_px / zoom)
    length = hypot(*look.motion_px.tolist()) / zoom
    if length > 1.0:
        color = cv2.filter2D(color, -1, _motion_kernel(look.motion_px / zoom))
    gains = (gain * 2.0**look.exposure * look.balance).astype(np.float32)
    shift_y, shift_x = rng.integers(_NOISE_TILE), rng.integers(_NOISE_TILE)
    result = np.empty(color.shape, np.uint8)
    _develop(
        np.ascontiguousarray(color), gains, np.float32(look.shoulder), np.float32(look.vignette),
        np.float32((look.read_noise / zoom) ** 2), np.float32(look.shot_noise / zoom**2),
        _noise_tile(), shift_y, shift_x, _transfer_curve(), result,
    )  # fmt: skip
    return _jpeg(result, look.jpeg_quality) if look.jpeg_quality else result


def _jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """There and back; OpenCV's channel order does not matter for a round trip but for chroma, so it is
    respected."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _motion_kernel(motion: np.ndarray) -> np.ndarray:
    """A line through the middle of an odd square, in the direction and of the length of (dx, dy) pixels."""
    half = int(np.ceil(np.abs(motion).max() / 2))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 4 * half + 3):
        kernel[int(round(half + share * motion[1])), int(round(half + share * motion[0]))] += 1
    return kernel / kernel.sum()


@lru_cache(maxsize=1)
def _noise_tile() -> np.ndarray:
    """(256, 256, 3) int8, normal with σ = 40; a third of each pixel's noise is its neighbors', as after
    demosaicing."""
    white = np.random.default_rng(5).standard_normal((_NOISE_TILE, _NOISE_TILE, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(white, (0, 0), 0.8, borderType=cv2.BORDER_REFLECT)
    mixed = 0.75 * white + 0.25 * soft / soft.std()
    return np.clip(40.0 * mixed / mixed.std(), -127, 127).astype(np.int8)


@lru_cache(maxsize=1)
def _transfer_curve() -> np.ndarray:
    """(4096,) uint8 sRGB of linear light 0 to 1."""
    linear = np.arange(_CURVE_SIZE) / (_CURVE_SIZE - 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.clip(np.round(255 * srgb), 0, 255).astype(np.uint8)


@compiled
def _develop(color, gains, shoulder, vignette, read_variance, shot, noise, shift_y, shift_x, curve, result):
    height, width = color.shape[0], color.shape[1]
    one = np.float32(1.0)
    for y in range(height):
        v = (np.float32(2 * y) / np.float32(height) - one) ** 2
        for x in range(width):
            u = (np.float32(2 * x) / np.float32(width) - one) ** 2
            falloff = one - vignette * np.float32(0.5) * (u + v)
            j, i = (y + shift_y) & 255, (x + shift_x) & 255
            for c in range(3):
                signal = color[y, x, c] * gains[c] * falloff
                sigma = np.sqrt(read_variance + shot * signal)
                signal += sigma * np.float32(noise[j, i, c]) * np.float32(1.0 / 40.0)
                # Roll-off: above 0.6 the film's curve bends towards 1.
                over = signal - np.float32(0.6)
                if over > 0:
                    bent = np.float32(0.6) + np.float32(0.4) * over / (over + np.float32(0.4))
                    signal += shoulder * (bent - signal)
                index = int(min(max(signal, np.float32(0)), one) * np.float32(4095.0) + np.float32(0.5))
                result[y, x, c] = curve[index]
