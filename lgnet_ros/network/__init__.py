"""LGNet: the network, its losses, its variants, its ablations. Knows nothing of ROS, files and cameras."""

from __future__ import annotations

from lgnet_ros.network.config import ABLATIONS, VARIANTS, Backbone, LGNetConfig, LocalGraph, LossWeights
from lgnet_ros.network.lgnet import LGNet
from lgnet_ros.network.losses import total_loss
from lgnet_ros.network.normalize import normalize
from lgnet_ros.network.output import LGNetOutput
from lgnet_ros.network.target import Target

__all__ = [
    "ABLATIONS",
    "VARIANTS",
    "Backbone",
    "LGNet",
    "LGNetConfig",
    "LGNetOutput",
    "LocalGraph",
    "LossWeights",
    "Target",
    "normalize",
    "total_loss",
]
