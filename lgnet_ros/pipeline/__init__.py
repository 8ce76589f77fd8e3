"""From a frame to metric hands. Start at `HandsPipeline.step`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgnet_ros.lazy import on_demand

if TYPE_CHECKING:
    from lgnet_ros.pipeline.acquisition import Detector, NoDetector, Region
    from lgnet_ros.pipeline.estimators import Estimator
    from lgnet_ros.pipeline.hands_pipeline import HandsPipeline
    from lgnet_ros.pipeline.records import SCALE_SOURCES, Frame, Hand, HandRelation, RawHand
    from lgnet_ros.pipeline.settings import PipelineSettings

__all__ = [
    "SCALE_SOURCES",
    "Detector",
    "Estimator",
    "Frame",
    "Hand",
    "HandRelation",
    "HandsPipeline",
    "NoDetector",
    "PipelineSettings",
    "RawHand",
    "Region",
]

__getattr__ = on_demand(
    __name__,
    acquisition=("Detector", "NoDetector", "Region"),
    estimators=("Estimator",),
    hands_pipeline=("HandsPipeline",),
    records=("SCALE_SOURCES", "Frame", "Hand", "HandRelation", "RawHand"),
    settings=("PipelineSettings",),
)
