"""How people look: skin over the whole human range, palms, knuckles and nails, gloves, sleeves."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from lgnet_ros.data.sample import MASK_LEFT, MASK_OTHER, MASK_RIGHT
from lgnet_ros.data.synthetic.columns import SKIN
from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.data.synthetic.meshes import material
from lgnet_ros.data.synthetic.shading import Textures
from lgnet_ros.data.synthetic.skin import SkinMap
from lgnet_ros.data.synthetic.texture_bank import linear_from_srgb
from lgnet_ros.hand_model.topology import RIGHT
from lgnet_ros.jit import compiled

# From very light to very dark, sRGB: the back of the hand, and how far the palm is from it towards the
# palm's own color. Ten steps in the spirit of the Monk skin tone scale (Monk 2019), drawn evenly between.
_TONES = np.array(
    [
        [246, 218, 200], [242, 204, 180], [236, 190, 160], [226, 174, 138], [209, 152, 114],
        [184, 127, 90], [152, 100, 70], [118, 76, 54], [86, 56, 42], [60, 41, 34],
    ],
    np.float64,
)  # fmt: skip
_PALM = linear_from_srgb(np.array([232, 178, 150]))
_PALM_SHARE = np.array([0.15, 0.15, 0.18, 0.2, 0.22, 0.28, 0.34, 0.38, 0.40, 0.36])

_HAIR = linear_from_srgb(np.array([[20, 16, 14], [60, 40, 26], [120, 84, 50], [190, 184, 178]]))

_GLOVE_COLORS = {
    "train": [[235, 235, 230], [60, 110, 190], [30, 30, 34], [230, 120, 40], [50, 120, 70]],
    "validation": [[200, 60, 60], [120, 170, 210]],
    "test": [[235, 200, 60], [120, 70, 150], [130, 132, 136]],
}
_GLOVED = 0.06


@dataclass(frozen=True)
class Sleeve:
    """Cloth on the forearm: it begins `start_m` from the wrist, `ease` times as wide as the arm."""

    start_m: float
    ease: float
    albedo: np.ndarray
    material: np.ndarray
    folds: float


@dataclass(frozen=True)
class Person:
    """What a scene's hands of one person share; colors are linear albedo (3,).

    `gloves` is None or the glove's color; `tone` runs from 0 (very light) to 9 (very dark).
    """

    tone: float
    back: np.ndarray
    palm: np.ndarray
    redness: float
    nails: bool
    gloves: np.ndarray | None
    noise: float
    bump: float
    gloss: float
    gloss_power: float
    sleeve: Sleeve | None
    hair: np.ndarray
    shirt: np.ndarray


def sample_person(rng: np.random.Generator, split: str, textures: Textures) -> Person:
    """A person; tones are uniform over the scale."""
    tone = uniform(rng, 0.0, len(_TONES) - 1.0)
    step = min(int(tone), len(_TONES) - 2)
    srgb = _TONES[step] + (tone - step) * (_TONES[step + 1] - _TONES[step])
    srgb = srgb * np.exp(rng.normal(0.0, 0.03)) * np.exp(rng.normal(0.0, 0.025, 3))
    back = linear_from_srgb(np.minimum(np.maximum(srgb, 20), 250))
    share = _PALM_SHARE[step] + (tone - step) * (_PALM_SHARE[step + 1] - _PALM_SHARE[step])
    share *= uniform(rng, 0.6, 1.3)
    palm = back + share * (_PALM * uniform(rng, 0.8, 1.05) - back)
    gloves = None
    if rng.random() < _GLOVED:
        colors = _GLOVE_COLORS[split]
        gloves = linear_from_srgb(
            np.clip(np.array(colors[rng.integers(len(colors))]) + rng.normal(0, 8, 3), 5, 250)
        )
    shirt = _cloth_color(rng)
    return Person(
        tone=tone,
        back=back,
        palm=palm,
        redness=uniform(rng, 0.3, 1.2),
        nails=bool(gloves is None),
        gloves=gloves,
        noise=uniform(rng, 0.15, 0.5),
        bump=uniform(rng, 0.05, 0.3),
        gloss=float(np.exp(uniform(rng, log(0.015), log(0.12)))),
        gloss_power=float(np.exp(uniform(rng, log(6), log(40)))),
        sleeve=_sample_sleeve(rng, shirt, textures) if rng.random() < 0.6 else None,
        hair=_HAIR[rng.integers(len(_HAIR))],
        shirt=shirt,
    )


def paint_hand(person: Person, skin: SkinMap, albedo: np.ndarray) -> None:
    """Fills (778, 3) float32 with the linear albedo of a hand's vertices."""
    if person.gloves is not None:
        albedo[:] = person.gloves
        return
    colors = np.array([person.back, person.palm, arm_albedo(person)], np.float32)
    light = np.float32(1.0 - person.tone / 12.0)
    _paint(skin.palm, skin.tip, skin.knuckle, skin.wrist, colors, np.float32(person.redness), light, albedo)


@compiled
def _paint(palm, tip, knuckle, wrist, colors, redness, light, albedo):
    blush = (np.float32(0.02), np.float32(0.30), np.float32(0.26))
    one = np.float32(1)
    for v in range(albedo.shape[0]):
        # Blood shows where skin is thin: fingertips, knuckles, the heel of the hand. In dark skin knuckles
        # are darker.
        thin = np.float32(0.5) * tip[v] + np.float32(0.35) * knuckle[v] * light + np.float32(0.12) * palm[v]
        dark = one - knuckle[v] * (one - light) * np.float32(0.35)
        for c in range(3):
            skin = colors[0, c] + palm[v] * (colors[1, c] - colors[0, c])
            skin *= dark * (one - redness * thin * blush[c])
            # Towards the wrist the palm's color gives way to the forearm's, so that no seam shows there.
            albedo[v, c] = skin + wrist[v] * (colors[2, c] - skin)


def arm_albedo(person: Person) -> np.ndarray:
    """(3,) the forearm's color: between back and palm."""
    if person.gloves is not None:
        return person.gloves
    return 0.85 * person.back + 0.15 * person.palm


def skin_material(person: Person, label: int) -> np.ndarray:
    """Material row of skin, or of a glove, for a mask label."""
    if person.gloves is not None:
        return material(
            label, noise=0.12, noise_scale=14.0, bump=0.35, gloss=person.gloss * 0.5, gloss_power=8.0
        )
    depth = 1.0 - 0.6 * person.tone / 9.0
    return material(
        label,
        kind=SKIN,
        noise=person.noise,
        noise_scale=11.0,
        bump=person.bump,
        gloss=person.gloss,
        gloss_power=person.gloss_power,
        wrap=(0.32 * depth, 0.14 * depth, 0.08 * depth),  # light travels furthest in skin where it is red
    )


def hand_label(side: int) -> int:
    """The mask label of a side."""
    return MASK_RIGHT if side == RIGHT else MASK_LEFT


def _sample_sleeve(rng: np.random.Generator, shirt: np.ndarray, textures: Textures) -> Sleeve:
    patterned = rng.random() < 0.35
    row = material(
        MASK_OTHER,
        image=int(rng.integers(textures.count)) if patterned else -1,
        image_scale=uniform(rng, 2.0, 8.0),
        noise=uniform(rng, 0.1, 0.4),
        noise_scale=uniform(rng, 4, 16),
        bump=uniform(rng, 0.1, 0.6),
        gloss=0.02,
    )
    start = uniform(rng, -0.012, 0.03) if rng.random() < 0.6 else uniform(rng, 0.03, 0.2)
    return Sleeve(
        start,
        uniform(rng, 1.12, 1.6),
        shirt * (1.6 if patterned else 1.0),
        row,
        uniform(rng, 0, 0.12),
    )


def _cloth_color(rng: np.random.Generator) -> np.ndarray:
    """(3,) linear: blacks, whites, greys, blues and the rest."""
    if rng.random() < 0.4:
        return np.full(3, (0.02, 0.05, 0.15, 0.35, 0.75)[rng.integers(5)]) * np.exp(rng.normal(0, 0.1, 3))
    return np.clip(np.exp(rng.normal(-1.6, 0.7)) * np.exp(rng.normal(0, 0.45, 3)), 0.01, 0.85)
