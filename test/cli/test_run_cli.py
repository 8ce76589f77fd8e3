"""`lgnet run`: what it refuses before anything is started."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lgnet_ros.cli.main import main

ROOT = Path(__file__).parents[2]


def test_view_without_viser_is_one_line_that_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["run", "--view"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == ["lgnet: --view: needs viser: `make run VIEW=1` brings it, or pip install viser"]


def test_truth_is_known_of_the_built_in_scene_only(capsys):
    assert main(["run", "--truth", "--source", "film.mp4"]) == 2
    assert "only the built-in scene knows its truth" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("arguments", "distribution", "launched"),
    [("", "", False), ("", "jazzy", True), ("--truth", "", False), ("--truth", "jazzy", False)],
)
def test_make_run_goes_by_launch_where_ros_is_sourced_but_for_the_truth(
    arguments, distribution, launched, monkeypatch
):
    started = []
    monkeypatch.setattr(
        "lgnet_ros.node.status.session.run_session", lambda settings, **_: started.append(settings) or 0
    )
    environment = {"PATH": os.environ["PATH"], "ROS_DISTRO": distribution}
    make = ["make", "--dry-run", "run", f"ARGS={arguments}"]
    told = subprocess.check_output(make, cwd=ROOT, env=environment, text=True)
    command = shlex.split(told.replace("\\\n", " "))
    assert main(command[command.index("run") :]) == 0
    assert [(settings.truth, settings.launch) for settings in started] == [(bool(arguments), launched)]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("nowhere.mp4", "source 'nowhere.mp4': no such device, file or folder"),
        ("/dev/video_nowhere", "no camera at /dev/video_nowhere"),
        (__file__, "cannot be read as a video"),
    ],
)
def test_a_source_that_is_none_is_named_before_anything_starts(source, reason, monkeypatch, capsys):
    monkeypatch.setattr("lgnet_ros.node.status.session.run_session", lambda *_, **__: pytest.fail("started"))
    assert main(["run", "--source", source]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert reason in said


@pytest.mark.parametrize("text", ["abc", "0", "inf"])
def test_a_duration_that_is_none_is_named(text, capsys):
    with pytest.raises(SystemExit):
        main(["run", "--duration", text])
    assert f"{text} is not a number of seconds above zero" in capsys.readouterr().err


def test_taken_port_is_replaced_by_a_free_one():
    import socket

    from lgnet_ros.node.status.session import free_port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        other = free_port(wanted)
        assert other != wanted and other > 0
    assert free_port(other) == other
