"""From the node's parameters to the pipeline that sees the hands."""

from __future__ import annotations

import dataclasses

from lgnet_ros.inference import Engine
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.pipeline import HandsPipeline, NoDetector
from lgnet_ros.pipeline.filters import FilterSettings, OneEuroSettings
from lgnet_ros.pipeline.settings import PipelineSettings

_TUNED = PipelineSettings()


def load_pipeline(parameters: HandsParameters) -> tuple[HandsPipeline, str]:
    """The pipeline, warmed up: its first frame takes no longer than the others.

    Returns:
        The pipeline, and the id of its model as messages carry it.

    Raises:
        UserError: weights that are missing or do not fit, or a device or precision that is not to be had.
    """
    engine = Engine.load(parameters.weights or None, parameters.device, parameters.precision)
    detector = (
        NoDetector() if parameters.detector == "external" else None
    )  # None: LGNet finds hands by itself
    pipeline = HandsPipeline(engine, pipeline_settings(parameters), detector)
    pipeline.warm_up()
    untrained = not engine.trained and "untrained" not in pipeline.model_id
    return pipeline, pipeline.model_id + (" untrained" if untrained else "")


def pipeline_settings(parameters: HandsParameters) -> PipelineSettings:
    """The pipeline's settings for these parameters; what no parameter speaks of stays as tuned."""
    replace = dataclasses.replace
    return replace(
        _TUNED,
        max_people=parameters.max_people,
        acquisition=replace(_TUNED.acquisition, enter=parameters.presence_enter),
        tracking=replace(_TUNED.tracking, stay=min(parameters.presence_stay, parameters.presence_enter)),
        placement=replace(_TUNED.placement, hand_length_m=parameters.hand_length or None),
        filter=_filter_settings(parameters.smoothing),
    )


def _filter_settings(smoothing: float) -> FilterSettings:
    """The tuned filter with all cutoffs divided by `smoothing`; 0: raw values go through."""
    if smoothing == 0:
        return dataclasses.replace(_TUNED.filter, enabled=False)

    def calmer(settings: OneEuroSettings) -> OneEuroSettings:
        return dataclasses.replace(
            settings, minimum_hz=settings.minimum_hz / smoothing, slope=settings.slope / smoothing
        )

    tuned = _TUNED.filter
    return dataclasses.replace(
        tuned,
        position=calmer(tuned.position),
        rotation=calmer(tuned.rotation),
        surface=calmer(tuned.surface),
        shape_hz=tuned.shape_hz / smoothing,
    )
