"""One image's way through the node: decode, check, infer, publish. Runs in the inference thread only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from std_msgs.msg import Header

from lgnet_ros.geometry.cameras import CameraIntrinsics
from lgnet_ros.node import compat, diagnostics
from lgnet_ros.node.camera_info import IntrinsicsCache, assumed_intrinsics
from lgnet_ros.node.clocks import disagreement
from lgnet_ros.node.compressed import decode_compressed
from lgnet_ros.node.detections import boxes_of
from lgnet_ros.node.faults import FaultKind, FaultLog, InputFault
from lgnet_ros.node.images import decode_depth, decode_image
from lgnet_ros.node.inputs import Sample
from lgnet_ros.node.messages import hands_message
from lgnet_ros.node.outputs import Outputs, Result
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.pipeline_setup import pipeline_settings
from lgnet_ros.node.statistics import Statistics
from lgnet_ros.pipeline.overlay import draw_on
from lgnet_ros.pipeline.records import Frame, Hand

CAMERA_INFO_PATIENCE_S = 1.0  # a camera's first images may come before its first CameraInfo


class Pipeline(Protocol):
    """What is used of `lgnet_ros.pipeline.HandsPipeline`."""

    settings: Any

    def step(
        self,
        image_rgb: np.ndarray,
        intrinsics: CameraIntrinsics,
        stamp_s: float,
        depth: np.ndarray | None = None,
        detections: np.ndarray | None = None,
    ) -> Frame: ...

    def look_ahead(self, hurried: bool) -> None: ...

    def keepout(self, hand: Hand, latency_s: float, margin_m: float) -> np.ndarray: ...

    def faces(self, side: str) -> np.ndarray: ...

    def reset(self) -> None: ...


class _NotYet(Exception):
    """The image cannot be used, and that is nobody's fault yet."""


class FrameProcessor:
    """Turns samples into published results, and reports what cannot be turned."""

    def __init__(
        self,
        pipeline: Pipeline,
        model_id: str,
        outputs: Outputs,
        parameters: Callable[[], HandsParameters],
        statistics: Statistics,
        faults: FaultLog,
        now_s: Callable[[], float],
    ) -> None:
        """
        Args:
            pipeline: that sees the hands. model_id: what messages say of it.
            outputs: where results go.
            parameters: the parameters as they stand now.
            statistics, faults: what the diagnostics tell.
            now_s: the node's clock, in seconds, as stamps are.
        """
        self._pipeline, self._model_id = pipeline, model_id
        self._outputs, self._parameters = outputs, parameters
        self._statistics, self._faults, self._now_s = statistics, faults, now_s
        self._intrinsics = IntrinsicsCache()
        self._cv_bridge = compat.cv_bridge_decoder()
        self._applied: HandsParameters | None = None
        self._first_received_s: float | None = None
        self._last_stamp_s = -np.inf
        self._header: Header | None = None

    def process(self, sample: Sample) -> bool:
        """Publish the hands in `sample`; a sample that cannot be used is counted and named, never raised.

        Returns:
            Whether there was a result.
        """
        try:
            self._process(sample)
        except InputFault as fault:
            self._faults.report(fault.kind, str(fault))
            return False
        except _NotYet:
            return False
        return True

    def look_ahead(self, hurried: bool) -> None:
        """Search the image whose hands are published for others. hurried: the next one is waiting."""
        started = time.perf_counter()
        self._pipeline.look_ahead(hurried)
        self._statistics.time({diagnostics.LOOK_AHEAD: 1e3 * (time.perf_counter() - started)})

    def silence(self) -> None:
        """The camera has stopped, or says nothing usable: take the hands out of RViz and forget them."""
        if self._header is not None:
            self._outputs.retract(self._header)
        self._header = None
        self._pipeline.reset()

    def _process(self, sample: Sample) -> None:
        started = time.perf_counter()
        parameters = self._current_parameters()
        image = self._decoded(sample.image)
        intrinsics = self._calibrated_intrinsics(sample, image)
        calibrated = intrinsics is not None
        if intrinsics is None:
            height, width = image.shape[:2]
            intrinsics = assumed_intrinsics(width, height, parameters.assumed_horizontal_fov)
        stamp_s = self._checked_stamp(sample.image.header)
        depth, boxes = self._depth(sample, image), self._boxes(sample)
        decoded = time.perf_counter()
        frame = self._pipeline.step(image, intrinsics, stamp_s, depth, boxes)
        inferred = time.perf_counter()
        self._publish(frame, image, intrinsics, calibrated, sample.image.header)
        self._account(frame, decoded - started + time.perf_counter() - inferred, inferred - decoded)

    def _current_parameters(self) -> HandsParameters:
        """The newest parameters, handed to the pipeline if they have changed since the last frame."""
        parameters = self._parameters()
        if parameters is not self._applied:
            self._pipeline.settings = pipeline_settings(parameters)
            self._applied = parameters
        return parameters

    def _decoded(self, message: Any) -> np.ndarray:
        if hasattr(message, "format"):
            return decode_compressed(message)
        return decode_image(message, self._cv_bridge)

    def _calibrated_intrinsics(self, sample: Sample, image: np.ndarray) -> CameraIntrinsics | None:
        """From the CameraInfo; None if it is missing or unusable and a field of view may be assumed instead.

        Raises:
            InputFault: there is none, and nothing may be assumed.
        """
        height, width = image.shape[:2]
        try:
            if sample.camera_info is None:
                raise self._missing_camera_info(sample.received_s)
            return self._intrinsics.lookup(sample.camera_info, width, height)
        except InputFault as fault:
            if self._applied is None or self._applied.assumed_horizontal_fov == 0:
                raise
            self._faults.report(fault.kind, f"{fault}; assuming a field of view, nothing is in true metres")
            return None

    def _missing_camera_info(self, received_s: float) -> Exception:
        """A fault, or, while the camera may just be starting, a reason to wait that is no fault yet."""
        if self._first_received_s is None:
            self._first_received_s = received_s
        if received_s - self._first_received_s < CAMERA_INFO_PATIENCE_S:
            return _NotYet()
        return InputFault(
            FaultKind.MISSING_CAMERA_INFO,
            "images come without one; publish it beside the image or set assumed_horizontal_fov",
        )

    def _checked_stamp(self, header: Header) -> float:
        stamp_s = header.stamp.sec + header.stamp.nanosec * 1e-9
        if stamp_s <= self._last_stamp_s:
            what_follows = "tracking starts over" if stamp_s < self._last_stamp_s else "no time has gone by"
            self._faults.report(
                FaultKind.STAMP_BACKWARD, f"{stamp_s:.3f} s after {self._last_stamp_s:.3f} s; {what_follows}"
            )
        self._last_stamp_s = stamp_s
        return stamp_s

    def _depth(self, sample: Sample, image: np.ndarray) -> np.ndarray | None:
        if sample.depth is None:
            return None
        try:
            depth = decode_depth(sample.depth)
            if depth.shape != image.shape[:2]:
                sizes = f"depth {depth.shape[1]}x{depth.shape[0]}, image {image.shape[1]}x{image.shape[0]}"
                raise InputFault(FaultKind.BAD_DEPTH, sizes)
        except InputFault as fault:
            self._faults.report(fault.kind, str(fault))
            return None
        return depth

    def _boxes(self, sample: Sample) -> np.ndarray | None:
        """Where an external detector sees hands; None if it has said nothing (usable)."""
        if sample.detections is None:
            return None
        try:
            return boxes_of(sample.detections, sample.image.header)
        except InputFault as fault:
            self._faults.report(fault.kind, str(fault))
            return None

    def _publish(
        self,
        frame: Frame,
        image: np.ndarray,
        intrinsics: CameraIntrinsics,
        calibrated: bool,
        header: Header,
    ) -> None:
        parameters = self._current_parameters()
        if not header.frame_id:
            self._faults.report(
                FaultKind.NO_FRAME, "nobody can tell where its hands are; no TF; set frame_id in the driver"
            )
        # How far a hand has come since its image was taken, nobody can say by another clock.
        says_when = self._is_of_own_clock(frame.stamp_s)
        result = Result(
            message=hands_message(frame, header, self._model_id, calibrated),
            keepout=(lambda: self._keepout(frame, parameters)) if says_when else None,
            image=image,
            draw_on=lambda picture: draw_on(picture, frame, intrinsics, self._pipeline.faces),
        )
        self._outputs.publish(result, parameters)
        self._header = header

    def _is_of_own_clock(self, stamp_s: float) -> bool:
        reason = disagreement(self._now_s() - stamp_s)
        if reason:
            self._faults.report(FaultKind.CLOCK, f"{reason}; no keep-out volume")
        return not reason

    def _keepout(self, frame: Frame, parameters: HandsParameters) -> list[np.ndarray]:
        """The keep-out surface of each hand, for when the robot acts on this frame."""
        latency = max(self._now_s() - frame.stamp_s, 0.0) + parameters.keepout_latency
        return [self._pipeline.keepout(hand, latency, parameters.keepout_margin) for hand in frame.hands]

    def _account(self, frame: Frame, ros_work_s: float, pipeline_s: float) -> None:
        self._statistics.count(diagnostics.PROCESSED)
        if frame.hands:
            self._statistics.count(diagnostics.WITH_HANDS)
        stages = {f"pipeline: {stage}": duration for stage, duration in frame.timings_ms.items()}
        own = {
            diagnostics.ROS_WORK: 1e3 * ros_work_s,
            diagnostics.PIPELINE: 1e3 * pipeline_s,
            diagnostics.AGE: 1e3 * (self._now_s() - frame.stamp_s),
        }
        self._statistics.time({**own, **stages})
