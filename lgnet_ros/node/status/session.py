"""One run: starts camera and node, watches, ends both, sums up."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lgnet_ros.errors import UserError
from lgnet_ros.files import make_folder
from lgnet_ros.node.qos import use_large_shared_memory
from lgnet_ros.node.running import spinning
from lgnet_ros.node.status.display import Display, make_display
from lgnet_ros.node.status.monitor import Monitor
from lgnet_ros.node.status.processes import Child, module_process, quoted, stop_all
from lgnet_ros.node.status.recorder import Recorder
from lgnet_ros.node.status.summary import as_text, summarize
from lgnet_ros.node.status.terminal import own_foreground

_LOOK_PERIOD_S = 0.1
_FIRST_RESULT_S = 180.0  # loading, warming up, and the first run's compilation on a slow machine


@dataclass(frozen=True)
class SessionSettings:
    """What to run.

    source: as camera_node's parameter; "" is the built-in scene.
    duration_s: from the first result on; None: until the source ends or someone stops it.
    out: folder for video and logs. launch: start through `ros2 launch`.
    truth: put the built-in scene's truth in the network's place.
    view_port: where to show everything in a browser; None: nowhere.
    estimator: as hands_node's parameter.
    """

    source: str = ""
    duration_s: float | None = None
    out: Path = Path("out")
    launch: bool = False
    truth: bool = False
    view_port: int | None = None
    estimator: str = "lgnet"

    @property
    def title(self) -> str:
        """What is running, in words."""
        where = "" if self.view_port is None else f"; look at it at http://127.0.0.1:{self.view_port}"
        return f"lgnet_ros: {self.source or 'built-in two-hand scene with exact truth'}{where}"


def run_session(settings: SessionSettings, as_json: bool = False) -> int:
    """Run it. Returns the exit status: 0 when it ended by time, by its source or by Ctrl-C.

    Args:
        settings: what to run.
        as_json: write the summary to standard output as JSON, and nothing else there.

    Raises:
        UserError: the source cannot be opened, or a process failed; the message is its own.
    """
    recorder = Recorder(settings.out / "overlay.mp4")
    logs = settings.out / "logs"
    make_folder(logs)
    with own_foreground(), _stop_signals() as stopped:
        use_large_shared_memory()
        children = _start(settings, logs)
        try:
            with spinning(lambda: Monitor(recorder)) as monitor:
                display = make_display(settings.title)
                try:
                    seconds = _watch(settings, monitor, children, display, stopped)
                finally:
                    display.close()
                    stop_all(children)
        finally:
            stop_all(children)
            video = recorder.close()
    if not monitor.tally.results.count and not stopped.is_set():
        raise UserError(f"no result; {monitor.last_complaint or _last_words(children)} (logs: {logs})")
    summary = summarize(monitor.tally, seconds, video, logs)
    print(json.dumps(summary, indent=2) if as_json else as_text(summary))
    return 0


def _start(settings: SessionSettings, logs: Path) -> list[Child]:
    loop = settings.duration_s is not None
    if settings.launch:
        command = ["ros2", "launch", "lgnet_ros", "hands.launch.py", "demo:=true"]
        command += [f"loop:={str(loop).lower()}", f"estimator:={settings.estimator}"]
        if settings.source:  # launch takes no empty values
            command.append(f"source:={settings.source}")
        if settings.view_port is not None:
            command += ["viewer:=true", f"viewer_port:={settings.view_port}"]
        return [Child("launch", command, logs / "launch.log")]
    source = f"source:={quoted(settings.source)}"
    camera = [source, f"loop:={str(loop).lower()}"]
    if settings.source:  # from its first image on, however long the network takes to load
        camera.append("wait_for:=hands")
    hands = "truth_node" if settings.truth else "hands_node"
    children = [
        module_process("camera_node", camera, logs),
        module_process(hands, [f"estimator:={settings.estimator}"], logs),
    ]
    if settings.view_port is not None:
        children.append(module_process("viewer_node", [f"port:={settings.view_port}"], logs))
    return children


def free_port(wanted: int) -> int:
    """That port, or another one if it is taken on this machine."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _watch(
    settings: SessionSettings,
    monitor: Monitor,
    children: list[Child],
    display: Display,
    stopped: threading.Event,
) -> float:
    """Show the state until the run is over. Returns the seconds since the first result."""
    began, first = time.monotonic(), None
    while not stopped.wait(_LOOK_PERIOD_S):
        now = time.monotonic()
        if first is None and monitor.tally.results.count:
            first = now
        elapsed = 0.0 if first is None else now - first
        display.show(monitor.tally.snapshot(now), elapsed, monitor.complaint)
        if first is None and monitor.failure:
            raise UserError(monitor.failure)
        if _source_has_ended(children) or (
            settings.duration_s is not None and elapsed >= settings.duration_s
        ):
            break
        if first is None and now - began > _FIRST_RESULT_S:
            raise UserError(
                f"no result after {_FIRST_RESULT_S:.0f} s; {monitor.last_complaint or _last_words(children)}"
            )
    return 0.0 if first is None else time.monotonic() - first


def _source_has_ended(children: list[Child]) -> bool:
    """Whether the camera has come to its end.

    Raises:
        UserError: a process has failed.
    """
    failed = next((child for child in children if child.failed), None)
    if failed is not None:
        raise UserError(f"{failed.last_words()} (log: {failed.log})")
    return any(child.status is not None for child in children)


def _last_words(children: list[Child]) -> str:
    return "; ".join(child.last_words() for child in children)


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Inside, SIGINT, SIGTERM and SIGHUP set the event instead of ending the process."""
    stopped = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in numbers}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
