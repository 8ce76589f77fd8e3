"""Every test gets a rig of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On a busy machine a topic or a service may be found later than a test waits for it. Such a wait, and
    nothing else, gets a second chance with new participants.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=2, only_rerun=r"not within|no service"))


@pytest.fixture
def rig() -> Iterator[object]:
    from ros_rig import Rig

    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def double() -> object:
    from ros_rig import PipelineDouble

    return PipelineDouble()


@pytest.fixture
def camera(rig: object) -> object:
    from ros_rig import Camera

    return Camera(rig.node)


@pytest.fixture
def hands(rig: object) -> list[object]:
    """What hands_node says of images, as it comes."""
    from lgnet_ros.msg import Hands

    return rig.listener.listen(Hands, "/hands/hands")


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> object:
    from ros_rig import NodeLog

    return NodeLog(capfd)
