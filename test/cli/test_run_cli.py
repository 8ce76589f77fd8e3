"""`lgnet run`: what it refuses before anything is started."""

from __future__ import annotations

import importlib.util

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from lgnet_ros.cli.main import main


def test_view_without_viser_is_one_line_that_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["run", "--view"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == ["lgnet: --view: needs viser: `make run VIEW=1` brings it, or pip install viser"]


def test_truth_is_known_of_the_built_in_scene_only(capsys):
    assert main(["run", "--truth", "--source", "film.mp4"]) == 2
    assert "only the built-in scene knows its truth" in capsys.readouterr().err


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
