"""From a placed and filtered hand to the record that leaves the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics, CropCamera
from lgnet_ros.geometry.vectors import cross
from lgnet_ros.hand_model import HandModel
from lgnet_ros.hand_model.topology import ROTATION_COUNT, SIDES
from lgnet_ros.interaction import (
    SurfaceTopology,
    grasp,
    keepout_points,
    palm_pose,
    surface_contact,
)
from lgnet_ros.pipeline.filters import FilterSettings, HandFilter, HandState
from lgnet_ros.pipeline.fusion import Placement, place
from lgnet_ros.pipeline.observation import Observation, usual_std
from lgnet_ros.pipeline.placement import HandEvidence, PlacementSettings, locate
from lgnet_ros.pipeline.records import Hand, HandRelation, RawHand
from lgnet_ros.pipeline.so3 import global_rotations, rotation_vectors
from lgnet_ros.pipeline.tracking import Person, Track, visible_box


@dataclass(frozen=True)
class HandGeometry:
    """What one side's mesh needs to be measured. regressor: (21, 778). faces: (1538, 3), outward."""

    regressor: np.ndarray
    faces: np.ndarray
    topology: SurfaceTopology

    @classmethod
    def of(cls, model: HandModel) -> tuple[HandGeometry, HandGeometry]:
        """Right and left of a hand model."""
        sides = []
        for side in SIDES:
            regressor, faces = model.joint_regressor(side).double().cpu().numpy(), model.faces(side)
            sides.append(cls(regressor, faces, SurfaceTopology(faces, regressor.shape[1])))
        return sides[0], sides[1]


@dataclass(frozen=True)
class States:
    """One hand as this frame alone shows it, and as the temporal filter has it."""

    measured: HandState
    filtered: HandState


def measured_state(observation: Observation, placement: Placement, geometry: HandGeometry) -> HandState:
    """A placed hand as the filter takes it."""
    vertices = placement.scale * observation.evidence.vertices
    wrist = geometry.regressor[0] @ vertices
    return HandState(
        wrist=placement.position + wrist,
        rotations=observation.rotations,
        surface=vertices - wrist,
        shape=observation.shape,
        scale=placement.scale,
    )


def assemble(
    person: Person,
    track: Track,
    observation: Observation,
    placement: Placement,
    states: States,
    geometry: HandGeometry,
    intrinsics: CameraIntrinsics,
) -> Hand:
    """The record of one hand: filtered values outside, those of this frame alone in `raw`."""
    filtered = states.filtered
    vertices, joints = _points(filtered, geometry)
    palm = palm_pose(joints, SIDES[track.side])
    velocity = track.filter.velocity
    twist = velocity.copy()
    twist[:3] += cross(velocity[3:], palm.position - joints[0])
    return Hand(
        side=SIDES[track.side],
        track_id=track.track_id,
        person_id=person.person_id,
        score=observation.score,
        joints=joints,
        vertices=vertices,
        rotations=global_rotations(filtered.rotations),
        joints_image=intrinsics.project(joints),
        pose=rotation_vectors(filtered.rotations).ravel(),
        shape=filtered.shape,
        position_covariance=placement.covariance,
        palm=palm,
        twist=twist,
        grasp=grasp(joints),
        scale=filtered.scale,
        scale_source=placement.scale_source,
        raw=_raw(states.measured, geometry),
    )


def relation(
    right: Hand,
    left: Hand,
    geometries: tuple[HandGeometry, HandGeometry],
    covariance: np.ndarray,
    contact_m: float,
) -> HandRelation:
    """How one person's two hands stand to each other. covariance: (3, 3) m² of left wrist − right wrist."""
    surface = surface_contact(
        right.vertices, left.vertices, geometries[0].topology, geometries[1].topology, contact_m
    )  # fmt: skip
    return HandRelation(
        track_ids=(right.track_id, left.track_id),
        distance_m=surface.distance_m,
        closest_points=surface.closest_points,
        contacts=surface.contacts,
        penetration_m=surface.penetration_m,
        relative_translation=left.joints[0] - right.joints[0],
        relative_covariance=covariance,
    )


def keepout(hand: Hand, geometry: HandGeometry, latency_s: float, margin_m: float) -> np.ndarray:
    """(778, 3) float32 m, the hand's surface grown to where it may be `latency_s` after the image's stamp."""
    return keepout_points(
        hand.vertices,
        geometry.faces,
        hand.position_covariance,
        hand.twist,
        hand.palm.position,
        latency_s,
        margin_m,
    )


def rehearse(
    hands: np.ndarray,
    geometries: tuple[HandGeometry, HandGeometry],
    crop: CropCamera,
    intrinsics: CameraIntrinsics,
) -> None:
    """Load every compiled loop that a frame with two hands (2, 778, 3) runs through, or compile it now."""
    surface_contact(hands[0], hands[1], geometries[0].topology, geometries[1].topology)
    still, joints = np.tile(np.eye(3), (ROTATION_COUNT, 1, 1)), geometries[0].regressor @ hands[0]
    state = HandState(joints[0], still, hands[0] - joints[0], np.zeros(10), 1.0)
    followed = HandFilter(FilterSettings())
    for stamp_s in (0.0, 0.03):
        followed.update(state, stamp_s)
    global_rotations(still)
    keepout_points(hands[0], geometries[0].faces, np.eye(3), np.zeros(6), joints[0], 0.0)
    in_front = hands[0] + (0.0, 0.0, 0.5)
    visible_box(intrinsics.project(in_front), intrinsics)
    pixels, unsure = crop.project(geometries[0].regressor @ in_front), np.ones((len(joints), 2))
    usual = usual_std(unsure, np.ones(len(joints), bool))
    unit = locate(HandEvidence(crop, joints, hands[0], pixels, unsure, usual, 0.18), PlacementSettings())
    if unit is not None:
        place([unit, unit], PlacementSettings(), np.zeros(3))


def _points(state: HandState, geometry: HandGeometry) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (778, 3) and joints (21, 3) in the camera, the wrist joint exactly where the state has it."""
    joints = geometry.regressor @ state.surface
    offset = state.wrist - joints[0]
    return state.surface + offset, joints + offset


def _raw(state: HandState, geometry: HandGeometry) -> RawHand:
    vertices, joints = _points(state, geometry)
    return RawHand(joints, vertices, global_rotations(state.rotations), state.shape)
