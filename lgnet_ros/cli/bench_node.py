"""The parts of `lgnet bench` that need ROS: the whole node, a frame's work beside the network, the soak."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import torch
from tqdm import tqdm

from lgnet_ros.errors import UserError
from lgnet_ros.evaluation.stage_speed import TruthfulEstimator, told_film
from lgnet_ros.hand_model import HandModel

_RESOLUTIONS = ((640, 480), (1280, 720))
_MINUTE_S = 60.0


def nodes(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Camera and node as processes, one row per resolution.

    Raises:
        UserError: there is no ROS, or a process failed.
    """
    _require_ros()
    from lgnet_ros.node.status.throughput import measure_node

    return [measure_node(_case(args, width, height, args.node_seconds)) for width, height in _RESOLUTIONS]


def frame_work(args: argparse.Namespace) -> list[dict[str, Any]]:
    """What a frame with two hands costs beside the network, without and with the overlay.

    Raises:
        UserError: there is no ROS, or nobody listens.
    """
    _require_ros()
    from lgnet_ros.node.status.frame_work import TimedPipeline, measure_frame_work

    torch.set_num_threads(1)
    rows = []
    for overlay in (False, True):
        estimator = TruthfulEstimator(HandModel.load())
        pipeline = TimedPipeline(estimator)
        pictures = _pictures(estimator, args.frames)
        row = measure_frame_work(pipeline, lambda told=estimator: told.seconds, pictures, overlay)
        rows.append({"resolution": "640x480", "overlay": overlay, **row})
    return rows


def soak(args: argparse.Namespace) -> dict[str, Any]:
    """The node at the camera's rate for `--soak` minutes, every output on.

    Raises:
        UserError: there is no ROS, a process failed, or no result came.
    """
    _require_ros()
    from lgnet_ros.node.status.soak import soak as run_soak

    seconds = _MINUTE_S * args.soak
    with tqdm(total=round(seconds), unit="s", disable=None) as bar:
        return run_soak(
            _case(args, *_RESOLUTIONS[0], seconds, everything=True),
            lambda passed: bar.update(round(passed) - bar.n),
        )


def _case(args: argparse.Namespace, width: int, height: int, seconds: float, everything: bool = False) -> Any:
    from lgnet_ros.node.status.throughput import NodeCase

    return NodeCase(
        weights=args.node_weights,
        width=width,
        height=height,
        seconds=seconds,
        precision=args.node_precision,
        estimator=args.node_estimator,
        source=args.node_source,
        everything=everything,
    )


def _pictures(estimator: TruthfulEstimator, frames: int) -> Iterator[Any]:
    """Images and CameraInfos of a film of two hands, as the demo camera sends them, stamped from now on."""
    from lgnet_ros.node.camera_messages import camera_info_message, image_message, stamped_header

    start_s = time.time()
    for now_s, sample in told_film(estimator, frames):
        header = stamped_header(start_s + now_s, "camera")
        yield image_message(sample.image, header), camera_info_message(sample.intrinsics, header)


def _require_ros() -> None:
    try:
        import rclpy  # noqa: F401  (only to say it in one line when it is missing)
    except ImportError as error:
        raise UserError(
            f"ROS 2 cannot be imported ({error}); `make bench` brings one, or source a distribution"
        ) from None
