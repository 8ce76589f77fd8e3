"""What stands around the hands: tables, bodies with faces, clutter, things in front, other people's hands."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lgnet_ros.data.sample import MASK_OTHER
from lgnet_ros.data.synthetic.arms import Arm, arm_balls
from lgnet_ros.data.synthetic.build import HandKit, PlacedHand
from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.data.synthetic.looks import Person, sample_person, skin_material
from lgnet_ros.data.synthetic.meshes import (
    BARE,
    NO_DETAILS,
    Mesh,
    Part,
    ellipsoid,
    material,
    plain_part,
    plane,
)
from lgnet_ros.data.synthetic.objects import sample_thing
from lgnet_ros.data.synthetic.orientation import Viewpoint, random_rotation, sample_arm, sample_root
from lgnet_ros.data.synthetic.poses import sample_pose
from lgnet_ros.data.synthetic.shading import Textures
from lgnet_ros.geometry.vectors import cross, turn_about, unit

_X, _Y = np.eye(3)[:2]
_TABLE = {"above": 0.75, "egocentric": 0.5, "facing": 0.2}
_BODY = 0.8
_SHOULDER = (0.11, 0.15, 0.10)  # half axes
_HIDING = 3  # joints that it must hide to be in the way
_CLUTTER = 0.4
_IN_FRONT = 0.06
_OTHER_PEOPLE = 0.05


def table(
    rng: np.random.Generator,
    view: Viewpoint,
    labelled: list[tuple[PlacedHand, Person, Arm]],
    textures: Textures,
) -> list[Part]:
    """A table top behind or under hands and forearms, near enough for shadows; none in some scenes."""
    if rng.random() >= _TABLE[view.name]:
        return []
    normal = {"above": (0.0, -0.25, -1.0), "egocentric": (0.0, -0.75, -0.65), "facing": (0.0, -1.0, -0.25)}[
        view.name
    ]
    normal = unit(np.array(normal) + rng.normal(0, 0.12, 3))
    # As far as the lowest point, and a little.
    lowest, middle = 1.2 * uniform(rng, 0.5, 1.5), np.array([0.0, 0.0, 1.0])
    if labelled:
        balls = [(hand.balls, hand.radii) for hand, _, _ in labelled]
        middle = np.concatenate([centers for centers, _ in balls]).mean(axis=0)
        balls += [arm_balls(hand.posed, arm, hand.size) for hand, _, arm in labelled]
        lowest = min(float((centers @ normal - radii).min()) for centers, radii in balls)
        lowest -= rng.exponential(0.06)
    else:
        lowest = -lowest
    center = middle + normal * (lowest - middle @ normal)
    first = 3.0 * unit(cross(normal, random_rotation(rng)[0]))
    row = material(
        MASK_OTHER,
        image=int(rng.integers(textures.count)),
        image_scale=uniform(rng, 0.8, 3.5),
        noise=0.1,
        noise_scale=4.0,
        gloss=uniform(rng, 0.0, 0.12),
    )
    tint = np.full(3, uniform(rng, 0.5, 1.0))
    return [plain_part(plane(center, first, cross(normal, first), 14), tint, row, casts_shadow=False)]


def bodies(
    rng: np.random.Generator,
    view: Viewpoint,
    labelled: list[tuple[PlacedHand, Person, Arm]],
    person: Person,
    in_the_way: bool,
) -> list[Part]:
    """Shoulders where the arms end; for one who faces the camera, often a torso with a face, hands or no
    hands.

    Args:
        in_the_way: whether there are shoulders before the hands, which nobody would photograph so.
    """
    parts = []
    joints = np.concatenate([hand.posed.joints for hand, _, _ in labelled] or [np.zeros((0, 3))])
    for hand, _, arm in labelled:
        shoulder = hand.posed.chain[0] + 0.25 * arm.forearm + 0.30 * arm.upper
        part = plain_part(
            _shoulder().shifted(shoulder), person.shirt, _cloth(rng), casts_shadow=False, shaded=False
        )
        if in_the_way or _hidden(joints, shoulder) < _HIDING:
            parts.append(part)
    if view.name == "facing" and rng.random() < _BODY:
        chest = np.array([rng.normal(0, 0.25), rng.normal(0.1, 0.15), 0.5 + rng.exponential(0.5)])
        if labelled:
            hands = np.mean([hand.posed.chain[0] for hand, _, _ in labelled], axis=0)
            chest = hands + np.array([rng.normal(0, 0.08), uniform(rng, 0.0, 0.25), uniform(rng, 0.22, 0.5)])
        parts += torso(rng, person, chest)
    return parts


@lru_cache(maxsize=1)
def _shoulder() -> Mesh:
    return _ellipsoid(_SHOULDER)


def _hidden(joints: np.ndarray, shoulder: np.ndarray) -> int:
    """How many of the joints (K, 3) a shoulder about a point lies before: their rays meet it sooner."""
    # In units of the half axes it is a ball of radius 1, and a ray from the camera s · ray is on it where
    # |s · ray − center|² = 1; the joint is at s = 1.
    center, rays = shoulder / _SHOULDER, joints / np.array(_SHOULDER)
    a, b, c = np.square(rays).sum(axis=1), rays @ center, center @ center - 1.0
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    return int(np.count_nonzero((b * b > a * c) & (b - root < a) & (b + root > 0)))


def torso(rng: np.random.Generator, person: Person, chest: np.ndarray) -> list[Part]:
    """A trunk, a neck and a head that looks towards the camera."""
    about_y, about_x = rng.normal(0, 0.25), rng.normal(0, 0.12)
    turn = turn_about(_X, about_x) @ turn_about(_Y, about_y)
    tone = person.back if person.gloves is None else np.array([0.45, 0.26, 0.18])
    lip, dark = tone * np.array([0.9, 0.55, 0.55]), np.full(3, 0.02)
    colors = np.stack([person.shirt, tone, lip, person.hair, dark])
    mesh, owner, face_material = _torso_mesh()
    return [
        Part(
            mesh.moved(turn, chest),
            colors[owner].astype(np.float32),
            np.stack([_cloth(rng), skin_material(person, MASK_OTHER)]),
            face_material,
            BARE,
            NO_DETAILS,
            casts_shadow=False,
            shaded=False,
        )
    ]


_SHIRT, _TONE, _LIP, _HAIR, _DARK = range(5)
_HEAD_Y, _HEAD_Z = -0.47, -0.03
# Half axes, center, color: trunk, shoulders, neck, head, hair, nose, mouth; then eyes and brows.
_TORSO = [
    ((0.19, 0.46, 0.12), (0, 0.14, 0), _SHIRT),
    ((0.20, 0.10, 0.10), (0, -0.22, 0), _SHIRT),
    ((0.055, 0.11, 0.055), (0, -0.32, 0), _TONE),
    ((0.074, 0.108, 0.092), (0, _HEAD_Y, _HEAD_Z), _TONE),
    ((0.080, 0.085, 0.095), (0, _HEAD_Y - 0.042, _HEAD_Z + 0.024), _HAIR),
    ((0.016, 0.024, 0.022), (0, _HEAD_Y + 0.012, _HEAD_Z - 0.090), _TONE),
    ((0.026, 0.008, 0.010), (0, _HEAD_Y + 0.052, _HEAD_Z - 0.080), _LIP),
    *(((0.013, 0.008, 0.008), (x, _HEAD_Y - 0.014, _HEAD_Z - 0.082), _DARK) for x in (-0.03, 0.03)),
    *(((0.021, 0.005, 0.008), (x, _HEAD_Y - 0.034, _HEAD_Z - 0.082), _HAIR) for x in (-0.031, 0.031)),
]


@lru_cache(maxsize=1)
def _torso_mesh() -> tuple[Mesh, np.ndarray, np.ndarray]:
    """The trunk with its head as one mesh; the color's number of every vertex, and 1 for every face of skin,
    else 0."""
    meshes = [_ellipsoid(half).moved(np.eye(3), np.array(place)) for half, place, _ in _TORSO]
    first = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    joined = Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, first, strict=False)]),
        np.concatenate([mesh.texture for mesh in meshes]),
    )
    colors = [number for _, _, number in _TORSO]
    skin = [number in (_TONE, _LIP) for number in colors]
    return (
        joined,
        np.repeat(colors, [len(mesh.vertices) for mesh in meshes]),
        np.repeat(skin, [len(mesh.faces) for mesh in meshes]).astype(np.uint8),
    )


def clutter(
    rng: np.random.Generator, split: str, textures: Textures, hands: list[PlacedHand], distance: float
) -> list[Part]:
    """Things behind the hands, and now and then one in front of them."""
    parts: list[Part] = []
    if rng.random() < _CLUTTER:
        for _ in range(int(rng.integers(1, 5))):
            depth = distance + 0.15 + rng.exponential(0.3)
            place = np.array([uniform(rng, -0.7, 0.7) * depth, uniform(rng, -0.5, 0.5) * depth, depth])
            parts += _thing_at(rng, split, textures, place)
    if hands and rng.random() < _IN_FRONT:
        near = min(float(hand.posed.vertices[:, 2].min()) for hand in hands)
        joint = hands[rng.integers(len(hands))].posed.joints[rng.integers(21)]
        depth = near * uniform(rng, 0.6, 0.85)
        place = joint / joint[2] * depth + np.array([*rng.normal(0, 0.03, 2), 0.0])
        if depth > 0.2:
            parts += _thing_at(rng, split, textures, place)
    return parts


def other_people(
    rng: np.random.Generator,
    split: str,
    textures: Textures,
    kits: tuple[HandKit, HandKit],
    view: Viewpoint,
    distance: float,
) -> list[Part]:
    """Seldom, somebody else's hand, half as far again as the hands that count: it bears no label."""
    if rng.random() >= _OTHER_PEOPLE:
        return []
    side = int(rng.integers(2))
    kit, person = kits[side], sample_person(rng, split, textures)
    depth = distance * uniform(rng, 1.5, 2.2)
    place = np.array([uniform(rng, -0.5, 0.5) * depth, uniform(rng, -0.35, 0.35) * depth, depth])
    angles = sample_pose(rng, kit.hand, kit.spheres)
    hand = kit.posed(angles, sample_root(rng, side), place, np.zeros(10))
    arm = sample_arm(rng, hand.posed.turned[0], side, view)
    return kit.arm.parts(hand.posed, person, arm, 1.0, label=MASK_OTHER)


def _thing_at(rng: np.random.Generator, split: str, textures: Textures, place: np.ndarray) -> list[Part]:
    turn = random_rotation(rng)
    return sample_thing(rng, split, textures).parts(turn, place)


def _cloth(rng: np.random.Generator) -> np.ndarray:
    return material(MASK_OTHER, noise=uniform(rng, 0.1, 0.4), noise_scale=5.0, bump=0.3, gloss=0.01)


def _ellipsoid(half: tuple[float, float, float]) -> Mesh:
    return ellipsoid(np.array(half), 7, 12)
