"""Running LGNet: weights on disk, backends, and the engine that the pipeline calls."""

from __future__ import annotations

from lgnet_ros.inference.accuracy import NetworkErrors
from lgnet_ros.inference.engine import Engine
from lgnet_ros.inference.prediction import NetworkPrediction
from lgnet_ros.inference.weights import WeightsInfo, load_network, read_info, save_weights

__all__ = [
    "Engine",
    "NetworkErrors",
    "NetworkPrediction",
    "WeightsInfo",
    "load_network",
    "read_info",
    "save_weights",
]
