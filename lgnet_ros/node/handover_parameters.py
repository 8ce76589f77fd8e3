"""The parameters of handover_node, each with type, range and reason, read into one frozen record.

`python -m lgnet_ros.node.handover_parameters` prints them as the README's table, with `--yaml` as
`config/handover.yaml`; tests hold both against this module.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from lgnet_ros.errors import UserError
from lgnet_ros.interaction.handover import HandoverLimits, RobotSide
from lgnet_ros.node.parameter_rules import ANY_TIME, markdown_table, parameter, parameter_file

_TUNED = HandoverLimits()
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class HandoverParameters:
    """Every parameter of handover_node. The fields' names are the parameters' names."""

    hand: str = parameter(
        "nearest",
        "Which hand: nearest to the robot (one that acts is kept), clicked in RViz, or the side's first.",
        ANY_TIME,
        choices=("nearest", "clicked", "right", "left"),
    )
    robot_frame: str = parameter(
        "", "TF frame of the robot's side, its z axis up; empty: `robot_position` and `up` say it.", ANY_TIME
    )
    robot_position: Triple = parameter(
        (0.0, 0.0, 0.0), "Where the robot is in the image's frame (m).", ANY_TIME, minimum=-10.0, maximum=10.0
    )
    up: Triple = parameter(
        (0.0, -1.0, 0.0),
        "Direction against gravity in the image's frame.",
        ANY_TIME,
        minimum=-1.0,
        maximum=1.0,
    )
    reach: float = parameter(
        _TUNED.reach_m,
        "Palms further than this from the robot (m) rest.",
        ANY_TIME,
        minimum=0.05,
        maximum=5.0,
    )
    pointing_angle: float = parameter(
        _TUNED.pointing_deg,
        "Fingers further than this off the direction to the robot (degrees) rest.",
        ANY_TIME,
        minimum=5.0,
        maximum=180.0,
    )
    palm_up_angle: float = parameter(
        _TUNED.palm_up_deg,
        "An open palm within this of straight up (degrees) holds something up.",
        ANY_TIME,
        minimum=5.0,
        maximum=180.0,
    )
    open_palm: str = parameter(
        _TUNED.open_palm,
        "What an open palm means that is held up; `receives` while the robot has something to give.",
        ANY_TIME,
        choices=("offers", "receives"),
    )
    still_speed: float = parameter(
        _TUNED.still_m_s, "Slower than this is held still (m/s).", ANY_TIME, minimum=0.005, maximum=1.0
    )
    still_time: float = parameter(
        _TUNED.still_s,
        "How long a hand is held still before it offers (s).",
        ANY_TIME,
        minimum=0.0,
        maximum=5.0,
    )
    reach_speed: float = parameter(
        _TUNED.reach_m_s,
        "An open hand that nears the robot this fast reaches for something (m/s).",
        ANY_TIME,
        minimum=0.01,
        maximum=2.0,
    )
    hands_apart: float = parameter(
        _TUNED.apart_m,
        "Hands closer than this are busy with each other (m).",
        ANY_TIME,
        minimum=0.0,
        maximum=0.5,
    )
    confirm_time: float = parameter(
        _TUNED.confirm_s,
        "How long a new state lasts before it is said (s).",
        ANY_TIME,
        minimum=0.0,
        maximum=5.0,
    )
    hysteresis: float = parameter(
        _TUNED.ease,
        "Share by which limits are widened for the state that holds.",
        ANY_TIME,
        minimum=0.0,
        maximum=1.0,
    )
    most_uncertain: float = parameter(
        _TUNED.most_uncertain_m,
        "With a larger standard deviation of the position (m) the state is unknown.",
        ANY_TIME,
        minimum=0.001,
        maximum=1.0,
    )
    oldest: float = parameter(
        0.3, "With an older image (s) the state is unknown.", ANY_TIME, minimum=0.01, maximum=10.0
    )
    standoff: float = parameter(
        0.2, "Distance (m) out of the palm at which the tool waits.", ANY_TIME, minimum=0.0, maximum=1.0
    )
    tool_rpy: Triple = parameter(
        (0.0, 0.0, 0.0),
        "Roll, pitch, yaw (degrees) of the tool in the approach frame.",
        ANY_TIME,
        minimum=-360.0,
        maximum=360.0,
    )
    orientation_std: float = parameter(
        15.0,
        "Standard deviation of the palm's orientation about each axis (degrees) to state.",
        ANY_TIME,
        minimum=0.0,
        maximum=180.0,
    )
    drift: float = parameter(
        0.3,
        "How fast a hand at rest may have started to move since the image (m/s).",
        ANY_TIME,
        minimum=0.0,
        maximum=5.0,
    )

    @property
    def limits(self) -> HandoverLimits:
        """What counts as what."""
        return HandoverLimits(
            reach_m=self.reach,
            pointing_deg=self.pointing_angle,
            palm_up_deg=self.palm_up_angle,
            still_m_s=self.still_speed,
            still_s=self.still_time,
            reach_m_s=self.reach_speed,
            apart_m=self.hands_apart,
            confirm_s=self.confirm_time,
            ease=self.hysteresis,
            most_uncertain_m=self.most_uncertain,
            open_palm=self.open_palm,
        )

    @property
    def stated_robot_side(self) -> RobotSide:
        """The robot as `robot_position` and `up` state it.

        Raises:
            UserError: `up` has no direction.
        """
        up = np.array(self.up)
        length = float(np.linalg.norm(up))
        if length < 1e-6:
            raise UserError("up: three zeros are no direction")
        return RobotSide(np.array(self.robot_position), up / length)

    @property
    def orientation_std_rad(self) -> float:
        """`orientation_std` in radians."""
        return math.radians(self.orientation_std)


def yaml_file() -> str:
    """The annotated parameter file `config/handover.yaml`, with every parameter at its default."""
    return parameter_file("handover_node", "lgnet_ros.node.handover_parameters", HandoverParameters)


if __name__ == "__main__":
    text = yaml_file() if "--yaml" in sys.argv[1:] else markdown_table(HandoverParameters) + "\n"
    sys.stdout.write(text)
