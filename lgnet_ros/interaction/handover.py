"""Whether a hand offers something to a robot, reaches for something from it, or rests.

Functions of what was concluded of the frame before and of what this frame shows; whoever calls keeps the
`HandoverMemory`. Told from the hand alone: an open palm that is held up may lie under a thing or ask for
one, and only the robot knows whether its gripper is full (`HandoverLimits.open_palm`). A perception result,
not a safety function.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lgnet_ros.interaction.palm import PalmPose

HANDOVER_STATES = ("unknown", "rests", "offers", "receives")
"""In this order in messages: the state is sent as its index here."""

_HOLDING = ("power", "pinch")  # grasp classes that close around a thing; a fist and a pointing finger do not


@dataclass(frozen=True)
class HandoverLimits:
    """What counts as what. All of these may change between two frames.

    Attributes:
        reach_m: a palm further than this from the robot's side is not held out to it.
        pointing_deg: the hand's own x axis (wrist to fingers) may be off the direction to the robot by this.
        palm_up_deg: a palm whose normal is within this of straight up would carry a thing.
        still_m_s: slower than this is held still. still_s: for how long before it counts as offered.
        reach_m_s: an open hand that comes nearer to the robot at this speed reaches for something.
        apart_m: surfaces of two hands closer than this are busy with each other.
        confirm_s: how long a new state must last before it is said.
        ease: share by which a limit is widened for the state that holds, so that it does not flicker.
        most_uncertain_m: with a larger standard deviation of the position, in any direction, nothing is said.
        open_palm: what an open palm means that is held up and still: "offers" or "receives".
    """

    reach_m: float = 0.9
    pointing_deg: float = 60.0
    palm_up_deg: float = 45.0
    still_m_s: float = 0.1
    still_s: float = 0.4
    reach_m_s: float = 0.15
    apart_m: float = 0.03
    confirm_s: float = 0.15
    ease: float = 0.25
    most_uncertain_m: float = 0.1
    open_palm: str = "offers"

    def eased(self) -> HandoverLimits:
        """The limits within which a state that holds goes on."""
        wider = 1 + self.ease
        return replace(
            self,
            reach_m=wider * self.reach_m,
            pointing_deg=wider * self.pointing_deg,
            palm_up_deg=wider * self.palm_up_deg,
            still_m_s=wider * self.still_m_s,
            apart_m=self.apart_m / wider,
        )


@dataclass(frozen=True)
class RobotSide:
    """Where the robot is: position (3,) m and up (3,), a unit vector against gravity, camera's frame."""

    position: np.ndarray
    up: np.ndarray


@dataclass(frozen=True)
class HandCue:
    """What is looked at of one hand. Camera's optical frame, metres.

    palm: its pose. twist: (6,) m/s and rad/s of the palm. grasp: one of GRASP_CLASSES. gap_m: distance to
    the surface of the person's other hand, infinite without one. position_covariance: (3, 3) m².
    """

    palm: PalmPose
    twist: np.ndarray
    grasp: str
    gap_m: float
    position_covariance: np.ndarray


@dataclass(frozen=True)
class HandoverMemory:
    """What is known of one hand after a frame.

    state: one of HANDOVER_STATES, held since since_s. candidate: what the newest frames show, since
    candidate_since_s. still_since_s: None while the hand moves. stamp_s: of the newest frame.
    """

    state: str
    since_s: float
    candidate: str
    candidate_since_s: float
    still_since_s: float | None
    stamp_s: float


def next_memory(
    memory: HandoverMemory | None, cue: HandCue, robot: RobotSide, limits: HandoverLimits, stamp_s: float
) -> HandoverMemory:
    """What follows from one more frame.

    Args:
        memory: after the frame before; None for a hand that was not there.
        cue: what this frame shows. robot: where the robot is. stamp_s: of this frame; one that lies before
            the last starts afresh.
    """
    if memory is None or stamp_s < memory.stamp_s:
        memory = HandoverMemory("unknown", stamp_s, "unknown", stamp_s, None, stamp_s)
    if position_std(cue.position_covariance) > limits.most_uncertain_m:
        since = memory.since_s if memory.state == "unknown" else stamp_s
        return HandoverMemory("unknown", since, "unknown", stamp_s, None, stamp_s)
    still_since_s = _still_since(memory, cue, limits, stamp_s)
    still_s = 0.0 if still_since_s is None else stamp_s - still_since_s
    shown = _shown(memory.state, cue, robot, limits, still_s)
    candidate_since_s = memory.candidate_since_s if shown == memory.candidate else stamp_s
    state, since_s = memory.state, memory.since_s
    if shown != state and stamp_s - candidate_since_s >= limits.confirm_s:
        state, since_s = shown, stamp_s
    return HandoverMemory(state, since_s, shown, candidate_since_s, still_since_s, stamp_s)


def position_std(covariance: np.ndarray) -> float:
    """Standard deviation (m) along the worst direction of a position's covariance (3, 3)."""
    return float(np.sqrt(max(np.linalg.eigvalsh(covariance)[-1], 0.0)))


def approach_covariance(
    cue: HandCue, standoff_m: float, orientation_std_rad: float, age_s: float, drift_m_s: float
) -> np.ndarray:
    """(6, 6) covariance of the pose `standoff_m` out of the palm: position, then rotation about fixed axes.

    An error of the palm's orientation swings the point at the end of the standoff, so that the two are
    correlated. What may have happened since the image was taken comes on top.

    Args:
        cue: the hand. standoff_m: along its palm's normal.
        orientation_std_rad: of the palm, about each axis.
        age_s: time since the image. drift_m_s: how fast a hand at rest may have started to move.
    """
    x, y, z = standoff_m * cue.palm.normal
    swing = np.array([[0.0, z, -y], [-z, 0.0, x], [y, -x, 0.0]])  # turn × normal, as a matrix on the turn
    turned = age_s * float(np.linalg.norm(cue.twist[3:]))
    moved = age_s * (float(np.linalg.norm(cue.twist[:3])) + drift_m_s)
    orientation = (orientation_std_rad**2 + turned**2) * np.eye(3)
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = cue.position_covariance + swing @ orientation @ swing.T + moved**2 * np.eye(3)
    covariance[:3, 3:] = swing @ orientation
    covariance[3:, :3] = covariance[:3, 3:].T
    covariance[3:, 3:] = orientation
    return covariance


def _still_since(
    memory: HandoverMemory, cue: HandCue, limits: HandoverLimits, stamp_s: float
) -> float | None:
    """When the hand came to rest; while it is at rest, a somewhat higher speed does not end it."""
    still = memory.still_since_s is not None
    limit = (limits.eased() if still else limits).still_m_s
    if float(np.linalg.norm(cue.twist[:3])) > limit:
        return None
    return memory.still_since_s if still else stamp_s


def _shown(state: str, cue: HandCue, robot: RobotSide, limits: HandoverLimits, still_s: float) -> str:
    """What the frame shows by itself; `state` is what holds."""
    acting = state in ("offers", "receives")
    allowed = limits.eased() if acting else limits
    to_robot = robot.position - cue.palm.position
    distance = float(np.linalg.norm(to_robot))
    toward = to_robot / max(distance, 1e-9)
    held_out = distance <= allowed.reach_m and _within(cue.palm.rotation[:, 0], toward, allowed.pointing_deg)
    if not held_out or cue.gap_m < allowed.apart_m:
        return "rests"
    still = still_s >= limits.still_s
    if cue.grasp in _HOLDING:
        return "offers" if still else "rests"
    if cue.grasp != "open":
        return "rests"
    if _within(cue.palm.normal, robot.up, allowed.palm_up_deg) and (still or limits.open_palm == "offers"):
        return limits.open_palm if still else "rests"
    reaching = float(cue.twist[:3] @ toward) >= limits.reach_m_s
    return "receives" if reaching or state == "receives" else "rests"


def _within(direction: np.ndarray, other: np.ndarray, degrees: float) -> bool:
    """Whether two unit vectors are at most so far apart."""
    return float(direction @ other) >= np.cos(np.radians(min(degrees, 180.0)))
