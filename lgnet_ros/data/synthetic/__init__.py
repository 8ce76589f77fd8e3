"""Images of two hands with exact truth, rendered on the fly: samples, crops for training, and clips."""

from lgnet_ros.data.synthetic.clips import CLIP_NAMES, Clip
from lgnet_ros.data.synthetic.settings import SPLITS, SyntheticSettings

__all__ = ["CLIP_NAMES", "SPLITS", "Clip", "SyntheticSettings"]
