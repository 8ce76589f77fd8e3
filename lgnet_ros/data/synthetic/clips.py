"""Films of two hands with exact truth at any moment: for the built-in camera, for jitter and for tracking."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lgnet_ros.data.sample import HandSample
from lgnet_ros.data.synthetic.arms import Arm
from lgnet_ros.data.synthetic.backdrops import sample_backdrop
from lgnet_ros.data.synthetic.build import PlacedHand, build_scene, hand_kits
from lgnet_ros.data.synthetic.camera import metered_gain, steady_camera
from lgnet_ros.data.synthetic.carrying import Carried
from lgnet_ros.data.synthetic.choreography import CHOREOGRAPHIES, PROPS, Stage
from lgnet_ros.data.synthetic.grasps import on_palm
from lgnet_ros.data.synthetic.lights import sample_light
from lgnet_ros.data.synthetic.looks import sample_person
from lgnet_ros.data.synthetic.motion import HandTrack
from lgnet_ros.data.synthetic.objects import sample_thing
from lgnet_ros.data.synthetic.orientation import arm_along
from lgnet_ros.data.synthetic.render import Scene, frame_view, photograph_scene, picture_of
from lgnet_ros.data.synthetic.settings import SyntheticSettings, random_stream
from lgnet_ros.data.synthetic.shading import far_picture
from lgnet_ros.data.synthetic.shapes import sample_shape
from lgnet_ros.data.synthetic.spheres import nearest_pair
from lgnet_ros.data.synthetic.surroundings import torso
from lgnet_ros.data.synthetic.texture_bank import texture_bank
from lgnet_ros.errors import UserError
from lgnet_ros.geometry.cameras import CameraIntrinsics

CLIP_NAMES = tuple(CHOREOGRAPHIES)
_FIELD_OF_VIEW = np.deg2rad(66.0)
# From the hands to the elbow of a person who faces the camera: down and away.
_TO_ELBOW = np.array([[-0.25, 0.75, 0.6], [0.25, 0.75, 0.6]])

_TO_SHOULDER = np.array([0.0, -0.5, 0.85])
_CHEST = np.array([0.0, 0.22, 1.02])
_METERED_AT = 0.4  # of the film
_HAND_TONE = 0.4
# Hands keep so far apart (balls are a little thinner than flesh), and yield so often at most.
_APART_M, _YIELDS = 0.002, 6


class Clip:
    """A film of one person's hands; `frame(t)` may be asked for at any time, in any order.

    Attributes:
        duration_s: after so long the hands are where they began; the film repeats.
        intrinsics: its camera.
    """

    def __init__(self, seed: int, name: str, settings: SyntheticSettings | None = None) -> None:
        """Films the choreography `name` (of CLIP_NAMES) with looks and small differences that `seed` decides.

        Raises:
            UserError: no such choreography.
        """
        if name not in CHOREOGRAPHIES:
            raise UserError(f"clip '{name}' is not one of {', '.join(CLIP_NAMES)}")
        settings = settings or SyntheticSettings()
        self._key = f"clip/{settings.split}/{seed}/{name}"
        self._seed, self._split = seed, settings.split
        self._kits = hand_kits(settings.hand_model)
        self._textures = texture_bank(settings.split, settings.background_folder)
        looks = random_stream(seed, CLIP_NAMES.index(name), settings.split, "clip looks")
        self._person = sample_person(looks, settings.split, self._textures)
        self._light = sample_light(looks)
        self._backdrop = sample_backdrop(looks, self._textures)
        motion = random_stream(seed, CLIP_NAMES.index(name), settings.split, "clip motion")
        self._shape = sample_shape(motion, self._kits[0].hand)
        self.intrinsics = CameraIntrinsics.from_field_of_view(settings.width, settings.height, _FIELD_OF_VIEW)
        self._far = far_picture(frame_view(self.intrinsics), self._backdrop)
        self._body = torso(looks, self._person, _CHEST)
        prop, lying = PROPS.get(name), None
        if prop is not None:
            thing = sample_thing(looks, settings.split, self._textures, small=True)
            lying = thing, on_palm(motion, self._kits[prop.giver], thing, self._shape, prop.pose)
        stage = Stage(self._kits, self._shape, motion, lying)
        self._tracks, self.duration_s = _tracks(CHOREOGRAPHIES[name], stage)
        self._carried = None if lying is None else Carried(prop, *lying, self._hands)
        self._gain = self._exposure()

    def frame(self, t_seconds: float) -> HandSample:
        """The picture and the truth at a time; a hand out of the picture is absent."""
        scene = self._scene(float(t_seconds) % self.duration_s, f"{self._key}/{t_seconds:.4f}")
        noise = random_stream(self._seed, int(round(t_seconds * 1e4)), self._split, "clip noise")
        return photograph_scene(scene, noise, self._far, self._gain)

    def _hands(self, time_s: float) -> tuple[PlacedHand, PlacedHand]:
        """Both hands at a time; where their ways would lead through each other, the left one makes room."""
        hands = []
        for kit, track in zip(self._kits, self._tracks, strict=True):
            state = track.at(time_s)
            hands.append(kit.posed(state.angles, state.root, state.wrist, self._shape))
        right, left = hands
        for _ in range(_YIELDS):
            room, direction = nearest_pair(left.balls, left.radii, right.balls, right.radii)
            if room > _APART_M:
                break
            left = left.shifted((_APART_M - room + 5e-4) * direction)
        return right, left

    def _scene(self, time_s: float, key: str) -> Scene:
        hands = self._hands(time_s)
        labelled = [(hand, self._person, _arm(hand)) for hand in hands]
        things = [] if self._carried is None else self._carried.parts(time_s, hands)
        light, textures = self._light, self._textures
        others = [*self._body, *things]
        return build_scene(
            self.intrinsics, labelled, others, light, self._backdrop, textures, steady_camera(), key
        )

    def _exposure(self) -> float:
        """Metered once, so that the film does not flicker: on a frame with hands, not to bleach them."""
        scene = self._scene(_METERED_AT * self.duration_s, "")
        picture = picture_of(scene, frame_view(self.intrinsics), self._far)
        gain = metered_gain(picture.color)
        hands = picture.color[picture.label > 0]
        return gain if not len(hands) else min(gain, _HAND_TONE / max(float(hands.mean()), 1e-3))


def _arm(hand: PlacedHand) -> Arm:
    """An arm that leads down and away, and turns a little with the hand."""
    outward = hand.posed.turned[0][:, 0] * (1.0 if hand.side == 0 else -1.0)
    forearm = _TO_ELBOW[hand.side] + 0.35 * outward
    return arm_along(forearm / np.linalg.norm(forearm), _TO_SHOULDER)


def _tracks(
    choreography: Callable[[Stage], tuple[list, list]], stage: Stage
) -> tuple[tuple[HandTrack, HandTrack], float]:
    right, left = choreography(stage)
    tracks = HandTrack(right, stage.rng), HandTrack(left, stage.rng)
    return tracks, max(right[-1].time_s, left[-1].time_s)
