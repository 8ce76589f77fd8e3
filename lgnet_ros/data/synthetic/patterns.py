"""Procedural pictures for backgrounds and cloth: each a function of a random generator to (256, 256, 3)
uint8 sRGB.

The three splits have generators of their own: what the test backgrounds look like, training never draws.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

SIZE = 256
Pattern = Callable[[np.random.Generator], np.ndarray]

# sRGB colors that backgrounds share with skin: a network must not find hands by color alone.
_SKIN_LIKE = np.array(
    [[235, 200, 170], [205, 155, 120], [160, 110, 80], [110, 75, 55], [70, 48, 38]], np.float32
)


def fractal(rng: np.random.Generator, octaves: int = 6, first: int = 2, decay: float = 0.55) -> np.ndarray:
    """(256, 256) float32 noise in 0 to 1 whose octaves, from `first` cells across, fade by `decay`."""
    total = np.zeros((SIZE, SIZE), np.float32)
    for octave in range(octaves):
        cells = min(first * 2**octave, SIZE)
        grid = rng.random((cells + 1, cells + 1), dtype=np.float32)
        total += decay**octave * cv2.resize(grid, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    low, high = np.percentile(total, [0.5, 99.5])
    return np.clip((total - low) / (high - low), 0.0, 1.0)


def color(rng: np.random.Generator) -> np.ndarray:
    """(3,) float32 sRGB: mostly dull, sometimes vivid, sometimes like skin."""
    kind = rng.random()
    if kind < 0.18:
        return np.clip(_SKIN_LIKE[rng.integers(len(_SKIN_LIKE))] + rng.normal(0, 14, 3), 5, 250).astype(
            np.float32
        )
    saturation = rng.beta(1.2, 5.0) if kind < 0.92 else rng.uniform(0.4, 0.85)
    hsv = np.array([[[rng.uniform(0, 360), saturation, rng.beta(1.6, 1.3)]]], np.float32)
    return np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * 255.0, 4, 252)


def _between(mix: np.ndarray, *colors: np.ndarray) -> np.ndarray:
    """Colors along a ramp, by (256, 256) values in 0 to 1."""
    position = np.clip(mix, 0, 1) * (len(colors) - 1)
    lower = np.minimum(position.astype(int), len(colors) - 2)
    table = np.stack(colors)
    share = (position - lower)[..., None]
    return table[lower] * (1 - share) + table[lower + 1] * share


def _finish(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture, 0, 255).astype(np.uint8)


def _grained(picture: np.ndarray, rng: np.random.Generator, strength: float = 0.15) -> np.ndarray:
    grain = 1.0 + strength * (fractal(rng, first=8, decay=0.8) - 0.5)
    return _finish(picture * grain[..., None])


def clouds(rng: np.random.Generator) -> np.ndarray:
    """Smooth blotches: plaster, walls out of focus."""
    return _finish(
        _between(fractal(rng, int(rng.integers(2, 7))), *(color(rng) for _ in range(rng.integers(2, 5))))
    )


def leaves(rng: np.random.Generator) -> np.ndarray:
    """Dead leaves: shapes of all sizes over one another, which share the statistics of natural images."""
    picture = np.tile(color(rng), (SIZE, SIZE, 1))
    palette = [color(rng) for _ in range(6)]
    for _ in range(260):
        radius = min(5.0 / max(rng.random(), 0.04), 90.0)
        center = (int(rng.integers(SIZE)), int(rng.integers(SIZE)))
        axes = (int(radius), int(max(2, radius * rng.uniform(0.3, 1.0))))
        shade = np.clip(palette[rng.integers(6)] * rng.uniform(0.6, 1.25), 0, 255)
        cv2.ellipse(
            picture, center, axes, float(rng.uniform(0, 180)), 0, 360, shade.tolist(), -1, cv2.LINE_AA
        )
    return _grained(picture, rng)


def boxes(rng: np.random.Generator) -> np.ndarray:
    """Rectangles of all sizes: shelves, screens, cupboards out of focus."""
    picture = np.tile(color(rng), (SIZE, SIZE, 1))
    for _ in range(int(rng.integers(12, 70))):
        x, y = rng.integers(-30, SIZE, 2)
        w, h = np.exp(rng.uniform(np.log(6), np.log(120), 2)).astype(int)
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), color(rng).tolist(), -1)
    blur = float(rng.choice([0.5, 1.5, 4.0]))
    return _grained(cv2.GaussianBlur(picture, (0, 0), blur), rng)


def planks(rng: np.random.Generator) -> np.ndarray:
    """Wooden boards."""
    dark, light = color(rng) * 0.7 + np.float32([40, 22, 8]), color(rng) * 0.3 + np.float32([140, 95, 60])
    grain = cv2.resize(fractal(rng, 6, 4, 0.7)[:, :24], (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    picture = _between(grain, dark, light)
    width = int(rng.integers(22, 70))
    for x in range(0, SIZE, width):
        picture[:, x : x + width] *= rng.uniform(0.85, 1.12)
        picture[:, x : x + 1] *= 0.45
    return _finish(picture)


def weave(rng: np.random.Generator) -> np.ndarray:
    """Checked and striped cloth."""
    first, second, third = color(rng), color(rng), color(rng)
    axis = np.arange(SIZE)
    period = int(rng.integers(8, 64))
    stripes = ((axis // period) % 2).astype(np.float32)
    across = stripes[:, None] if rng.random() < 0.5 else np.zeros((SIZE, 1), np.float32)
    mix = 0.5 * (stripes[None, :] + across)
    picture = _between(mix, first, second, third)
    thread = 1.0 + 0.06 * np.sin(axis * 2.2)[None, :] * np.sin(axis * 2.2)[:, None]
    return _grained(picture * thread[..., None], rng, 0.1)


def speckle(rng: np.random.Generator) -> np.ndarray:
    """Granite, carpet, gravel."""
    fine = cv2.GaussianBlur(rng.random((SIZE, SIZE), dtype=np.float32), (0, 0), float(rng.uniform(0.5, 2.0)))
    fine = (fine - fine.min()) / np.ptp(fine)
    return _finish(_between(0.7 * fine + 0.3 * fractal(rng), color(rng), color(rng), color(rng)))


def page(rng: np.random.Generator) -> np.ndarray:
    """Printed matter: lines of marks on light paper."""
    picture = np.tile(np.float32([236, 232, 224]) * rng.uniform(0.8, 1.05), (SIZE, SIZE, 1))
    line = int(rng.integers(6, 14))
    for y in range(8, SIZE - 8, line):
        x = int(rng.integers(6, 30))
        while x < SIZE - 12 and rng.random() < 0.985:
            word = int(rng.integers(4, 26))
            cv2.rectangle(picture, (x, y), (x + word, y + line // 3), (40, 40, 46), -1)
            x += word + int(rng.integers(3, 7))
    return _grained(cv2.GaussianBlur(picture, (0, 0), 0.7), rng, 0.08)


def curves(rng: np.random.Generator) -> np.ndarray:
    """Cables, branches, hair."""
    picture = _between(fractal(rng, 3), color(rng), color(rng))
    for _ in range(int(rng.integers(10, 60))):
        points = np.cumsum(rng.normal(0, 22, (12, 2)), axis=0) + rng.uniform(0, SIZE, 2)
        thickness = int(rng.integers(1, 8))
        cv2.polylines(picture, [points.astype(np.int32)], False, color(rng).tolist(), thickness, cv2.LINE_AA)
    return _grained(picture, rng)


def panels(rng: np.random.Generator) -> np.ndarray:
    """Plain gradients: painted walls, doors, seamless paper."""
    across = np.linspace(0, 1, SIZE, dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    mix = across[None] * np.cos(angle) + across[:, None] * np.sin(angle)
    mix = (mix - mix.min()) / max(float(np.ptp(mix)), 1e-6)
    first = color(rng)
    return _grained(_between(mix, first, np.clip(first * rng.uniform(0.5, 1.5), 0, 255)), rng, 0.05)


def bricks(rng: np.random.Generator) -> np.ndarray:
    """Bricks and tiles."""
    picture = np.tile(color(rng), (SIZE, SIZE, 1))
    tile, tall = color(rng), int(rng.integers(14, 48))
    wide = tall * int(rng.integers(1, 4))
    shift = rng.choice([0, wide // 2])
    for row, y in enumerate(range(0, SIZE, tall)):
        for x in range(-(row % 2) * int(shift), SIZE, wide):
            shade = np.clip(tile * rng.uniform(0.85, 1.12), 0, 255)
            cv2.rectangle(picture, (x + 1, y + 1), (x + wide - 2, y + tall - 2), shade.tolist(), -1)
    return _grained(picture, rng, 0.25)


def cells(rng: np.random.Generator) -> np.ndarray:
    """Voronoi cells: stones, cracked earth, mosaics."""
    seeds = rng.uniform(0, SIZE, (int(rng.integers(20, 160)), 2)).astype(np.float32)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    squared = np.square(x[..., None] - seeds[:, 0]) + np.square(y[..., None] - seeds[:, 1])
    nearest = np.partition(squared, 1, axis=-1)[..., :2]
    edge = np.clip(np.sqrt(nearest[..., 1]) - np.sqrt(nearest[..., 0]), 0, 4) / 4
    shades = np.stack([color(rng) for _ in range(5)])[rng.integers(0, 5, len(seeds))]
    return _grained(shades[squared.argmin(axis=-1)] * (0.35 + 0.65 * edge[..., None]), rng)


def books(rng: np.random.Generator) -> np.ndarray:
    """Shelves of upright things."""
    picture = np.tile(color(rng) * 0.4, (SIZE, SIZE, 1))
    tall = int(rng.integers(50, 110))
    for y in range(0, SIZE, tall + 8):
        x = 0
        while x < SIZE:
            wide, height = int(rng.integers(5, 26)), int(tall * rng.uniform(0.65, 1.0))
            cv2.rectangle(picture, (x, y + tall - height), (x + wide - 2, y + tall), color(rng).tolist(), -1)
            x += wide
    return _grained(cv2.GaussianBlur(picture, (0, 0), 0.8), rng)


def windows(rng: np.random.Generator) -> np.ndarray:
    """A façade, a keyboard, a parts rack: one cell repeated, lit unevenly."""
    picture = np.tile(color(rng), (SIZE, SIZE, 1))
    step = rng.integers(12, 46, 2)
    inner = (step * rng.uniform(0.5, 0.85, 2)).astype(int)
    pane = [color(rng), color(rng)]
    for y in range(0, SIZE, int(step[1])):
        for x in range(0, SIZE, int(step[0])):
            shade = np.clip(pane[int(rng.random() < 0.25)] * rng.uniform(0.8, 1.15), 0, 255)
            cv2.rectangle(picture, (x, y), (int(x + inner[0]), int(y + inner[1])), shade.tolist(), -1)
    return _grained(picture, rng)


def marble(rng: np.random.Generator) -> np.ndarray:
    """Veined stone."""
    warp = 6.0 * fractal(rng, 5)
    veins = np.abs(np.sin(warp * rng.uniform(2, 5) + np.linspace(0, rng.uniform(0, 8), SIZE)[None]))
    return _finish(_between(veins**0.5, color(rng) * 0.6, color(rng), color(rng)))


def pebbles(rng: np.random.Generator) -> np.ndarray:
    """Round things heaped up, each lit from one side."""
    picture = np.tile(color(rng) * 0.3, (SIZE, SIZE, 1))
    for _ in range(220):
        radius = int(np.exp(rng.uniform(np.log(4), np.log(30))))
        x, y = (int(value) for value in rng.integers(0, SIZE, 2))
        shade = color(rng)
        for share in (1.0, 0.8, 0.5):
            offset = int(radius * (1 - share) * 0.5)
            tone = np.clip(shade * (0.5 + 0.6 * (1 - share)), 0, 255).tolist()
            cv2.circle(picture, (x - offset, y - offset), max(1, int(radius * share)), tone, -1, cv2.LINE_AA)
    return _finish(picture)


def rooms(rng: np.random.Generator) -> np.ndarray:
    """An indoor corner: walls, floor, a window, furniture-like blocks."""
    horizon, corner = int(rng.integers(90, 190)), int(rng.integers(40, 216))
    picture = np.zeros((SIZE, SIZE, 3), np.float32)
    wall = color(rng) * 0.4 + 120
    picture[:, :corner], picture[:, corner:] = wall, wall * 0.8
    cv2.fillPoly(picture, [np.array([[0, horizon + 40], [corner, horizon], [256, horizon + 30], [256, 256],
    [0, 256]])], (color(rng) * 0.7).tolist())  # fmt: skip
    x, y = int(rng.integers(0, 180)), int(rng.integers(0, 60))
    cv2.rectangle(picture, (x, y), (x + int(rng.integers(30, 80)), y + 60), (245, 248, 252), -1)
    for _ in range(int(rng.integers(2, 8))):
        left, width, height = rng.integers(0, 230), rng.integers(12, 80), rng.integers(15, 110)
        base = horizon + int(rng.integers(5, 60))
        shade = color(rng)
        cv2.rectangle(picture, (int(left), base - int(height)), (int(left + width), base), shade.tolist(), -1)
        cv2.rectangle(
            picture,
            (int(left), base - int(height)),
            (int(left + width // 4), base),
            (shade * 0.7).tolist(),
            -1,
        )
    return _grained(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 3.0))), rng, 0.1)


def terrazzo(rng: np.random.Generator) -> np.ndarray:
    """Chips of stone in a ground, of one size."""
    picture = np.tile(color(rng), (SIZE, SIZE, 1))
    size = float(rng.uniform(4, 16))
    for _ in range(int(30000 / size**2)):
        corners = rng.normal(0, size, (5, 2)) + rng.uniform(0, SIZE, 2)
        cv2.fillConvexPoly(
            picture, cv2.convexHull(corners.astype(np.int32)), color(rng).tolist(), cv2.LINE_AA
        )
    return _grained(picture, rng)


def studios(rng: np.random.Generator) -> np.ndarray:
    """A lit wall with a soft spot and a plain floor: what a calm background is in the test split."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE
    spot = np.exp(-((x - rng.random()) ** 2 + (y - rng.random()) ** 2) / rng.uniform(0.05, 0.5))
    picture = color(rng) * (0.45 + 0.55 * spot[..., None])
    floor = int(rng.integers(120, 256))
    picture[floor:] = color(rng) * (0.5 + 0.4 * spot[floor:, :, None])
    return _grained(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.5), rng, 0.06)


PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "train": (clouds, leaves, boxes, planks, weave, speckle, page, curves, panels, rooms),
    "validation": (bricks, terrazzo),
    "test": (books, windows, pebbles, cells, marble, studios),
}
