"""From the node's parameters to the pipeline that sees the hands."""

from __future__ import annotations

import dataclasses

from lgnet_ros.landmarks.choice import EstimatorChoice, load_detector, load_estimator
from lgnet_ros.node import interaction_markers
from lgnet_ros.node.model_id import model_id
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.pipeline import HandsPipeline, overlay
from lgnet_ros.pipeline.filters import FilterSettings, OneEuroSettings
from lgnet_ros.pipeline.settings import PipelineSettings

_TUNED = PipelineSettings()


def load_pipeline(parameters: HandsParameters) -> tuple[HandsPipeline, str]:
    """The pipeline, warmed up: its first frame takes no longer than the others.

    Returns:
        The pipeline, and the id of its model as messages carry it.

    Raises:
        UserError: weights that are missing or do not fit; a device, a precision or MediaPipe that is not to
            be had.
    """
    choice = EstimatorChoice(
        kind=parameters.estimator,
        weights=parameters.weights or None,
        device=parameters.device,
        precision=parameters.precision,
        max_people=parameters.max_people,
        landmarks_model=parameters.landmarks_model or None,
    )
    estimator = load_estimator(choice)
    detector = load_detector(parameters.detector, choice)
    pipeline = HandsPipeline(estimator, pipeline_settings(parameters), detector)
    pipeline.warm_up()
    overlay.rehearse()
    interaction_markers.rehearse()
    return pipeline, model_id(pipeline.model_id, estimator.trained)


def pipeline_settings(parameters: HandsParameters) -> PipelineSettings:
    """The pipeline's settings for these parameters; what no parameter speaks of stays as tuned."""
    replace, enter = dataclasses.replace, parameters.presence_enter
    suspect, back = min(_TUNED.acquisition.suspect, enter), min(_TUNED.tracking.back, enter)
    return replace(
        _TUNED,
        max_people=parameters.max_people,
        acquisition=replace(_TUNED.acquisition, suspect=suspect, enter=enter),
        tracking=replace(_TUNED.tracking, stay=min(parameters.presence_stay, enter), back=back),
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
