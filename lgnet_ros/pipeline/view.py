"""What there is to see in one step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgnet_ros.geometry import CameraIntrinsics
from lgnet_ros.pipeline.acquisition import Region
from lgnet_ros.pipeline.estimators import Stopwatch
from lgnet_ros.pipeline.tracking import Look, look_at


@dataclass(frozen=True)
class View:
    """An image with all that is known of it; see `HandsPipeline.step`."""

    image: np.ndarray
    intrinsics: CameraIntrinsics
    stamp_s: float
    depth: np.ndarray | None
    stopwatch: Stopwatch

    def look(self, region: Region, size_px: int) -> Look | None:
        """A crop of that region, `size_px` wide; None where the lens shows nothing."""
        return look_at(self.intrinsics, (region.center, region.side), size_px, region.roll_rad)

    def outline(self, look: Look) -> np.ndarray:
        """(4, 2) px of the image: the corners of a look's crop, clockwise from the top left."""
        low, high = -0.5, look.crop.size_px - 0.5
        corners = np.array([[low, low], [high, low], [high, high], [low, high]])
        return look.crop.image_pixels(corners, self.intrinsics)
