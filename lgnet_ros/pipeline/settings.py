"""Everything about the pipeline that can be set."""

from __future__ import annotations

from dataclasses import dataclass

from lgnet_ros.pipeline.acquisition import AcquisitionSettings
from lgnet_ros.pipeline.depth import DepthSettings
from lgnet_ros.pipeline.filters import FilterSettings
from lgnet_ros.pipeline.placement import PlacementSettings
from lgnet_ros.pipeline.tracking import TrackingSettings


@dataclass(frozen=True)
class PipelineSettings:
    """max_people: people whose two hands each are followed. contact_m: surfaces closer than this touch."""

    max_people: int = 1
    contact_m: float = 0.005
    acquisition: AcquisitionSettings = AcquisitionSettings()
    tracking: TrackingSettings = TrackingSettings()
    placement: PlacementSettings = PlacementSettings()
    depth: DepthSettings = DepthSettings()
    filter: FilterSettings = FilterSettings()
