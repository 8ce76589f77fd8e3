"""Things that people hold and hand over, and that stand about: made of boxes and turned shapes.

Every split has kinds of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lgnet_ros.data.sample import MASK_OTHER
from lgnet_ros.data.synthetic.meshes import Mesh, Part, box, ellipsoid, material, plain_part, turned
from lgnet_ros.data.synthetic.patterns import color
from lgnet_ros.data.synthetic.settings import SPLITS
from lgnet_ros.data.synthetic.shading import Textures
from lgnet_ros.data.synthetic.texture_bank import linear_from_srgb

_BANK_SIZE = 120

Piece = tuple[Mesh, np.ndarray, np.ndarray]  # geometry, albedo (3,), material row


@dataclass(frozen=True)
class Thing:
    """An object in its own frame: long axis y, the middle of its grip at the origin.

    Attributes:
        pieces: what is drawn.
        half (3,): half extents of the grip. `round_grip`: a cylinder of radius half[0] about y; else a box.
        reach: half length along y within which a hand may grip it, m.
        radius: of a ball around all of it.
    """

    pieces: tuple[Piece, ...]
    half: np.ndarray
    round_grip: bool
    reach: float
    radius: float

    def parts(self, rotation: np.ndarray, translation: np.ndarray) -> list[Part]:
        """Its pieces at a pose in the scene."""
        return [
            plain_part(mesh.moved(rotation, translation), albedo, row) for mesh, albedo, row in self.pieces
        ]


def sample_thing(rng: np.random.Generator, split: str, textures: Textures, small: bool = False) -> Thing:
    """A thing of the split's; `small`: one that fits between fingertips."""
    things = _bank(split, textures.count)[int(small)]
    return things[rng.integers(len(things))]


@lru_cache(maxsize=8)
def _bank(split: str, pictures: int) -> tuple[list[Thing], list[Thing]]:
    """Large and small things, made once per process: the same in each."""
    kinds = KINDS[split]
    rng = np.random.default_rng([4711, SPLITS.index(split)])
    return tuple(
        [kinds[k % len(kinds)](rng, pictures, scale) for k in range(_BANK_SIZE)] for scale in (1.0, 0.55)
    )


def _surface(rng: np.random.Generator, pictures: int) -> tuple[np.ndarray, np.ndarray]:
    """Albedo and material: painted, printed, metal-like or wood-like."""
    printed = rng.random() < 0.4
    row = material(
        MASK_OTHER,
        image=int(rng.integers(pictures)) if printed else -1,
        image_scale=float(rng.uniform(3, 10)),
        noise=float(rng.uniform(0, 0.2)),
        noise_scale=8.0,
        gloss=float(np.exp(rng.uniform(np.log(0.02), np.log(0.5)))),
        gloss_power=float(np.exp(rng.uniform(np.log(6), np.log(80)))),
    )
    tint = np.full(3, 0.9) if printed else linear_from_srgb(color(rng))
    return tint, row


def _carton(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    half = scale * np.array([rng.uniform(0.015, 0.04), rng.uniform(0.04, 0.11), rng.uniform(0.015, 0.045)])
    return Thing(((box(half), *_surface(rng, pictures)),), half, False, half[1], float(np.linalg.norm(half)))


def _can(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    radius, height = scale * rng.uniform(0.018, 0.04), scale * rng.uniform(0.04, 0.1)
    profile = np.array([[0, -height], [radius, -height], [radius, height], [0, height]])
    half = np.array([radius, height, radius])
    return Thing(
        ((turned(profile), *_surface(rng, pictures)),), half, True, height, float(np.hypot(radius, height))
    )


def _bottle(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    r, h = scale * rng.uniform(0.024, 0.038), scale * rng.uniform(0.07, 0.1)
    neck, top = r * rng.uniform(0.3, 0.45), h * rng.uniform(1.5, 1.9)
    body = np.array(
        [[0, -h], [r, -h], [r, 0.6 * h], [0.85 * r, 0.9 * h], [neck, 1.15 * h], [neck, top], [0, top]]
    )
    cap = np.array([[0, top - 0.012], [neck * 1.2, top - 0.012], [neck * 1.2, top + 0.01], [0, top + 0.01]])
    pieces = ((turned(body), *_surface(rng, pictures)), (turned(cap, 10), *_surface(rng, pictures)))
    return Thing(pieces, np.array([r, h, r]), True, 0.6 * h, top + 0.01)


def _hammer(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    r, h = scale * rng.uniform(0.011, 0.017), scale * rng.uniform(0.11, 0.15)
    handle = np.array([[0, -h], [r, -h], [r * 0.8, h], [0, h]])
    head = box(scale * np.array([rng.uniform(0.035, 0.06), 0.014, 0.014])).moved(
        np.eye(3), np.array([0, h, 0])
    )
    pieces = ((turned(handle, 10), *_surface(rng, pictures)), (head, *_surface(rng, pictures)))
    return Thing(pieces, np.array([r, h, r]), True, 0.7 * h, h + 0.06)


def _ball(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    r = scale * rng.uniform(0.022, 0.04)
    return Thing(
        ((ellipsoid(np.full(3, r)), *_surface(rng, pictures)),), np.array([r, r * 0.7, r]), True, 0.0, r
    )


def _jar(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    r, h = scale * rng.uniform(0.03, 0.04), scale * rng.uniform(0.045, 0.07)
    lid = np.array([[0, h], [r * 1.05, h], [r * 1.05, h + 0.014], [0, h + 0.014]])
    body = np.array([[0, -h], [r, -h], [r, h], [0, h]])
    pieces = ((turned(body), *_surface(rng, pictures)), (turned(lid), *_surface(rng, pictures)))
    return Thing(pieces, np.array([r, h, r]), True, 0.5 * h, h + 0.05)


def _mug(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    r, h = scale * rng.uniform(0.034, 0.042), scale * rng.uniform(0.045, 0.055)
    wall = np.array([[0, -h], [r, -h], [r, h], [r * 0.88, h], [r * 0.85, -h * 0.8], [0, -h * 0.8]])
    albedo, row = _surface(rng, pictures)
    pieces = [(turned(wall, 18), albedo, row)]
    for angle in np.linspace(-1.2, 1.2, 5):
        spot = np.array([r + 0.022 * np.cos(angle), h * 0.62 * np.sin(angle), 0.0])
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
        pieces.append((box(np.array([0.004, 0.011, 0.006])).moved(turn, spot), albedo, row))
    return Thing(tuple(pieces), np.array([r, h, r]), True, 0.2 * h, r + 0.05)


def _screwdriver(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    r, h = scale * rng.uniform(0.012, 0.017), scale * rng.uniform(0.045, 0.06)
    grip = np.array([[0, -h], [0.8 * r, -h], [r, -0.5 * h], [0.85 * r, 0.6 * h], [r * 0.6, h], [0, h]])
    shaft = np.array([[0, h], [0.0035, h], [0.0035, h + 0.1], [0, h + 0.1]])
    metal = material(MASK_OTHER, gloss=0.5, gloss_power=30.0)
    pieces = ((turned(grip, 10), *_surface(rng, pictures)), (turned(shaft, 8), np.full(3, 0.35), metal))
    return Thing(pieces, np.array([r, h, r]), True, 0.4 * h, h + 0.1)


def _remote(rng: np.random.Generator, pictures: int, scale: float) -> Thing:
    half = scale * np.array([rng.uniform(0.02, 0.036), rng.uniform(0.06, 0.085), rng.uniform(0.005, 0.011)])
    albedo, row = _surface(rng, pictures)
    face = box(half * [0.8, 0.85, 0.3]).moved(np.eye(3), np.array([0, 0, half[2]]))
    pieces = ((box(half), albedo, row), (face, *_surface(rng, pictures)))
    return Thing(pieces, half, False, half[1], float(np.linalg.norm(half)))


KINDS: dict[str, tuple[Callable[..., Thing], ...]] = {
    "train": (_carton, _can, _bottle, _hammer, _ball),
    "validation": (_jar,),
    "test": (_mug, _screwdriver, _remote),
}
