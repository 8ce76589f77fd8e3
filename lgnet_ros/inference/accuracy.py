"""How wrong a network is: a few numbers that are fitted to its own errors and travel with its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from lgnet_ros.errors import UserError


@dataclass(frozen=True)
class NetworkErrors:
    """Errors of one network's outputs, as placement in metres needs them; what is called std is a standard
    deviation.

    `lgnet train` fits them (`lgnet_ros.training.uncertainty`), so that ellipsoids stated as 95 % hold 95 % of
    the network's own errors on the validation split; errors have heavy tails, so most are then smaller than a
    normal distribution's would be. The defaults stand in for weights without them: a network that is as good
    as one can be, so that only people's different sizes remain.

    Attributes:
        joint_std_m: of a root-relative 3D joint, per axis.
        shift_floor: of all joints of a hand together in the crop, share of the crop's size: the least.
        shift_share: the same as a share of its heat maps' standard deviation (root mean square over joints).
        zoom_floor: of the hand's extent in the crop, relative: the least. Acts on the distance as size does.
        zoom_share: the same as a share of the heat maps' standard deviation over the hand's extent.
        zoom_shrink: k, where hands are seen √(1 + (k d)²) times smaller than they are; d is the heat maps'
            standard deviation over the hand's extent. A mean of all that is possible spreads less than what
            is (law of total variance).
        zoom_bias: by how much hands are placed too far (positive) all the same, as a logarithm.
        relative_std_m: of left wrist − right wrist, per axis.
        surface_std_m: of the depth of the mesh's nearer half relative to its wrist: the least.
        surface_share_m: the same, for each unit of the heat maps' standard deviation over the hand's extent.
        size_std: of a hand's length, relative, once `size_trust` is heeded.
        size_trust: how much of the network's deviation from `mean_length_m` is believed: 1 all, 0 nothing.
        mean_length_m: of hands, wrist to middle fingertip; of no effect where `size_trust` is 1.
    """

    joint_std_m: float = 0.006
    shift_floor: float = 0.005
    shift_share: float = 0.0
    zoom_floor: float = 0.02
    zoom_share: float = 0.0
    zoom_shrink: float = 0.0
    zoom_bias: float = 0.0
    relative_std_m: float = 0.02
    surface_std_m: float = 0.0
    surface_share_m: float = 0.0
    size_std: float = 0.06
    size_trust: float = 1.0
    mean_length_m: float = 0.18

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> NetworkErrors:
        """What a weights file says; what it leaves out is the default.

        Raises:
            UserError: a name that is none of these, or a number that is none.
        """
        known = {field.name for field in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise UserError(f"the weights state an error '{name}' that this version does not know")
            if not (isinstance(value, (int, float)) and math.isfinite(value)):
                raise UserError(f"the weights state {value!r} as their {name}, which is no number")
        return cls(**values)

    def as_dict(self) -> dict[str, float]:
        """For a weights file."""
        return asdict(self)
