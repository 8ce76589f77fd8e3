"""`lgnet run`: the whole at work. `make run` is this command in the environment that it needs."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
from pathlib import Path

from lgnet_ros.errors import UserError
from lgnet_ros.landmarks.mediapipe_hands import require_mediapipe
from lgnet_ros.landmarks.names import ESTIMATORS, LANDMARKS, LGNET

HELP = "Start a camera and the hands node, show what they do, and write an overlay video. Ctrl-C ends it."

_VIEW_PORT = 8080


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Source, length, and where results go."""
    parser.add_argument(
        "--source",
        default="",
        help="webcam number or device, video file, or folder of images (default: the built-in scene)",
    )
    parser.add_argument(
        "--duration", type=_seconds, metavar="SECONDS", help="stop so long after the first result"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out"), help="folder for video and logs (default: out)"
    )
    parser.add_argument("--launch", action="store_true", help="through ros2 launch, where ROS is installed")
    parser.add_argument("--estimator", choices=ESTIMATORS, default=LGNET, help="default: %(default)s")
    parser.add_argument(
        "--view", action="store_true", help="show everything in a browser; needs viser (make run VIEW=1)"
    )
    parser.add_argument(
        "--truth", action="store_true",
        help="put the built-in scene's truth in the network's place: shows the interface without weights",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="write the summary as JSON, and nothing else")


def run(args: argparse.Namespace) -> int:
    """Run a session. Returns its exit status."""
    try:
        import rclpy  # noqa: F401  (only to say it in one line when it is missing)
    except ImportError as error:
        raise UserError(
            f"run: ROS 2 cannot be imported ({error}); `make run` brings one, or source a distribution"
        ) from None
    if args.view and importlib.util.find_spec("viser") is None:
        raise UserError("--view: needs viser: `make run VIEW=1` brings it, or pip install viser")
    if args.estimator == LANDMARKS:
        require_mediapipe()
    if args.truth and (args.source or args.launch):
        raise UserError("--truth: only the built-in scene knows its truth, and not through ros2 launch")
    from lgnet_ros.node.camera_sources import check_source
    from lgnet_ros.node.status.session import SessionSettings, free_port, run_session

    if args.source:
        check_source(args.source)  # in a second; the nodes would say it after all that they import
    port = free_port(_VIEW_PORT) if args.view else None
    settings = SessionSettings(
        args.source, args.duration, args.out, args.launch, args.truth, port, args.estimator
    )
    return run_session(settings, as_json=args.json)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above zero")
