"""`lgnet run`: the whole at work. `make run` is this command in the environment that it needs."""

from __future__ import annotations

import argparse
from pathlib import Path

from lgnet_ros.errors import UserError

HELP = "Start a camera and the hands node, show what they do, and write an overlay video. Ctrl-C ends it."


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
    parser.add_argument("--json", action="store_true", help="write the summary as JSON, and nothing else")


def run(args: argparse.Namespace) -> int:
    """Run a session. Returns its exit status."""
    try:
        import rclpy  # noqa: F401  (only to say it in one line when it is missing)
    except ImportError as error:
        raise UserError(
            f"run: ROS 2 cannot be imported ({error}); `make run` brings one, or source a distribution"
        ) from None
    from lgnet_ros.node.status.session import SessionSettings, run_session

    return run_session(SessionSettings(args.source, args.duration, args.out, args.launch), as_json=args.json)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above zero")
    return seconds
