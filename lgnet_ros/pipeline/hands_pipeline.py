"""From a frame to metric hands: look, find, follow, place, smooth, measure. No ROS inside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.inference import Engine
from lgnet_ros.pipeline import assembly
from lgnet_ros.pipeline.acquisition import (
    Detector,
    NoDetector,
    Region,
    SecondOpinion,
    TileDetector,
    regions_of_detections,
)
from lgnet_ros.pipeline.center_search import CenterDetector
from lgnet_ros.pipeline.depth import measure_depths
from lgnet_ros.pipeline.estimators import Estimator, LGNetEstimator, Stopwatch
from lgnet_ros.pipeline.filters import HandFilter
from lgnet_ros.pipeline.fusion import place
from lgnet_ros.pipeline.observation import Observation, observe
from lgnet_ros.pipeline.placement import UnitHand, locate
from lgnet_ros.pipeline.records import Frame, Hand, HandRelation
from lgnet_ros.pipeline.settings import PipelineSettings
from lgnet_ros.pipeline.suspects import Suspect, Suspects, is_doubted, may_be_doubted, same_hand, same_place
from lgnet_ros.pipeline.tracking import Look, Person, Track, Tracker, look_at

_Sighting = tuple[Observation, UnitHand]
_Question = tuple["_View", Track, Observation]  # whether the followed hand that was seen there is one
_HURRIED_SEARCH = 3  # of so many looks ahead in a hurry one is made
_ASKED_EVERY_S = 1.0  # a second opinion about a followed hand
_DOUBTS = 2  # so many in a row, and it is not followed further
_DENIED_S = 10.0  # so long nothing is followed there that the second opinion is against at all


@dataclass(frozen=True)
class _View:
    """What there is to see in one step."""

    image: np.ndarray
    intrinsics: CameraIntrinsics
    stamp_s: float
    depth: np.ndarray | None
    stopwatch: Stopwatch


class HandsPipeline:
    """Follows hands through the frames of one camera. One thread at a time.

    estimator: what looks through crops; an `Engine` is wrapped. detector: where to look for hands that are
    not followed yet; by default the estimator itself, if it is a detector, LGNet's centers of hands, or, if
    the weights have none, crops of the whole frame and of tiles. `settings` may be replaced between steps; a
    change of `max_people` starts over. How wrong the estimator is, it says itself: its `errors` take the
    place of those in the settings.
    """

    def __init__(
        self,
        estimator: Engine | Estimator,
        settings: PipelineSettings | None = None,
        detector: Detector | None = None,
    ) -> None:
        self._estimator = LGNetEstimator(estimator) if isinstance(estimator, Engine) else estimator
        self._geometries = assembly.HandGeometry.of(self._estimator.hand_model)
        own = self._estimator if isinstance(self._estimator, Detector) else None
        self._detector = detector or own
        self._stamp_s, self._steps = -np.inf, 0
        self._settings = settings or PipelineSettings()
        self._tracker = Tracker(self._settings.tracking, self._settings.max_people)
        self._suspects = Suspects()
        self._search: Detector = NoDetector()
        self._unsearched: _View | None = None  # the last step, if it has left the search to `look_ahead`
        self._ahead: list[Region] = []  # where the next step searches beside followed hands
        self._hurried = 0  # how many looks ahead in a row have been
        self._unasked: _Question | None = None  # what the last step has left to `look_ahead`, too
        self._denied: list[tuple[Observation, float]] = []  # what has turned out to be no hand, and when
        self.settings = self._settings

    @property
    def settings(self) -> PipelineSettings:
        """What the pipeline goes by; assign to change it from the next step on."""
        return self._settings

    @settings.setter
    def settings(self, settings: PipelineSettings) -> None:
        self._search = self._detector or self._own_search(settings)
        if settings.max_people != self._settings.max_people:
            self._tracker.reset()
            self._suspects.forget()
        self._tracker.settings, self._tracker.max_people = settings.tracking, settings.max_people
        if settings.filter != self._settings.filter:
            for track in self._tracker.tracks:
                track.filter = HandFilter(settings.filter)
        self._settings = settings
        self._placement = replace(settings.placement, errors=self._estimator.errors)

    @property
    def model_id(self) -> str:
        """Names the weights and the hand model that the results come from."""
        return self._estimator.name

    @property
    def engine_restarts(self) -> int:
        """How often the engine's device has failed and the engine was restarted; 0 without an engine."""
        return self._estimator.restarts if isinstance(self._estimator, LGNetEstimator) else 0

    def faces(self, side: str) -> np.ndarray:
        """(1538, 3) int64 faces of the side's mesh, outward."""
        return self._geometries[SIDES.index(side)].faces

    @property
    def undecided(self) -> bool:
        """Whether what was seen in the last step may still turn out to be a hand that is not followed yet."""
        return bool(self._suspects.known)

    def reset(self) -> None:
        """Forget every hand: the camera was stopped, or its clock jumped. Track ids are not used again."""
        self._tracker.reset()
        self._suspects.forget()
        self._unsearched, self._unasked, self._ahead, self._denied = None, None, [], []
        self._estimator.reset()
        self._stamp_s = -np.inf

    def warm_up(self) -> None:
        """Compile and allocate what the first frames would otherwise wait for."""
        intrinsics = CameraIntrinsics.from_field_of_view(320, 240, 1.0)
        image = np.zeros((240, 320, 3), dtype=np.uint8)
        crop = CropCamera.from_box(intrinsics, (159.5, 119.5), 240.0, self._estimator.size_px)
        acquisition, hands = self._settings.acquisition, 2 * self._settings.max_people
        for count in range(1, max(acquisition.crops_at_once, hands + acquisition.crops_following) + 1):
            prediction = self._estimator.estimate(image, intrinsics, [crop] * count, Stopwatch())
        if self._detector is None:
            self._own_search(self._settings).regions(image, intrinsics, 1, [])
        vertices = prediction.rough_vertices[0].astype(np.float64)
        assembly.rehearse(vertices, self._geometries, crop, intrinsics)

    def keepout(self, hand: Hand, latency_s: float, margin_m: float = 0.0) -> np.ndarray:
        """(778, 3) float32 m, see `lgnet_ros.interaction.keepout_points`. Not a safety function."""
        return assembly.keepout(hand, self._geometries[SIDES.index(hand.side)], latency_s, margin_m)

    def step(
        self,
        image: np.ndarray,
        intrinsics: CameraIntrinsics,
        stamp_s: float,
        depth: np.ndarray | None = None,
        detections: np.ndarray | None = None,
    ) -> Frame:
        """The hands in one frame.

        Args:
            image: (H, W, 3) uint8 RGB, of `intrinsics`' size.
            stamp_s: when the image was taken. One that lies before the last frame's resets the pipeline.
            depth: (H, W) float32 m along z, aligned with the image; NaN, infinite and 0 are invalid.
            detections: (N, 4) center x, center y, width, height, px, of hands that somebody else has found;
                looked at in place of the detector's boxes.

        Raises:
            UserError: image or depth are not of the camera's size.
        """
        _check_sizes(image, depth, intrinsics)
        if stamp_s < self._stamp_s:
            self.reset()
        self._stamp_s = stamp_s
        self._steps += 1
        stopwatch = Stopwatch()
        self.look_ahead()
        stopwatch.lap("detection")
        # A view of its own for each step: by it an estimator that looks at whole images knows a new one.
        view = _View(image.view(), intrinsics, stamp_s, depth, stopwatch)
        followed = self._tracker.looks(stamp_s, intrinsics, self._estimator.size_px)
        suspects = self._suspects.known[: max(self._settings.acquisition.crops_at_once - len(followed), 1)]
        suspects, again = self._closer_looks(view, suspects)
        searched = self._search_looks(view, detections, followed + again)
        of_followed, of_again, of_searched = self._observe(view, followed, again, searched)
        sightings: dict[Track, _Sighting] = {}
        self._follow(followed, of_followed, sightings, stamp_s)
        for track in self._tracker.tracks:
            track.seen = track in sightings
        fresh = self._fresh_suspects(_of_others(followed, of_followed) + of_searched, sightings)
        fresh, closer = self._closer_looks(view, fresh)
        (of_closer,) = self._observe(view, closer)
        sure = self._sure(view, suspects + fresh, of_again + of_closer, sightings)
        self._adopt(sure, sightings, stamp_s)
        if self._tracker.missing == 0:
            self._suspects.forget()
        if detections is None and self._tracker.missing and self._tracker.settled:
            self._unsearched = view
        self._unasked = self._to_ask_about(view, sightings)
        looks = followed + again + searched + closer
        view.stopwatch.lap("tracking")
        hands, relations = self._hands(view, sightings)
        crops = tuple(_outline(look.crop, intrinsics) for look in looks)
        view.stopwatch.lap("tracking")
        return Frame(stamp_s, hands, relations, view.stopwatch.finish(), crops)

    def look_ahead(self, hurried: bool = False) -> None:
        """Search the last step's image for hands that are missing beside followed ones, for the next step to
        look closer there, and ask whether one that is followed is a hand. That step would begin with this:
        who calls it after a result is out has the next sooner.

        hurried: the next image is waiting. Hands that are followed go first, and the search is left out, but
        for every third time.
        """
        self._ask_again()
        view, self._unsearched = self._unsearched, None
        if view is None:
            return
        self._hurried = self._hurried + 1 if hurried else 0
        if self._hurried % _HURRIED_SEARCH == 0:
            looks = self._tracker.looks(view.stamp_s, view.intrinsics, self._estimator.size_px)
            self._ahead = self._detected(view, self._settings.acquisition.crops_following, looks)

    def _to_ask_about(self, view: _View, sightings: dict[Track, _Sighting]) -> _Question | None:
        """The followed hand of which nobody has been asked for longest, if that is long enough and an answer
        could change anything.
        """
        if not isinstance(self._search, SecondOpinion):
            return None
        unsure = [
            (view, track, hand)
            for track, (hand, _) in sightings.items()
            if view.stamp_s - track.asked_s >= _ASKED_EVERY_S and may_be_doubted(hand.score)
        ]
        return min(unsure, key=lambda question: question[1].asked_s, default=None)

    def _ask_again(self) -> None:
        """LGNet goes on seeing what it once took for a hand. What would not be found any more is not followed
        any longer either.
        """
        question, self._unasked = self._unasked, None
        if question is None or not isinstance(self._search, SecondOpinion):
            return
        view, track, hand = question
        evidence = self._search.evidence(view.image, view.intrinsics, hand.joints_image)
        doubted = is_doubted(hand.score, evidence)
        track.asked_s, track.doubts = view.stamp_s, track.doubts + 1 if doubted else 0
        if track.doubts == _DOUBTS:
            self._tracker.give_up(track)
            self._denied.append((hand, view.stamp_s))

    def _own_search(self, settings: PipelineSettings) -> Detector:
        """By the estimator's centers of hands, if it has them; else through tiles."""
        if isinstance(self._estimator, LGNetEstimator) and self._estimator.engine.has_centers:
            return CenterDetector(self._estimator.engine)
        return TileDetector(settings.acquisition.tile_share)

    def _search_looks(self, view: _View, detections: np.ndarray | None, looks: list[Look]) -> list[Look]:
        """Where hands that are missing may be; beside `looks`."""
        regions, self._ahead = self._ahead, []
        if self._tracker.missing == 0:
            return []
        if detections is not None:
            regions = regions_of_detections(detections, self._steps)
        elif not self._tracker.settled:
            view.stopwatch.lap("tracking")
            regions = self._detected(view, self._settings.acquisition.crops_at_once - len(looks), looks)
            view.stopwatch.lap("detection")
        looks_there = (self._look(view, region) for region in regions)
        return [look for look in looks_there if look is not None]

    def _detected(self, view: _View, count: int, looks: list[Look]) -> list[Region]:
        """Up to about `count` regions that the search names in the image, beside `looks`."""
        if count <= 0:
            return []
        outlines = [_outline(look.crop, view.intrinsics) for look in looks]
        return self._search.regions(view.image, view.intrinsics, count, outlines)

    def _look(self, view: _View, region: Region) -> Look | None:
        center, side, roll_rad = region
        return look_at(view.intrinsics, (center, side), self._estimator.size_px, roll_rad)

    def _observe(self, view: _View, *kinds: list[Look]) -> list[list[list[Observation]]]:
        """Per kind and look, the hands that it may show: those present enough to go on being followed. All
        are looked at at once.
        """
        looks = [look for kind in kinds for look in kind]
        if not looks:
            return [[] for _ in kinds]
        view.stopwatch.lap("tracking")
        crops = [look.crop for look in looks]
        prediction = self._estimator.estimate(view.image, view.intrinsics, crops, view.stopwatch)
        joint_std_m, stay = self._placement.errors.joint_std_m, self._settings.tracking.stay
        observed = []
        for k, crop in enumerate(crops):
            sides = np.flatnonzero(prediction.presence[k] >= stay).tolist()
            hands = [observe(prediction, k, side, crop, view.intrinsics, joint_std_m) for side in sides]
            observed.append([hand for hand in hands if hand is not None])
        rest = iter(observed)
        return [[next(rest) for _ in kind] for kind in kinds]

    def _follow(
        self,
        looks: list[Look],
        observed: list[list[Observation]],
        sightings: dict[Track, _Sighting],
        stamp_s: float,
    ) -> None:
        """Note the followed hands that were seen again, each where it may be and no two on one hand."""
        back = self._settings.tracking.back
        matches = [
            (track, observation)
            for look, observations in zip(looks, observed, strict=True)
            for track in look.tracks
            for observation in observations
            if observation.side == track.side
            and (track.seen or observation.score >= back)
            and self._tracker.accepts(track, observation, stamp_s)
        ]
        # Of two tracks on one hand, the one that was seen last frame goes on, then the surer one.
        matches.sort(key=lambda match: (not match[0].seen, -match[1].score))
        for track, observation in matches:
            unit = locate(observation.evidence, self._placement)
            taken = _observations(sightings)
            if unit is not None and not any(same_hand(observation, other) for other in taken):
                sightings[track] = (observation, unit)

    def _closer_looks(self, view: _View, suspects: list[Suspect]) -> tuple[list[Suspect], list[Look]]:
        """A crop of its own for each; those of which there can be none are given up."""
        looks = [self._look(view, Region.upright(suspect.seen.joints_image)) for suspect in suspects]
        blind = [suspect for suspect, look in zip(suspects, looks, strict=True) if look is None]
        self._suspects.give_up(blind)
        kept = [suspect for suspect in suspects if suspect not in blind]
        return kept, [look for look in looks if look is not None]

    def _fresh_suspects(
        self, observed: list[list[Observation]], sightings: dict[Track, _Sighting]
    ) -> list[Suspect]:
        """What looks like a hand that nobody follows yet."""
        acquisition = self._settings.acquisition
        count = min(self._tracker.missing, acquisition.crops_at_once)
        seen = [observation for observations in observed for observation in observations]
        return self._suspects.fresh(seen, _observations(sightings), count, acquisition)

    def _sure(
        self,
        view: _View,
        suspects: list[Suspect],
        closely: list[list[Observation]],
        sightings: dict[Track, _Sighting],
    ) -> list[_Sighting]:
        """The hands that are really there, by what crops of their own show and what the detector knows."""
        acquisition, opinion = self._settings.acquisition, partial(self._second_opinion, view)
        found = self._suspects.weigh(suspects, closely, _observations(sightings), acquisition, opinion)
        units = [locate(observation.evidence, self._placement) for observation in found]
        return [(hand, unit) for hand, unit in zip(found, units, strict=True) if unit is not None]

    def _second_opinion(self, view: _View, hand: Observation) -> float:
        """Log odds of it being a hand, by the detector; 0 if it says nothing. Of what has turned out to be
        none LGNet sees more one moment and less another: it must not be taken for a hand in the next best.
        """
        if not isinstance(self._search, SecondOpinion):
            return 0.0
        view.stopwatch.lap("tracking")
        evidence = self._search.evidence(view.image, view.intrinsics, hand.joints_image)
        view.stopwatch.lap("detection")
        self._denied = [denied for denied in self._denied if view.stamp_s - denied[1] < _DENIED_S]
        again = any(same_place(hand, other) for other, _ in self._denied)
        return -np.inf if evidence < 0 and again else evidence

    def _adopt(self, confirmed: list[_Sighting], sightings: dict[Track, _Sighting], stamp_s: float) -> None:
        """Follow confirmed hands: right ones first, then left ones, the nearest to somebody who lacks one
        first, so that two people are not mixed up.
        """
        for side in range(len(SIDES)):
            own = [sighting for sighting in confirmed if sighting[0].side == side]
            own.sort(key=lambda sighting: self._tracker.distance(side, sighting[1].position))
            for observation, unit in own:
                claim = self._tracker.claim(observation, unit.position, stamp_s)
                if claim is not None:
                    evidence, hand_filter = observation.evidence, HandFilter(self._settings.filter)
                    surface, joints = unit.position + evidence.vertices, unit.position + evidence.joints
                    size_px = observation.box[1]
                    track = self._tracker.take(*claim, side, hand_filter, surface, joints, size_px, stamp_s)
                    sightings[track] = (observation, unit)

    def _hands(
        self, view: _View, sightings: dict[Track, _Sighting]
    ) -> tuple[tuple[Hand, ...], tuple[HandRelation, ...]]:
        hands: list[Hand] = []
        relations: list[HandRelation] = []
        for person in self._tracker.people:
            tracks = [track for _, track in sorted(person.tracks.items()) if track in sightings]
            if not tracks:
                continue
            own, covariance = self._person(view, person, tracks, [sightings[track] for track in tracks])
            if len(own) == 2:
                contact_m = self._settings.contact_m
                relations.append(assembly.relation(*own, self._geometries, covariance, contact_m))
                view.stopwatch.lap("interaction")
            hands += own
        return tuple(hands), tuple(relations)

    def _person(
        self, view: _View, person: Person, tracks: list[Track], sightings: list[_Sighting]
    ) -> tuple[list[Hand], np.ndarray]:
        """One person's hands, and the covariance (3, 3) of left wrist − right wrist."""
        observations, units = [o for o, _ in sightings], [unit for _, unit in sightings]
        evidences = [observation.evidence for observation in observations]
        relative = observations[0].relative if observations[0].shares_crop(observations[-1]) else None
        depths = None
        if view.depth is not None:
            errors, settings = self._placement.errors, self._settings.depth
            depths = measure_depths(view.depth, view.intrinsics, evidences, units, settings, errors)
        placed = place(units, self._placement, relative, depths)
        geometries = [self._geometries[track.side] for track in tracks]
        measured = [
            assembly.measured_state(observation, placement, geometry)
            for observation, placement, geometry in zip(
                observations, placed.placements, geometries, strict=True
            )
        ]
        view.stopwatch.lap("placement")
        filtered = [t.filter.update(m, view.stamp_s) for t, m in zip(tracks, measured, strict=True)]
        view.stopwatch.lap("filter")
        hands = []
        for k, track in enumerate(tracks):
            states = assembly.States(measured[k], filtered[k])
            hand = assembly.assemble(
                person, track, observations[k], placed.placements[k], states, geometries[k], view.intrinsics
            )
            track.vertices, track.joints = hand.raw.vertices, hand.raw.joints
            track.size_px, track.stamp_s = observations[k].box[1], view.stamp_s
            hands.append(hand)
        view.stopwatch.lap("interaction")
        return hands, placed.relative_covariance


def _observations(sightings: dict[Track, _Sighting]) -> list[Observation]:
    return [observation for observation, _ in sightings.values()]


def _of_others(looks: list[Look], observed: list[list[Observation]]) -> list[list[Observation]]:
    """What crops of followed hands show of other hands. At its own hand a crop looks as closely as can be:
    what it has not recognized, a closer look would not either.
    """
    return [
        [hand for hand in hands if all(hand.side != track.side for track in look.tracks)]
        for look, hands in zip(looks, observed, strict=True)
    ]


def _outline(crop: CropCamera, intrinsics: CameraIntrinsics) -> np.ndarray:
    """(4, 2) px of the image: the crop's corners, clockwise from the top left."""
    low, high = -0.5, crop.size_px - 0.5
    return crop.image_pixels(np.array([[low, low], [high, low], [high, high], [low, high]]), intrinsics)


def _check_sizes(image: np.ndarray, depth: np.ndarray | None, intrinsics: CameraIntrinsics) -> None:
    camera = f"{intrinsics.width}×{intrinsics.height}"
    if image.shape[:2] != (intrinsics.height, intrinsics.width):
        raise UserError(
            f"the image is {image.shape[1]}×{image.shape[0]}, its camera {camera}: give the camera's own"
        )
    if depth is not None and depth.shape != image.shape[:2]:
        raise UserError(
            f"the depth image is {depth.shape[1]}×{depth.shape[0]}, the camera {camera}: "
            "give depth that is registered to the color image"
        )
