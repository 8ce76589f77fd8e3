"""One-Euro filters (Casiez, Roussel and Vogel, CHI 2012) for a hand: position, orientations, and the shape
between.

A One-Euro filter is a first-order low-pass whose cutoff rises with speed: f = minimum + slope · |speed|. A
still hand is smooth, a moving one lags little: the lag at a steady speed is exactly 1 / (2π f). With the
defaults and frames at 30 Hz, white noise of 4 mm per axis on a still wrist leaves less than 2 mm RMS (all
three axes together), and a wrist at 0.5 m/s lags less than 30 ms; the tests hold both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lgnet_ros.jit import exactly
from lgnet_ros.pipeline.so3 import rotation_matrices, rotation_vectors


@dataclass(frozen=True)
class OneEuroSettings:
    """minimum_hz: cutoff at rest. slope: Hz per unit of speed. speed_hz: cutoff of the speed itself."""

    minimum_hz: float
    slope: float
    speed_hz: float = 1.0


@dataclass(frozen=True)
class FilterSettings:
    """How much each part of a hand is smoothed.

    Attributes:
        enabled: False hands raw values through; velocities are filtered all the same.
        position: of the wrist, m.
        rotation: of each of the 16 local rotations, rad.
        surface: of each vertex, m, in the wrist's own axes.
        shape_hz: cutoff of the shape, which does not change on a person.
        reset_gap_s: after a longer gap a hand starts afresh.
    """

    enabled: bool = True
    position: OneEuroSettings = OneEuroSettings(minimum_hz=0.3, slope=11.0)
    rotation: OneEuroSettings = OneEuroSettings(minimum_hz=0.8, slope=2.0)
    surface: OneEuroSettings = OneEuroSettings(minimum_hz=1.0, slope=12.0)
    shape_hz: float = 0.2
    reset_gap_s: float = 0.5


class OneEuro:
    """A One-Euro filter of (N, D) values, each row with its own speed and cutoff."""

    def __init__(self, settings: OneEuroSettings, value: np.ndarray) -> None:
        self._settings = settings
        self._raw = value
        self.value = value
        self.speed = np.zeros_like(value)
        self.cutoff_hz = np.full(len(value), settings.minimum_hz)

    def update(self, value: np.ndarray, dt: float) -> np.ndarray:
        """The filtered value after `dt` > 0 seconds; also in `value`, its velocity in `speed`."""
        step = _step(self._settings, self.speed, value - self._raw, value - self.value, dt)
        self._raw, self.value = value, self.value + step.of_value
        self.speed, self.cutoff_hz = step.speed, step.cutoff_hz
        return self.value


class OneEuroRotations:
    """A One-Euro filter on SO(3) of (N, 3, 3) rotations; differences are rotation vectors, turned axes."""

    def __init__(self, settings: OneEuroSettings, value: np.ndarray) -> None:
        self._settings = settings
        self._raw = value
        self.value = value
        self.speed = np.zeros(value.shape[:2])

    def update(self, value: np.ndarray, dt: float) -> np.ndarray:
        """The filtered rotations after `dt` > 0 seconds; also in `value`. `speed` (N, 3) rad/s, in the turned
        axes.
        """
        between = np.concatenate([self._raw, self.value]).swapaxes(1, 2) @ np.concatenate([value, value])
        vectors = rotation_vectors(between)
        step = _step(self._settings, self.speed, vectors[: len(value)], vectors[len(value) :], dt)
        self._raw, self.value = value, self.value @ rotation_matrices(step.of_value)
        self.speed = step.speed
        return self.value


@dataclass(frozen=True)
class HandState:
    """What of a hand is filtered.

    wrist: (3,) m. rotations: (16, 3, 3) local, the first one the wrist's in the camera. surface: (778, 3) m,
    vertices relative to the wrist, camera's axes. shape: (10,). scale: as in `Placement`.
    """

    wrist: np.ndarray
    rotations: np.ndarray
    surface: np.ndarray
    shape: np.ndarray
    scale: float


class HandFilter:
    """The temporal filter of one hand. Make a new one when a hand is found again."""

    def __init__(self, settings: FilterSettings) -> None:
        self._settings = settings
        self._stamp_s = -np.inf
        self._state: HandState | None = None

    @property
    def velocity(self) -> np.ndarray:
        """(6,) the wrist's linear (m/s) and angular velocity (rad/s), camera's axes; zeros at the start."""
        if self._state is None:
            return np.zeros(6)
        angular = self._rotation.value[0] @ self._rotation.speed[0]
        return np.concatenate([self._position.speed[0], angular])

    @property
    def lag_s(self) -> float:
        """By how much the wrist's position lags at its present, steady speed."""
        on = self._settings.enabled and self._state is not None
        return float(1 / (2 * np.pi * self._position.cutoff_hz[0])) if on else 0.0

    def update(self, state: HandState, stamp_s: float) -> HandState:
        """The filtered hand at `stamp_s`.

        A stamp that repeats gives the last answer again: there is no time in which anything could have moved.
        A stamp that jumps back, or forward by more than the gap, starts afresh from this frame.
        """
        dt = stamp_s - self._stamp_s
        if self._state is not None and dt == 0:
            return self._state
        if self._state is None or not 0 < dt <= self._settings.reset_gap_s:
            self._start(state)
            self._state = state
        else:
            self._state = self._advanced(self._state, state, dt)
        self._stamp_s = stamp_s
        return self._state

    def _start(self, state: HandState) -> None:
        settings = self._settings
        self._position = OneEuro(settings.position, state.wrist[None])
        self._rotation = OneEuroRotations(settings.rotation, state.rotations)
        self._surface = OneEuro(settings.surface, state.surface @ state.rotations[0])

    def _advanced(self, last: HandState, state: HandState, dt: float) -> HandState:
        wrist = self._position.update(state.wrist[None], dt)[0]
        rotations = self._rotation.update(state.rotations, dt)
        if not self._settings.enabled:
            return state
        # In the wrist's own axes, so that turning the hand does not smear it.
        surface = self._surface.update(state.surface @ state.rotations[0], dt) @ rotations[0].T
        shape = last.shape + _gain(self._settings.shape_hz, dt) * (state.shape - last.shape)
        return HandState(wrist, rotations, surface, shape, state.scale)


class _Step(NamedTuple):
    """What one update does: of_value (N, D), to be added; the new speed (N, D) and cutoff_hz (N,)."""

    of_value: np.ndarray
    speed: np.ndarray
    cutoff_hz: np.ndarray


def _step(
    settings: OneEuroSettings, speed: np.ndarray, change: np.ndarray, offset: np.ndarray, dt: float
) -> _Step:
    """change (N, D): of the raw value, in `dt`. offset (N, D): of the raw value from the filtered one."""
    step = _Step(np.empty_like(offset), np.empty_like(speed), np.empty(len(speed)))
    _fill_step(settings.minimum_hz, settings.slope, settings.speed_hz, speed, change, offset, dt, *step)
    return step


@exactly
def _fill_step(minimum_hz, slope, speed_hz, speed, change, offset, dt, of_value, new_speed, cutoff_hz):
    towards = _gain(speed_hz, dt)
    for n in range(len(speed)):
        square = 0.0
        for d in range(speed.shape[1]):
            new_speed[n, d] = speed[n, d] + towards * (change[n, d] / dt - speed[n, d])
            square += new_speed[n, d] ** 2
        cutoff_hz[n] = minimum_hz + slope * math.sqrt(square)
        for d in range(speed.shape[1]):
            of_value[n, d] = _gain(cutoff_hz[n], dt) * offset[n, d]


@exactly
def _gain(cutoff_hz: float, dt: float) -> float:
    """Share of the way to a new value that a first-order low-pass goes in `dt`."""
    time = 2 * math.pi * dt * cutoff_hz
    return time / (1 + time)
