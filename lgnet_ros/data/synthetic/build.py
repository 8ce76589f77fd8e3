"""From posed hands, people and things to a scene ready for the camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lgnet_ros.data.synthetic.arms import Arm, ArmKit, arm_balls
from lgnet_ros.data.synthetic.assembly import assemble
from lgnet_ros.data.synthetic.camera import CameraLook
from lgnet_ros.data.synthetic.closing import pose_balls
from lgnet_ros.data.synthetic.framing import bounds, reach
from lgnet_ros.data.synthetic.looks import Person
from lgnet_ros.data.synthetic.meshes import Mesh, Part, material, plain_part
from lgnet_ros.data.synthetic.posing import FastHand, Posed, fast_hands
from lgnet_ros.data.synthetic.render import HandState, Scene
from lgnet_ros.data.synthetic.shading import Backdrop, Light, Textures, no_shadow, shadow_map
from lgnet_ros.data.synthetic.skin import SkinMap, skin_maps
from lgnet_ros.data.synthetic.spheres import SphereSet, sphere_sets
from lgnet_ros.data.synthetic.vertex_light import Environment
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.geometry.vectors import length
from lgnet_ros.hand_model.mesh import boundary_loop

_SHADOW_BEYOND_M = 0.10


class GrownHand(NamedTuple):
    """A hand of one shape, unposed: vertices (778, 3), joints (16, 3), balls (K, 3) and radii (K,), and its
    length over the template's."""

    vertices: np.ndarray
    joints: np.ndarray
    balls: np.ndarray
    radii: np.ndarray
    size: float


@dataclass(frozen=True, eq=False)
class HandKit:
    """One side of a hand model with all that is derived from it once."""

    hand: FastHand
    spheres: SphereSet
    skin: SkinMap
    arm: ArmKit
    length: float  # template's wrist to middle fingertip, straight along the joints, m

    def grown(self, shape: np.ndarray) -> GrownHand:
        """The unposed hand of a shape (10,); a scene asks for the same one many times."""
        return _grown(self, shape.astype(np.float32).tobytes())

    def posed(self, angles: np.ndarray, root: np.ndarray, wrist: np.ndarray, shape: np.ndarray) -> PlacedHand:
        """The hand of a shape (10,) with joint angles (15, 3), turned by root (3, 3), its wrist joint at a
        point."""
        grown, rotations = self.grown(shape), self.hand.rotations(angles, root)
        posed = self.hand.pose(rotations, grown.vertices, grown.joints, wrist.astype(np.float32))
        balls = self.spheres.posed(grown.balls, grown.joints, posed.turned, posed.chain)
        return PlacedHand(self, posed, shape.astype(np.float32), balls, grown.radii)

    def balls(self, angles: np.ndarray, shape: np.ndarray) -> np.ndarray:
        """(K, 3) the balls alone, root unturned and wrist at the origin: no mesh is made."""
        grown, balls = self.grown(shape), np.empty_like(self.spheres.template)
        pose_balls(
            angles.astype(np.float32), self.hand.axes, grown.joints, grown.balls, self.spheres.carrier, balls
        )
        return balls


@lru_cache(maxsize=16)
def _grown(kit: HandKit, shape: bytes) -> GrownHand:
    vertices = kit.hand.shaped(np.frombuffer(shape, np.float32))
    joints = kit.hand.rest_joints(vertices)
    ours = kit.hand.ours(joints, vertices)
    return GrownHand(vertices, joints, *kit.spheres.rest(ours), _length(ours) / kit.length)


@dataclass(frozen=True)
class PlacedHand:
    """A posed hand at its place, with its balls (K, 3), (K,)."""

    kit: HandKit
    posed: Posed
    shape: np.ndarray
    balls: np.ndarray
    radii: np.ndarray

    @property
    def side(self) -> int:
        """RIGHT or LEFT."""
        return self.kit.hand.side

    @property
    def size(self) -> float:
        """Its length over the template's."""
        return self.kit.grown(self.shape).size

    def shifted(self, offset: np.ndarray) -> PlacedHand:
        """The same hand elsewhere."""
        offset = np.asarray(offset, np.float32)
        moved = self.posed.shifted(offset)
        return PlacedHand(self.kit, moved, self.shape, self.balls + offset, self.radii)

    def turned(self, rotation: np.ndarray, about: np.ndarray) -> PlacedHand:
        """The same hand, turned by (3, 3) about a point."""
        r, c = rotation.astype(np.float32), np.asarray(about, np.float32)
        p = self.posed
        local = p.rotations.copy()
        local[0] = r @ local[0]
        moved = Posed(
            (p.vertices - c) @ r.T + c, (p.joints - c) @ r.T + c, (p.chain - c) @ r.T + c, r @ p.turned, local
        )
        return PlacedHand(self.kit, moved, self.shape, (self.balls - c) @ r.T + c, self.radii)


@lru_cache(maxsize=4)
def hand_kits(path: str | None = None) -> tuple[HandKit, HandKit]:
    """Right and left, made once per process and model."""
    kits = []
    boundary = boundary_loop(fast_hands(path)[0].faces)
    for hand, spheres, skin in zip(fast_hands(path), sphere_sets(path), skin_maps(path), strict=True):
        straight = _length(hand.ours(hand.rest_joints(hand.template), hand.template))
        # The loop of the right hand's faces serves both sides: they share vertex numbers.
        kits.append(HandKit(hand, spheres, skin, ArmKit(hand, skin, boundary), straight))
    return kits[0], kits[1]


def build_scene(
    intrinsics: CameraIntrinsics,
    labelled: list[tuple[PlacedHand, Person, Arm]],
    others: list[Part],
    light: tuple[Light, np.ndarray],
    backdrop: Backdrop,
    textures: Textures,
    camera: CameraLook,
    key: str,
) -> Scene:
    """Everything into one lit surface.

    Args:
        labelled: hands that count, with their person and arm.
        others: objects, furniture, other people.
        light: key light and environment, see `sample_light`.
    """
    parts, hands = list(others), [None, None]
    everything = []
    for placed, person, arm in labelled:
        parts += placed.kit.arm.parts(placed.posed, person, arm, placed.size)
        everything += [(placed.balls, placed.radii), arm_balls(placed.posed, arm, placed.size)]
        hands[placed.side] = HandState(placed.posed, placed.shape)
    if not parts:
        parts = [_speck()]
    centers = np.concatenate([b[0] for b in everything] or [np.zeros((0, 3), np.float32)])
    radii = np.concatenate([b[1] for b in everything] or [np.zeros(0, np.float32)])
    key_light, harmonics = light
    environment = Environment(harmonics.astype(np.float32), np.ascontiguousarray(centers.T), np.square(radii))
    surface, casting = assemble(parts)
    shadow = no_shadow()
    if labelled and len(casting):
        low, high = bounds([placed.balls for placed, _, _ in labelled])
        center = (low + high) / 2
        radius = max(reach(placed.balls, center) for placed, _, _ in labelled) + _SHADOW_BEYOND_M
        shadow = shadow_map(surface.vertices, casting, center, radius, key_light)
    lights = (key_light, environment, shadow)
    return Scene(intrinsics, (hands[0], hands[1]), surface, *lights, backdrop, textures, camera, key)


def _length(joints: np.ndarray) -> float:
    """Wrist to the tip of the middle finger along its bones, of (21, 3) joints."""
    return sum(length(joints[b] - joints[a]) for a, b in ((0, 9), (9, 10), (10, 11), (11, 12)))


def _speck() -> Part:
    """A scene without anything still has one face: far away and seen from behind."""
    corners = np.array([[0, 0, 99], [1, 0, 99], [0, 1, 99]], np.float32)
    return plain_part(
        Mesh(corners, np.ones_like(corners), np.array([[0, 1, 2]], np.int32), corners),
        np.ones(3),
        material(0),
    )
