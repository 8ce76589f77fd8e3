"""What happens in a scene: who shows which hands where, before which camera."""

from __future__ import annotations

from math import exp, log, radians

import numpy as np

from lgnet_ros.data.augment import MIN_JOINTS_INSIDE
from lgnet_ros.data.synthetic.backdrops import sample_backdrop
from lgnet_ros.data.synthetic.build import HandKit, PlacedHand, build_scene, hand_kits
from lgnet_ros.data.synthetic.camera import sample_camera
from lgnet_ros.data.synthetic.draws import uniform
from lgnet_ros.data.synthetic.framing import bounds, first_suiting
from lgnet_ros.data.synthetic.grasps import sample_grasp
from lgnet_ros.data.synthetic.lights import sample_light
from lgnet_ros.data.synthetic.looks import sample_person
from lgnet_ros.data.synthetic.mixtures import Mixture
from lgnet_ros.data.synthetic.objects import sample_thing
from lgnet_ros.data.synthetic.orientation import Viewpoint, sample_arm, sample_root, sample_viewpoint
from lgnet_ros.data.synthetic.pairs import sample_apart, sample_pair
from lgnet_ros.data.synthetic.passing import Held, holding_one_of, sample_passing
from lgnet_ros.data.synthetic.poses import sample_pose
from lgnet_ros.data.synthetic.render import Scene
from lgnet_ros.data.synthetic.settings import SyntheticSettings, random_stream
from lgnet_ros.data.synthetic.shading import Textures
from lgnet_ros.data.synthetic.shapes import sample_shape
from lgnet_ros.data.synthetic.surroundings import bodies, clutter, other_people, table
from lgnet_ros.data.synthetic.texture_bank import texture_bank
from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.hand_model.topology import RIGHT

FIELD_OF_VIEW = radians(50.0), radians(100.0)
DISTANCE_M = (0.3, 2.0)
_LEARNABLE_PX = 40.0
_PLACES_TRIED = 12


def sample_scene(seed: int, index: int, settings: SyntheticSettings) -> Scene:
    """The scene `index` of a seed: a pure function of its arguments."""
    rng = random_stream(seed, index, settings.split, "scene")
    kits = hand_kits(settings.hand_model)
    textures = texture_bank(settings.split, settings.background_folder)
    across = uniform(rng, *FIELD_OF_VIEW)
    camera = CameraIntrinsics.from_field_of_view(settings.width, settings.height, across)
    view = sample_viewpoint(rng)
    mixture = settings.mixture
    hands, held = _sample_hands(rng, kits, view, settings.split, textures, mixture)
    distance = exp(uniform(rng, log(DISTANCE_M[0]), log(DISTANCE_M[1])))
    if settings.split == "train" and rng.random() < 0.9:
        # Little is to be learned from hands of a dozen pixels; validation and test have as many as the
        # design says.
        distance = min(distance, 0.18 * float(camera.matrix[0, 0]) / _LEARNABLE_PX)
    if hands:
        shift = _place_in_view(rng, hands, camera, distance, mixture.truncated)
        hands = [hand.shifted(shift) for hand in hands]
        distance = float(sum(hand.posed.chain[0, 2] for hand in hands)) / len(hands)
    person = sample_person(rng, settings.split, textures)
    labelled = [(hand, person, sample_arm(rng, hand.posed.turned[0], hand.side, view)) for hand in hands]
    others = table(rng, view, labelled, textures)
    # Test and validation keep what is hard, also where it is odd.
    others += bodies(rng, view, labelled, person, in_the_way=settings.split != "train")
    if mixture.bystanders:
        others += clutter(rng, settings.split, textures, hands, distance)
        others += other_people(rng, settings.split, textures, kits, view, distance)
    if held is not None:
        thing, turn, place = held
        others += thing.parts(turn, place + shift)
    return build_scene(
        camera,
        labelled,
        others,
        sample_light(rng),
        sample_backdrop(rng, textures),
        textures,
        sample_camera(rng),
        f"synthetic/{settings.split}/{seed}/{index}",
    )


def _sample_hands(
    rng: np.random.Generator,
    kits: tuple[HandKit, HandKit],
    view: Viewpoint,
    split: str,
    textures: Textures,
    mixture: Mixture,
) -> tuple[list[PlacedHand], Held | None]:
    """Posed hands about the origin, in the camera's orientation, and what they hold."""
    kind = rng.random()
    shape = sample_shape(rng, kits[0].hand)
    holding = rng.random() < mixture.holding
    thing = sample_thing(rng, split, textures, small=rng.random() < 0.3) if holding else None
    if kind < mixture.interacting:
        passed = None if thing is None else sample_passing(rng, kits, thing, shape)
        return passed or (sample_pair(rng, kits, sample_root(rng, RIGHT), shape), None)
    if kind >= mixture.interacting + mixture.apart + mixture.one:
        return [], None
    side = int(rng.integers(2))
    if kind < mixture.interacting + mixture.apart:
        pair = sample_apart(rng, kits, shape, mirrored=view.name == "facing")
        return (pair, None) if thing is None else holding_one_of(rng, pair, side, thing)
    if thing is not None:
        grasp = sample_grasp(rng, kits[side], thing, shape)
        hand = kits[side].posed(grasp.angles, sample_root(rng, side), np.zeros(3), shape)
        return [hand], (thing, *grasp.object_pose(hand))
    angles = sample_pose(rng, kits[side].hand, kits[side].spheres)
    return [kits[side].posed(angles, sample_root(rng, side), np.zeros(3), shape)], None


def _place_in_view(
    rng: np.random.Generator,
    hands: list[PlacedHand],
    camera: CameraIntrinsics,
    distance: float,
    truncated_share: float,
) -> np.ndarray:
    """(3,) where to shift the hands together: wholly into the picture, or, in a share of all, cut by its
    edge."""
    low, high = bounds([hand.posed.vertices for hand in hands])
    center, half = (low + high) / 2, (high - low) / 2
    focal = float(camera.matrix[0, 0])
    truncated = rng.random() < truncated_share
    if not truncated:
        distance = max(distance, 2.0 * max(half[0], half[1]) * focal / (0.85 * camera.height) + half[2])
    distance = max(distance, half[2] + 0.2)
    joints = np.array([hand.posed.joints for hand in hands])
    size = np.array([camera.width, camera.height])
    pixels = rng.random((_PLACES_TRIED, 2)) * size
    chosen = first_suiting(
        joints, center, distance, pixels, camera.matrix, size, truncated, 19, MIN_JOINTS_INSIDE
    )
    across = (pixels[chosen] - camera.matrix[:2, 2]) / focal if chosen >= 0 else (0.0, 0.0)
    return distance * np.array([*across, 1.0]) - center
