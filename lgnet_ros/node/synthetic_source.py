"""The demo camera's built-in scene: two moving hands, rendered on the fly, with exact truth."""

from __future__ import annotations

from lgnet_ros.data.synthetic import Clip, SyntheticSettings
from lgnet_ros.node.camera_sources import Picture, Source


class SyntheticSource(Source):
    """A clip of the synthetic renderer, as a function of time. It never ends: clips repeat by themselves."""

    def __init__(self, size: tuple[int, int], clip: str, seed: int) -> None:
        """Args: size: (width, height) px. clip: the clip's name. seed: looks, background and motion.

        Raises:
            UserError: no such clip, or an impossible size.
        """
        self._clip = Clip(seed, clip, SyntheticSettings(split="test", width=size[0], height=size[1]))
        self._clip.frame(0.0)  # the very first one compiles, which nothing can interrupt once the node runs

    def read(self, elapsed_s: float) -> Picture:
        sample = self._clip.frame(elapsed_s)
        return Picture(sample.image, sample)
