"""Joints of an articulated hand and their derivatives, as compiled loops for one hand at a time.

Parameters, in this order: a turn of the root (rotation vector applied on the left), the root joint's
position, 27 angles, 10 shape coefficients.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from lgnet_ros import jit
from lgnet_ros.landmarks.articulation import FREEDOM_COUNT

TURN, POSITION, ANGLES = 0, 3, 6
SHAPE = ANGLES + FREEDOM_COUNT
HAND_PARAMETERS = SHAPE + 10

# Sums may be reordered; NaN and infinity keep their meaning.
compiled = partial(jit.compiled, fastmath={"contract", "reassoc", "nsz", "arcp"})


@compiled
def axis_rotation(axis, angle, out):
    """Rodrigues' formula for a unit axis."""
    s, c = np.sin(angle), np.cos(angle)
    x, y, z, k = axis[0], axis[1], axis[2], 1.0 - c
    out[0, 0], out[0, 1], out[0, 2] = c + x * x * k, x * y * k - z * s, x * z * k + y * s
    out[1, 0], out[1, 1], out[1, 2] = y * x * k + z * s, c + y * y * k, y * z * k - x * s
    out[2, 0], out[2, 1], out[2, 2] = z * x * k - y * s, z * y * k + x * s, c + z * z * k


@compiled
def multiply(a, b, out):
    """out = a b, 3×3."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@compiled
def turn_vector(a, v, out):
    """out = a v."""
    for i in range(3):
        out[i] = a[i, 0] * v[0] + a[i, 1] * v[1] + a[i, 2] * v[2]


@compiled
def local_rotations(hand, angles, rotations, axes):
    """rotations (16, 3, 3) of the bones below the root, R = R_flexion R_abduction R_twist, and the axis (27,
    3) of every angle in its parent's frame; rotations[0] stays."""
    for bone in range(1, 16):
        for i in range(3):
            for j in range(3):
                rotations[bone, i, j] = 1.0 if i == j else 0.0
    single, product = np.empty((3, 3)), np.empty((3, 3))
    for d in range(angles.shape[0]):  # in the order of bones, then of axes: each turns what comes after
        bone = hand.freedom_bone[d]
        turn_vector(rotations[bone], hand.axes[d], axes[d])
        axis_rotation(hand.axes[d], angles[d], single)
        multiply(rotations[bone], single, product)
        rotations[bone] = product


@compiled
def chain(hand, rotations, position, shape, turned, centers):
    """Orientations (16, 3, 3) and centers (16, 3) of the bones: five chains of three that hang on bone 0."""
    rest = hand.rest.copy()
    for bone in range(16):
        for i in range(3):
            for k in range(10):
                rest[bone, i] += hand.rest_shape[bone, i, k] * shape[k]
    turned[0] = rotations[0]
    centers[0] = position
    for bone in range(1, 16):
        parent = bone - 1 if bone % 3 != 1 else 0
        multiply(turned[parent], rotations[bone], turned[bone])
        for i in range(3):
            centers[bone, i] = centers[parent, i]
            for j in range(3):
                centers[bone, i] += turned[parent, i, j] * (rest[bone, j] - rest[parent, j])


@compiled
def pair_offsets(hand, rotations, shape, offsets):
    """(P, 3) o_ij at a shape and pose, in the bones' own frames."""
    feature = rotations[1:].copy().reshape(-1)
    for k in range(15):
        for i in range(3):
            feature[9 * k + 4 * i] -= 1.0
    for p in range(offsets.shape[0]):
        for i in range(3):
            value = hand.pair_offset[p, i]
            for k in range(10):
                value += hand.pair_shape[p, i, k] * shape[k]
            for k in range(135):
                value += hand.pair_pose[p, i, k] * feature[k]
            offsets[p, i] = value


@compiled
def pair_points(hand, offsets, turned, centers, points, joints):
    """What each pair adds to its joint (P, 3), and the joints (21, 3)."""
    joints[:] = 0.0
    for p in range(points.shape[0]):
        bone, joint = hand.pair_bone[p], hand.pair_joint[p]
        turn_vector(turned[bone], offsets[p], points[p])
        for i in range(3):
            points[p, i] += hand.pair_weight[p] * centers[bone, i]
            joints[joint, i] += points[p, i]


@compiled
def place_joints(hand, root, position, angles, shape, joints):
    """joints (21, 3) in the frame of the root's orientation and position."""
    rotations, axes = np.empty((16, 3, 3)), np.empty((angles.shape[0], 3))
    turned, centers = np.empty((16, 3, 3)), np.empty((16, 3))
    offsets, points = np.empty(hand.pair_offset.shape), np.empty(hand.pair_offset.shape)
    rotations[0] = root
    local_rotations(hand, angles, rotations, axes)
    chain(hand, rotations, position, shape, turned, centers)
    pair_offsets(hand, rotations, shape, offsets)
    pair_points(hand, offsets, turned, centers, points, joints)


@compiled
def joints_and_jacobian(hand, root, position, angles, shape, joints, jacobian):
    """joints (21, 3) and their derivatives (21, 3, HAND_PARAMETERS).

    That the pose correctives move with the angles is left out of the derivatives: a fraction of a millimetre
    per radian. The joints have it.
    """
    rotations, axes = np.empty((16, 3, 3)), np.empty((angles.shape[0], 3))
    turned, centers = np.empty((16, 3, 3)), np.empty((16, 3))
    offsets, points = np.empty(hand.pair_offset.shape), np.empty(hand.pair_offset.shape)
    rotations[0] = root
    local_rotations(hand, angles, rotations, axes)
    chain(hand, rotations, position, shape, turned, centers)
    pair_offsets(hand, rotations, shape, offsets)
    pair_points(hand, offsets, turned, centers, points, joints)
    jacobian[:] = 0.0
    _rigid_columns(joints, position, jacobian)
    _angle_columns(hand, turned, axes, points, centers, jacobian)
    _shape_columns(hand, turned, jacobian)


@compiled
def _rigid_columns(joints, position, jacobian):
    for n in range(joints.shape[0]):
        x, y, z = joints[n, 0] - position[0], joints[n, 1] - position[1], joints[n, 2] - position[2]
        jacobian[n, 0, TURN + 1], jacobian[n, 0, TURN + 2] = z, -y
        jacobian[n, 1, TURN], jacobian[n, 1, TURN + 2] = -z, x
        jacobian[n, 2, TURN], jacobian[n, 2, TURN + 1] = y, -x
        for i in range(3):
            jacobian[n, i, POSITION + i] = 1.0


@compiled
def _angle_columns(hand, turned, axes, points, centers, jacobian):
    axis = np.empty(3)
    for d in range(axes.shape[0]):
        bone = hand.freedom_bone[d]
        parent = bone - 1 if bone % 3 != 1 else 0
        last = bone + (15 - bone) % 3  # the finger's last bone
        turn_vector(turned[parent], axes[d], axis)
        for p in range(points.shape[0]):
            if bone <= hand.pair_bone[p] <= last:
                n, w = hand.pair_joint[p], hand.pair_weight[p]
                x = points[p, 0] - w * centers[bone, 0]
                y = points[p, 1] - w * centers[bone, 1]
                z = points[p, 2] - w * centers[bone, 2]
                jacobian[n, 0, ANGLES + d] += axis[1] * z - axis[2] * y
                jacobian[n, 1, ANGLES + d] += axis[2] * x - axis[0] * z
                jacobian[n, 2, ANGLES + d] += axis[0] * y - axis[1] * x


@compiled
def _shape_columns(hand, turned, jacobian):
    moved = np.zeros((16, 3, 10))  # of the centers, per unit of shape
    for bone in range(1, 16):
        parent = bone - 1 if bone % 3 != 1 else 0
        for i in range(3):
            for k in range(10):
                value = moved[parent, i, k]
                for j in range(3):
                    bone_moved = hand.rest_shape[bone, j, k] - hand.rest_shape[parent, j, k]
                    value += turned[parent, i, j] * bone_moved
                moved[bone, i, k] = value
    for p in range(hand.pair_bone.shape[0]):
        bone, n = hand.pair_bone[p], hand.pair_joint[p]
        for i in range(3):
            for k in range(10):
                value = hand.pair_weight[p] * moved[bone, i, k]
                for j in range(3):
                    value += turned[bone, i, j] * hand.pair_shape[p, j, k]
                jacobian[n, i, SHAPE + k] += value
