"""Arms that grow out of the hand's open wrist, with sleeves: no hand ends at the wrist in a photograph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lgnet_ros.data.sample import MASK_OTHER
from lgnet_ros.data.synthetic.looks import Person, arm_albedo, hand_label, paint_hand, skin_material
from lgnet_ros.data.synthetic.meshes import BARE, FIRST_MATERIAL, NO_DETAILS, Mesh, Part, tube_faces
from lgnet_ros.data.synthetic.posing import FastHand, Posed
from lgnet_ros.data.synthetic.skin import SkinMap
from lgnet_ros.data.synthetic.vertex_light import vertex_normals
from lgnet_ros.hand_model.topology import LEFT, VERTEX_COUNT
from lgnet_ros.jit import compiled

# Distance from the wrist's edge, half width and half thickness of fore and upper arm, m (a median adult's).
_PROFILE = np.array(
    [
        [0.0, 0.0285, 0.0195], [0.008, 0.0285, 0.0195], [0.018, 0.0283, 0.0196], [0.032, 0.0283, 0.02],
        [0.055, 0.029, 0.0215], [0.09, 0.033, 0.026], [0.135, 0.040, 0.033], [0.18, 0.044, 0.037],
        [0.225, 0.045, 0.040], [0.255, 0.043, 0.042], [0.28, 0.043, 0.044], [0.33, 0.045, 0.048],
        [0.42, 0.052, 0.055], [0.53, 0.058, 0.060], [0.55, 0.02, 0.02],
    ],
    np.float32,
)  # fmt: skip
_SLEEVE_RINGS = 17
_SLEEVE_SHARES = np.linspace(0.0, 1.0, _SLEEVE_RINGS - 3)
_AROUND = 16


class Arm(NamedTuple):
    """Unit vectors (3,) float32: forearm, from the wrist to the elbow; upper, from the elbow to the
    shoulder."""

    forearm: np.ndarray
    upper: np.ndarray


class ArmKit:
    """What an arm of one side has in common with every other: triangles and texture coordinates."""

    def __init__(self, hand: FastHand, skin: SkinMap, boundary: np.ndarray) -> None:
        self.hand, self.skin, self.boundary = hand, skin, boundary.astype(np.int64)
        rings, sign = len(_PROFILE), -1.0 if hand.side == LEFT else 1.0
        # Ring 0 is the hand's own edge: shared vertices, so that shading runs on across the wrist.
        numbers = np.concatenate([boundary, VERTEX_COUNT + np.arange((rings - 1) * _AROUND)]).astype(np.int32)
        arm_faces = numbers[tube_faces(rings, _AROUND)]
        self.faces = np.concatenate([hand.faces, arm_faces[:, ::-1] if hand.side == LEFT else arm_faces])
        edge = hand.template[boundary]
        texture = [hand.template, *(edge + np.float32([sign * s, 0, 0]) for s in _PROFILE[1:, 0])]
        self.texture = np.concatenate(texture).astype(np.float32)
        self.face_material = np.repeat([0, 1], [len(hand.faces), len(arm_faces)]).astype(np.uint8)
        bare = np.full(len(arm_faces), -1, np.int16)
        self.face_detail = np.concatenate([skin.detail, bare])
        sleeve = tube_faces(_SLEEVE_RINGS, _AROUND)
        self.sleeve_faces = np.ascontiguousarray(sleeve[:, ::-1] if hand.side == LEFT else sleeve)
        self.leave = np.float32([sign, 0, 0])

    def parts(
        self, posed: Posed, person: Person, arm: Arm, size: float, label: int | None = None
    ) -> list[Part]:
        """The hand with its arm as one seamless part, and the sleeve, if the person wears one.

        Args:
            posed: vertices in the camera frame.
            size: the hand's length over the template's.
            label: the hand's mask label; None: its side's.
        """
        rings = np.empty((len(_PROFILE), _AROUND, 3), np.float32)
        root = posed.turned[0]
        _grow(
            posed.vertices[self.boundary], root, root @ self.leave, arm.forearm, arm.upper,
            np.float32(-1 if self.hand.side == LEFT else 1), np.float32(size), _PROFILE, rings,
        )  # fmt: skip
        label = hand_label(self.hand.side) if label is None else label
        skin_part = self._skin_part(posed, person, rings, label)
        return [skin_part] if person.sleeve is None else [skin_part, self._sleeve_part(rings, person, size)]

    def _skin_part(self, posed: Posed, person: Person, rings: np.ndarray, label: int) -> Part:
        vertices = np.concatenate([posed.vertices, rings[1:].reshape(-1, 3)])
        albedo = np.empty_like(vertices)
        paint_hand(person, self.skin, albedo[:VERTEX_COUNT])
        albedo[VERTEX_COUNT:] = arm_albedo(person)
        return Part(
            Mesh(vertices, vertex_normals(vertices, self.faces), self.faces, self.texture),
            albedo,
            np.stack([skin_material(person, label), skin_material(person, MASK_OTHER)]),
            self.face_material,
            self.face_detail if person.nails else BARE,
            self.skin.details,
        )

    def _sleeve_part(self, rings: np.ndarray, person: Person, size: float) -> Part:
        sleeve = person.sleeve
        begin = max(sleeve.start_m, 0.004)
        # It begins at the skin, and is turned in: nobody can look into the cuff.
        at, wide = np.empty(_SLEEVE_RINGS, np.float32), np.full(_SLEEVE_RINGS, sleeve.ease, np.float32)
        at[:3] = begin, begin, begin + 0.006
        at[3:] = begin + 0.02 + _SLEEVE_SHARES * (float(_PROFILE[-2, 0]) - (begin + 0.02))
        wide[:2] = 1.02, 0.97 * sleeve.ease
        vertices = np.empty((len(at) * _AROUND, 3), np.float32)
        texture = np.empty_like(vertices)
        _clothe(
            rings, np.ascontiguousarray(_PROFILE[:, 0]), at, wide, np.float32(sleeve.folds), vertices, texture
        )
        return Part(
            Mesh(vertices, vertex_normals(vertices, self.sleeve_faces), self.sleeve_faces, texture),
            sleeve.albedo.astype(np.float32)[None],
            sleeve.material[None],
            FIRST_MATERIAL,
            BARE,
            NO_DETAILS,
        )


def arm_balls(posed: Posed, arm: Arm, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Balls along the forearm: it keeps light away, and lies above a table."""
    along = np.array([0.05, 0.09, 0.14, 0.19, 0.24]) * size
    radii = np.array([0.024, 0.027, 0.034, 0.038, 0.038]) * size
    centers = posed.chain[0] + along[:, None] * arm.forearm
    return centers.astype(np.float32), radii.astype(np.float32)


@compiled
def _smooth(share):
    """0 to 1 with level ends."""
    share = min(max(share, np.float32(0)), np.float32(1))
    return share * share * (np.float32(3) - np.float32(2) * share)


@compiled
def _grow(edge, root, leave, forearm, upper, sign, size, profile, rings):
    """Rings from the hand's edge (16, 3) along forearm and upper arm; the last one closes the arm at the
    shoulder."""
    around = edge.shape[0]
    center = np.zeros(3, np.float32)
    for i in range(around):
        for c in range(3):
            center[c] += edge[i, c] / np.float32(around)
    start = center.copy()
    direction, across, up = np.empty(3, np.float32), root[:, 2].copy(), np.empty(3, np.float32)
    rings[0] = edge
    for k in range(1, profile.shape[0]):
        wrist = _smooth(profile[k, 0] / np.float32(0.035))
        elbow = _smooth((profile[k, 0] - np.float32(0.23)) / np.float32(0.06))
        for c in range(3):
            bent = forearm[c] * (1 - elbow) + upper[c] * elbow
            direction[c] = leave[c] * (1 - wrist) + wrist * bent
        direction /= np.float32(np.sqrt((direction * direction).sum()))
        step = (profile[k, 0] - profile[k - 1, 0]) * size
        along = np.float32(0)
        for c in range(3):
            center[c] += direction[c] * step
            along += across[c] * direction[c]
        # Handed on from ring to ring: an arm bends, and does not twist.
        for c in range(3):
            across[c] -= direction[c] * along
        across /= np.float32(np.sqrt((across * across).sum()))
        for c in range(3):
            d, e = (c + 1) % 3, (c + 2) % 3
            up[c] = sign * (across[d] * direction[e] - across[e] * direction[d])
        # From the hand's own outline to the arm's ellipse within two centimetres.
        mix = min(profile[k, 0] / np.float32(0.02), np.float32(1))
        for i in range(around):
            high, wide, deep = np.float32(0), np.float32(0), np.float32(0)
            for c in range(3):
                offset = edge[i, c] - start[c]
                high += offset * root[c, 1]
                wide += offset * root[c, 2]
                deep += offset * direction[c]
            angle = np.arctan2(high / np.float32(0.7), wide)
            a, b = np.cos(angle) * profile[k, 1] * size, np.sin(angle) * profile[k, 2] * size
            for c in range(3):
                flat = edge[i, c] - start[c] - deep * direction[c]
                rings[k, i, c] = center[c] + flat * (1 - mix) + (a * across[c] + b * up[c]) * mix


@compiled
def _clothe(rings, stations, at, wide, folds, vertices, texture):
    """A tube round the arm's rings at the distances `at`, `wide` times as wide and rounder, with folds
    across."""
    around = rings.shape[1]
    center, offset = np.empty(3, np.float32), np.empty((around, 3), np.float32)
    for r in range(at.shape[0]):
        k = 0
        while k < stations.shape[0] - 2 and stations[k + 1] < at[r]:
            k += 1
        share = (at[r] - stations[k]) / (stations[k + 1] - stations[k])
        for c in range(3):
            center[c] = 0
            for i in range(around):
                offset[i, c] = rings[k, i, c] * (1 - share) + rings[k + 1, i, c] * share
                center[c] += offset[i, c] / np.float32(around)
        mean = np.float32(0)
        for i in range(around):
            for c in range(3):
                offset[i, c] -= center[c]
            mean += np.sqrt((offset[i] * offset[i]).sum()) / np.float32(around)
        for i in range(around):
            turn = np.float32(i * 2 * np.pi / around)
            reach = np.sqrt((offset[i] * offset[i]).sum())
            wave = (
                folds * np.sin(at[r] * 150 + 2 * np.sin(turn + at[r] * 60))
                if wide[r] > 1.05
                else np.float32(0)
            )
            gain = (
                wide[r]
                * (1 + wave)
                * (np.float32(0.5) + np.float32(0.5) * mean / max(reach, np.float32(1e-6)))
            )
            v = r * around + i
            for c in range(3):
                vertices[v, c] = center[c] + offset[i, c] * gain
            texture[v, 0], texture[v, 1], texture[v, 2] = turn * 0.04, at[r], np.sin(turn) * 0.04
