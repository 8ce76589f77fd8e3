"""Levenberg–Marquardt on one hand's parameters, compiled: the fit's inner loop.

What is minimised, over the root's turn and position p, 27 angles, 10 shape coefficients, and the shift c and
the logarithm of the scale λ of the world points:

    Σ ρ(|π(x_i) − t_i|² a_i) + Σ ρ(|x_i − p − e^λ w_i − c|² b_i) + prior(angles) + |shape|² + λ²/σ_λ²

with x_i the joints in the viewing camera, π their perspective projection, t_i the landmarks' tangents, w_i
the world points, a_i and b_i inverse variances, and ρ Geman and McClure's redescending loss, whose width
narrows step by step so that far-off points let go gradually.
Angles never leave their limits: steps are clipped to them, and an angle that would leave is held meanwhile.
"""

from __future__ import annotations

import numpy as np

from lgnet_ros.landmarks.kinematics import (
    ANGLES,
    HAND_PARAMETERS,
    POSITION,
    SHAPE,
    TURN,
    axis_rotation,
    compiled,
    joints_and_jacobian,
    multiply,
    place_joints,
)

FRAME = HAND_PARAMETERS  # of the world points: shift (3) and logarithm of the scale
SCALE = FRAME + 3
PARAMETERS = SCALE + 1

_ENOUGH = 0.05  # of cost, (standard deviations)²: a step that brings less is the last one
_TRIALS = 4  # of one step, each shorter than the one before
_NEAREST_M = 0.02  # points closer to the image plane than this project as if they were there


@compiled
def solve(hand, seen, prior, state, widths, largest_turn):
    """Improve one hand in place.

    Args:
        hand: an `Articulation`.
        seen: tangents (21, 2), their information (21,), world (21, 3) m, its information (21,); information
            0 where a landmark is missing (its values must be finite all the same).
        prior: mean (27,), information (27, 27), least and greatest angles (27, 2), information of λ (1,).
        state: root (3, 3), position (3,), angles (27,), shape (10,), shift and log scale (4,).
        widths: of the loss in standard deviations, one per step; the last ones are left out when nothing is
            gained any more.
        largest_turn: rad, of any angle in a step.

    Returns:
        Weights (21, 2) of the landmarks' pixels and world points in the solution, 0 to 1, and the cost.
    """
    root, position, angles, shape, frame = state
    limits = prior[2]
    joints, jacobian = np.empty((21, 3)), np.empty((21, 3, HAND_PARAMETERS))
    weights = np.empty((21, 2))
    normal, pull = np.empty((PARAMETERS, PARAMETERS)), np.empty(PARAMETERS)
    trial = (root.copy(), position.copy(), angles.copy(), shape.copy(), frame.copy())
    trial_joints = np.empty((21, 3))
    damping, improved = 1e-3, np.inf
    for n in range(widths.shape[0]):
        width = widths[n]
        if width == widths[-1] and improved < _ENOUGH:
            break
        joints_and_jacobian(hand, root, position, angles, shape, joints, jacobian)
        cost = _weigh(joints, position, frame, seen, width, weights)
        cost += _prior_cost(angles, shape, frame, prior)
        equations(joints, jacobian, state, seen, prior, weights, normal, pull)
        held = _held(angles, pull, limits)
        for _ in range(_TRIALS):
            step = _damped_step(normal, pull, held, damping)
            _shorten(step, position, largest_turn)
            _move(state, step, limits, trial)
            place_joints(hand, trial[0], trial[1], trial[2], trial[3], trial_joints)
            trial_cost = _weigh(trial_joints, trial[1], trial[4], seen, width, weights)
            trial_cost += _prior_cost(trial[2], trial[3], trial[4], prior)
            improved = cost - trial_cost
            if improved > 0:
                root[:], position[:], angles[:], shape[:], frame[:] = trial
                damping = max(damping * 0.2, 1e-6)
                break
            damping = min(damping * 8.0, 1e4)
    place_joints(hand, root, position, angles, shape, joints)
    cost = _weigh(joints, position, frame, seen, widths[-1], weights)
    return weights, cost + _prior_cost(angles, shape, frame, prior)


@compiled
def equations(joints, jacobian, state, seen, prior, weights, normal, pull):
    """The weighted normal matrix (P, P) and right-hand side (P,) of a Gauss–Newton step."""
    _, position, angles, shape, frame = state
    tangents, pixel_information, world, world_information = seen
    normal[:], pull[:] = 0.0, 0.0
    rows, residuals = np.zeros((5, PARAMETERS)), np.zeros(5)
    stretch = np.exp(frame[3])
    for n in range(21):
        z = max(joints[n, 2], _NEAREST_M)
        root_information = np.sqrt(pixel_information[n] * weights[n, 0])
        for i in range(2):
            tangent = joints[n, i] / z
            residuals[i] = root_information * (tangents[n, i] - tangent)
            for k in range(HAND_PARAMETERS):
                rows[i, k] = root_information * (jacobian[n, i, k] - tangent * jacobian[n, 2, k]) / z
        root_information = np.sqrt(world_information[n] * weights[n, 1])
        for i in range(3):
            expected = joints[n, i] - position[i] - frame[i]
            residuals[2 + i] = root_information * (stretch * world[n, i] - expected)
            for k in range(HAND_PARAMETERS):
                rows[2 + i, k] = root_information * jacobian[n, i, k]
            for k in range(3):
                rows[2 + i, POSITION + k] = 0.0
                rows[2 + i, FRAME + k] = -root_information if i == k else 0.0
            rows[2 + i, SCALE] = -root_information * stretch * world[n, i]
        _accumulate(rows, residuals, normal, pull)
    _add_prior(angles, shape, frame, prior, normal, pull)


@compiled
def _accumulate(rows, residuals, normal, pull):
    """normal += rowsᵀ rows (upper triangle), pull += rowsᵀ residuals; zeros cost nothing."""
    for r in range(rows.shape[0]):
        for a in range(PARAMETERS):
            value = rows[r, a]
            if value != 0.0:
                pull[a] += value * residuals[r]
                for b in range(a, PARAMETERS):
                    normal[a, b] += value * rows[r, b]


@compiled
def _add_prior(angles, shape, frame, prior, normal, pull):
    mean, information = prior[0], prior[1]
    for a in range(mean.shape[0]):
        for b in range(mean.shape[0]):
            pull[ANGLES + a] += information[a, b] * (mean[b] - angles[b])
            if b >= a:
                normal[ANGLES + a, ANGLES + b] += information[a, b]
    for k in range(shape.shape[0]):
        normal[SHAPE + k, SHAPE + k] += 1.0
        pull[SHAPE + k] -= shape[k]
    normal[SCALE, SCALE] += prior[3][0]
    pull[SCALE] -= prior[3][0] * frame[3]
    for a in range(PARAMETERS):
        for b in range(a):
            normal[a, b] = normal[b, a]


@compiled
def _prior_cost(angles, shape, frame, prior):
    mean, information = prior[0], prior[1]
    cost = prior[3][0] * frame[3] ** 2
    for a in range(mean.shape[0]):
        for b in range(mean.shape[0]):
            cost += (angles[a] - mean[a]) * information[a, b] * (angles[b] - mean[b])
    for k in range(shape.shape[0]):
        cost += shape[k] ** 2
    return cost


@compiled
def _weigh(joints, position, frame, seen, width, weights):
    """The landmarks' cost; weights (21, 2) become what Geman and McClure's loss gives each residual."""
    tangents, pixel_information, world, world_information = seen
    cost, limit, stretch = 0.0, width * width, np.exp(frame[3])
    for n in range(21):
        z = max(joints[n, 2], _NEAREST_M)
        x, y = joints[n, 0] / z - tangents[n, 0], joints[n, 1] / z - tangents[n, 1]
        off_pixel, off_world = (x * x + y * y) * pixel_information[n], 0.0
        for i in range(3):
            d = joints[n, i] - position[i] - frame[i] - stretch * world[n, i]
            off_world += d * d * world_information[n]
        share_pixel, share_world = limit / (limit + off_pixel), limit / (limit + off_world)
        weights[n, 0], weights[n, 1] = share_pixel**2, share_world**2
        cost += off_pixel * share_pixel + off_world * share_world
    return cost


@compiled
def _held(angles, pull, limits):
    """Which parameters stay in this step: angles at a limit that the step would push beyond it."""
    held = np.zeros(PARAMETERS, np.bool_)
    for d in range(angles.shape[0]):
        low = angles[d] <= limits[d, 0] and pull[ANGLES + d] < 0
        high = angles[d] >= limits[d, 1] and pull[ANGLES + d] > 0
        held[ANGLES + d] = low or high
    return held


@compiled
def _damped_step(normal, pull, held, damping):
    """(normal + damping diagonal)⁻¹ pull with the held parameters left where they are, by Cholesky."""
    lower, step = np.zeros((PARAMETERS, PARAMETERS)), np.zeros(PARAMETERS)
    for a in range(PARAMETERS):
        for b in range(a + 1):
            value = 0.0 if held[a] or held[b] else normal[a, b]
            if a == b:
                value = 1.0 if held[a] else value * (1 + damping) + 1e-9
            for k in range(b):
                value -= lower[a, k] * lower[b, k]
            lower[a, b] = np.sqrt(max(value, 1e-12)) if a == b else value / lower[b, b]
    for a in range(PARAMETERS):
        value = 0.0 if held[a] else pull[a]
        for k in range(a):
            value -= lower[a, k] * step[k]
        step[a] = value / lower[a, a]
    for a in range(PARAMETERS - 1, -1, -1):
        value = step[a]
        for k in range(a + 1, PARAMETERS):
            value -= lower[k, a] * step[k]
        step[a] = value / lower[a, a]
    return step


@compiled
def _shorten(step, position, largest_turn):
    """Scale a step so that nothing turns by more than `largest_turn` and the depth changes by a third."""
    turn = np.sqrt(step[TURN] ** 2 + step[TURN + 1] ** 2 + step[TURN + 2] ** 2)
    for d in range(ANGLES, SHAPE):
        turn = max(turn, abs(step[d]))
    factor = min(1.0, largest_turn / (turn + 1e-12))
    factor = min(factor, 0.33 * position[2] / (abs(step[POSITION + 2]) + 1e-12))
    for k in range(PARAMETERS):
        step[k] *= factor


@compiled
def _move(state, step, limits, new):
    """The state after a step, into `new`; angles clipped to their limits."""
    root, position, angles, shape, frame = state
    length = np.sqrt(step[TURN] ** 2 + step[TURN + 1] ** 2 + step[TURN + 2] ** 2)
    axis, turn = np.zeros(3), np.empty((3, 3))
    for i in range(3):
        axis[i] = step[TURN + i] / (length + 1e-15)
        new[1][i] = position[i] + step[POSITION + i]
    axis_rotation(axis, length, turn)
    multiply(turn, root, new[0])
    for d in range(angles.shape[0]):
        new[2][d] = min(max(angles[d] + step[ANGLES + d], limits[d, 0]), limits[d, 1])
    for k in range(shape.shape[0]):
        new[3][k] = shape[k] + step[SHAPE + k]
    for k in range(4):
        new[4][k] = frame[k] + step[FRAME + k]
