"""Frames with random but consistent hands, for tests of everything behind the pipeline."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from lgnet_ros.interaction import GRASP_CLASSES, PalmPose
from lgnet_ros.interaction.grasp import Grasp
from lgnet_ros.pipeline.records import SCALE_SOURCES, Frame, Hand, HandRelation, RawHand


def random_hand(rng: np.random.Generator, side: str, track_id: int = 1) -> Hand:
    """A hand whose every number is drawn, half a metre in front of the camera."""
    center = np.array([0.15 if side == "left" else -0.15, 0.0, 0.5])
    joints = (center + 0.1 * rng.uniform(-1, 1, (21, 3))).astype(np.float32)
    vertices = (center + 0.1 * rng.uniform(-1, 1, (778, 3))).astype(np.float32)
    rotations = Rotation.random(16, random_state=int(rng.integers(2**31))).as_matrix()
    pose, shape = rng.normal(size=48), rng.normal(size=10)
    root = rng.normal(size=(3, 3)) * 0.01
    return Hand(
        side=side,
        track_id=track_id,
        person_id=0,
        score=float(rng.uniform(0.5, 1)),
        joints=joints,
        vertices=vertices,
        rotations=rotations,
        joints_image=rng.uniform(0, 480, (21, 2)),
        pose=pose,
        shape=shape,
        position_covariance=root @ root.T,
        palm=PalmPose(
            joints.mean(axis=0), Rotation.random(random_state=int(rng.integers(2**31))).as_matrix()
        ),
        twist=rng.normal(size=6) * 0.1,
        grasp=Grasp(float(rng.uniform(0, 0.1)), str(rng.choice(GRASP_CLASSES)), np.ones(5)),
        scale=1.0,
        scale_source=str(rng.choice(SCALE_SOURCES)),
        raw=RawHand(joints=joints, vertices=vertices, rotations=rotations, shape=shape),
    )


def random_frame(rng: np.random.Generator, sides: tuple[str, ...] = ("right", "left")) -> Frame:
    """A frame with one hand of each of `sides`; a right one and the left one after it are a person's, and
    have a relation.
    """
    hands = tuple(random_hand(rng, side, 1 + number) for number, side in enumerate(sides))
    relations = tuple(
        random_relation(rng, right, left)
        for right, left in pairwise(hands)
        if (right.side, left.side) == ("right", "left")
    )
    return Frame(
        stamp_s=1.5, hands=hands, relations=relations, timings_ms={"total": 1.0}, crops=(np.zeros((4, 2)),)
    )


def random_relation(rng: np.random.Generator, right: Hand, left: Hand) -> HandRelation:
    """Anything between two hands."""
    return HandRelation(
        track_ids=(right.track_id, left.track_id),
        distance_m=float(rng.uniform(0, 0.1)),
        closest_points=rng.normal(size=(2, 3)),
        contacts=rng.normal(size=(int(rng.integers(0, 14)), 3)),
        penetration_m=0.0,
        relative_translation=rng.normal(size=3),
        relative_covariance=np.eye(3) * 1e-4,
    )
