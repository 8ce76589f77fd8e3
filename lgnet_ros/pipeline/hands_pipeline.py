"""From a frame to metric hands: look, find, follow, place, smooth, measure. No ROS inside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.hand_model.topology import SIDES
from lgnet_ros.inference import Engine
from lgnet_ros.pipeline import assembly
from lgnet_ros.pipeline.acquisition import Detector, Region, TileDetector, regions_of_detections
from lgnet_ros.pipeline.center_search import CenterDetector
from lgnet_ros.pipeline.denials import Denials
from lgnet_ros.pipeline.depth import measure_depths
from lgnet_ros.pipeline.estimators import Estimator, LGNetEstimator, Stopwatch
from lgnet_ros.pipeline.filters import HandFilter
from lgnet_ros.pipeline.fusion import place
from lgnet_ros.pipeline.observation import Observation, observe
from lgnet_ros.pipeline.placement import UnitHand, locate
from lgnet_ros.pipeline.records import Frame, Hand, HandRelation
from lgnet_ros.pipeline.search import Search
from lgnet_ros.pipeline.settings import PipelineSettings
from lgnet_ros.pipeline.suspects import Suspect, Suspects, same_hand
from lgnet_ros.pipeline.tracking import Look, Person, Track, Tracker
from lgnet_ros.pipeline.view import View

_Sighting = tuple[Observation, UnitHand]


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
        self._search = Search(self._chosen_detector(self._settings), self._estimator.size_px)
        self._tracker = Tracker(self._settings.tracking, self._settings.max_people)
        self._suspects = Suspects()
        self._denials = Denials()
        self.settings = self._settings

    @property
    def settings(self) -> PipelineSettings:
        """What the pipeline goes by; assign to change it from the next step on."""
        return self._settings

    @settings.setter
    def settings(self, settings: PipelineSettings) -> None:
        self._search.detector = self._chosen_detector(settings)
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
        self._search.forget()
        self._denials.forget()
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
            self._chosen_detector(self._settings).regions(image, intrinsics, 1, [])
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
            UserError: the image is no such array, or image or depth are not of the camera's size.
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
        view = View(image.view(), intrinsics, stamp_s, depth, stopwatch)
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
            self._search.put_off(view)
        self._denials.doubt(view, {track: hand for track, (hand, _) in sightings.items()})
        looks = followed + again + searched + closer
        view.stopwatch.lap("tracking")
        hands, relations = self._hands(view, sightings)
        crops = tuple(view.outline(look) for look in looks)
        view.stopwatch.lap("tracking")
        return Frame(stamp_s, hands, relations, view.stopwatch.finish(), crops)

    def look_ahead(self, hurried: bool = False) -> None:
        """Search the last step's image for hands that are missing beside followed ones, for the next step to
        look closer there, and ask whether one that is followed is a hand. That step would begin with this:
        who calls it after a result is out has the next sooner.

        hurried: the next image is waiting, see `Search.look_ahead`.
        """
        self._denials.ask(self._search.second_opinion, self._tracker)
        self._search.look_ahead(self._tracker, self._settings.acquisition, hurried)

    def _chosen_detector(self, settings: PipelineSettings) -> Detector:
        """The one that was given; else the estimator's centers of hands, if it has them; else tiles."""
        if self._detector is not None:
            return self._detector
        if isinstance(self._estimator, LGNetEstimator) and self._estimator.engine.has_centers:
            return CenterDetector(self._estimator.engine)
        return TileDetector(settings.acquisition.tile_share)

    def _search_looks(self, view: View, detections: np.ndarray | None, looks: list[Look]) -> list[Look]:
        """Where hands that are missing may be; beside `looks`."""
        regions = self._search.found_ahead()
        if self._tracker.missing == 0:
            return []
        if detections is not None:
            regions = regions_of_detections(detections, self._steps)
        elif not self._tracker.settled:
            view.stopwatch.lap("tracking")
            count = self._settings.acquisition.crops_at_once - len(looks)
            regions = self._search.regions(view, count, looks)
            view.stopwatch.lap("detection")
        looks_there = (view.look(region, self._estimator.size_px) for region in regions)
        return [look for look in looks_there if look is not None]

    def _observe(self, view: View, *kinds: list[Look]) -> list[list[list[Observation]]]:
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

    def _closer_looks(self, view: View, suspects: list[Suspect]) -> tuple[list[Suspect], list[Look]]:
        """A crop of its own for each; those of which there can be none are given up."""
        size_px = self._estimator.size_px
        looks = [view.look(Region.upright(suspect.seen.joints_image), size_px) for suspect in suspects]
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
        view: View,
        suspects: list[Suspect],
        closely: list[list[Observation]],
        sightings: dict[Track, _Sighting],
    ) -> list[_Sighting]:
        """The hands that are really there, by what crops of their own show and what the detector knows."""

        def evidence(hand: Observation) -> float:
            return self._denials.evidence(self._search.second_opinion, view, hand)

        acquisition = self._settings.acquisition
        found = self._suspects.weigh(suspects, closely, _observations(sightings), acquisition, evidence)
        units = [locate(observation.evidence, self._placement) for observation in found]
        return [(hand, unit) for hand, unit in zip(found, units, strict=True) if unit is not None]

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
        self, view: View, sightings: dict[Track, _Sighting]
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
        self, view: View, person: Person, tracks: list[Track], sightings: list[_Sighting]
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


def _check_sizes(image: np.ndarray, depth: np.ndarray | None, intrinsics: CameraIntrinsics) -> None:
    if image.dtype != np.uint8 or image.shape[2:] != (3,):
        shape = "×".join(str(length) for length in image.shape)
        raise UserError(f"the image is an array of {shape} {image.dtype}: give height × width × 3 uint8, RGB")
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
