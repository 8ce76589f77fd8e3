"""Which scenes and crops there are, and how often: all that the design asks for, and what to begin with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lgnet_ros.data.augment import ALONE_SHARE, WIDE_SHARE


@dataclass(frozen=True)
class Mixture:
    """Shares of scenes and crops, 0 to 1.

    Attributes:
        interacting, apart, one: scenes with two hands that interact, two apart, one hand; the rest has none.
        holding: of those with hands, how many hold a thing.
        truncated: of those with hands, how many are cut by the image's edge.
        bystanders: whether there is clutter, and other people with their hands.
        wide_crops: crops wider than a tracker's.
        alone: of two hands that are apart, how many are cropped one at a time.
        upright: of the crops that are not wide, how many are turned as a tracker turns them.
        least_zoom: pixels that the camera has at least per pixel of a crop; 0: as many as it has.
    """

    interacting: float
    apart: float
    one: float
    holding: float
    truncated: float
    bystanders: bool
    wide_crops: float
    alone: float
    upright: float
    least_zoom: float


# The same in every split; that of the test split is fixed by the design.
_ALL = Mixture(0.35, 0.25, 0.30, 0.30, 0.20, True, WIDE_SHARE, ALONE_SHARE, 0.0, 0.0)

MIXTURES = {
    "all": _ALL,
    # The same scenes, seen more often as a tracker sees them: close, upright, and hands that are apart
    # one by one.
    "tracked": replace(_ALL, wide_crops=0.2, alone=0.85, upright=0.8),
    # What fingers look like is learned in a tenth of the images from one hand, seen whole, near and sharp.
    "one_hand": Mixture(0.0, 0.0, 1.0, 0.05, 0.0, False, 0.0, ALONE_SHARE, 0.9, 0.8),
    # Which of two hands is which is learned from two that fill the crop.
    "near": Mixture(0.55, 0.05, 0.40, 0.10, 0.0, False, 0.0, ALONE_SHARE, 0.9, 0.8),
}
