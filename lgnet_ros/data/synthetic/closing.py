"""The loops that try poses: fingers opened until they are free of one another, things brought up to a hand,
fingers closed round a thing. Each asks for dozens of poses of a hand's balls, so all of it is compiled."""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.posing import chain_joints, rotations_from_angles
from lgnet_ros.data.synthetic.spheres import move_balls, self_gap
from lgnet_ros.jit import compiled

_GROUPS = 6  # palm, thumb … little
_FIRST_ROW = np.array([-1, 12, 0, 3, 9, 6])  # of the angles of each group, MANO's order
_HALVINGS = 5


@compiled
def pose_balls(angles, axes, rest, centers, carrier, balls):
    """Balls (K, 3) of a hand with angles (15, 3), root unturned, wrist at the origin. All float32."""
    rotations, turned = np.empty((16, 3, 3), np.float32), np.empty((16, 3, 3), np.float32)
    chain = np.empty((16, 3), np.float32)
    rotations[0] = np.eye(3, dtype=np.float32)
    rotations_from_angles(angles, axes, rotations)
    chain_joints(rotations, rest, np.zeros(3, np.float32), turned, chain)
    move_balls(centers, carrier, rest, turned, chain, balls)


@compiled
def first_free(angles, opened, shares, allowed, axes, rest, centers, carrier, radius, finger):
    """The first share of the way from angles to opened (15, 3) at which no finger is deeper than `allowed` in
    another; 1 if there is none."""
    balls, trial = np.empty_like(centers), np.empty((15, 3), np.float32)
    for share in shares:
        for i in range(15):
            for c in range(3):
                trial[i, c] = angles[i, c] + share * (opened[i, c] - angles[i, c])
        pose_balls(trial, axes, rest, centers, carrier, balls)
        if self_gap(balls, radius, finger) > -allowed:
            return share
    return 1.0


@compiled
def grip_gaps(balls, radii, group, half, round_grip, turn, place, gaps):
    """(6,) least distance from a grip's surface to the balls of each group.

    half (3,): half extents of a box, or, `round_grip`, radius and half length of a cylinder about y; turn
    (3, 3), place (3,): its pose.
    """
    zero = np.float32(0)
    gaps[:] = np.float32(1e9)
    for i in range(balls.shape[0]):
        px, py, pz = balls[i, 0] - place[0], balls[i, 1] - place[1], balls[i, 2] - place[2]
        x = abs(px * turn[0, 0] + py * turn[1, 0] + pz * turn[2, 0])
        y = abs(px * turn[0, 1] + py * turn[1, 1] + pz * turn[2, 1]) - half[1]
        z = abs(px * turn[0, 2] + py * turn[1, 2] + pz * turn[2, 2])
        if round_grip:
            dx, dz = np.sqrt(x * x + z * z) - half[0], np.float32(-1e9)
        else:
            dx, dz = x - half[0], z - half[2]
        ox, oy, oz = max(dx, zero), max(y, zero), max(dz, zero)
        inside = min(max(dx, max(y, dz)), zero)
        distance = np.sqrt(ox * ox + oy * oy + oz * oz) + inside - radii[i]
        gaps[group[i]] = min(gaps[group[i]], distance)


@compiled
def brought_up(balls, radii, group, half, round_grip, turn, place, touch):
    """How far a thing at `place` moves along y, from 6 cm before it, until it touches the balls."""
    gaps, at = np.empty(_GROUPS, np.float32), place.copy()
    traveled = np.float32(-0.06)
    for _ in range(16):
        at[1] = place[1] + traveled
        grip_gaps(balls, radii, group, half, round_grip, turn, at, gaps)
        room = gaps.min() - touch
        if room < np.float32(5e-4):
            break
        traveled += min(room, np.float32(0.03))
    return traveled


@compiled
def close_fingers(
    opened, closed, touch, half, round_grip, turn, place, axes, rest, centers, carrier, radii, group
):
    """(15,) how far each joint goes from opened to closed (15, 3): each finger's in turn, from base to tip,
    as far as the finger touches nothing."""
    share, angles = np.zeros(15, np.float32), np.empty((15, 3), np.float32)
    balls, gaps = np.empty_like(centers), np.empty(_GROUPS, np.float32)
    low, high = np.empty(_GROUPS, np.float32), np.empty(_GROUPS, np.float32)
    for depth in range(3):
        low[:], high[:] = np.float32(0), np.float32(1)
        for _ in range(_HALVINGS):
            for g in range(1, _GROUPS):
                # What has no room at all stays open; what is closed carries on with its next joint.
                share[_FIRST_ROW[g] + depth] = np.float32(0.5) * (low[g] + high[g])
            for i in range(15):
                for c in range(3):
                    angles[i, c] = opened[i, c] + share[i] * (closed[i, c] - opened[i, c])
            pose_balls(angles, axes, rest, centers, carrier, balls)
            grip_gaps(balls, radii, group, half, round_grip, turn, place, gaps)
            for g in range(1, _GROUPS):
                if gaps[g] > touch:
                    low[g] = share[_FIRST_ROW[g] + depth]
                else:
                    high[g] = share[_FIRST_ROW[g] + depth]
        for g in range(1, _GROUPS):
            share[_FIRST_ROW[g] + depth] = low[g]
    return share
