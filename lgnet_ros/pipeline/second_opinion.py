"""Whether what LGNet takes for a hand has a palm, too: asked of weights that learned from photographs."""

from __future__ import annotations

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.network.palms import SIZE_PX
from lgnet_ros.pipeline.acquisition import Region
from lgnet_ros.pipeline.spots import SeesCenters
from lgnet_ros.pipeline.tracking import look_at

_SURROUNDINGS = 2.5  # times as wide as a hand's own crop: as large in it as palms know hands best
_NEAR = 0.11  # of that crop's width, from its middle to the hand's
# From a palm's logit to what it says for a hand. Of 62 hands in photographs 55 have one of 0 or more, and 1
# one below -2; of what LGNet takes for a hand and is none, most have one below.
_SLOPE, _EVEN = 0.7, -1.0


def palm_evidence(
    network: SeesCenters, image: np.ndarray, intrinsics: CameraIntrinsics, joints_px: np.ndarray
) -> float:
    """Log odds of a hand at joints (21, 2), px of the image (H, W, 3) uint8 RGB, by the network's palms; 0
    where no crop can be around it.
    """
    own = Region.upright(joints_px)
    look = look_at(intrinsics, (own.center, _SURROUNDINGS * own.side), SIZE_PX, own.roll_rad)
    if look is None:
        return 0.0
    guesses = network.palms(look.crop.warp(image, intrinsics)).astype(np.float64)
    apart = np.linalg.norm(guesses[:, 1:3] - (SIZE_PX - 1) / 2, axis=1)
    logit = guesses[apart < _NEAR * SIZE_PX, 0].max(initial=-np.inf)
    return float(_SLOPE * (logit - _EVEN))
