"""A device that fails under the running node."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from diagnostic_msgs.msg import DiagnosticArray
from faulty_engine import cuda_error, engine_on, recovering
from ros_rig import answered, connect, hands_node_with, wait_until

from lgnet_ros.pipeline import HandsPipeline


def test_a_cuda_error_restarts_the_engine_and_the_node_goes_on(rig, monkeypatch, camera, hands):
    errors = []
    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")
    with hands_node_with(HandsPipeline(engine_on(recovering(errors)[0])), monkeypatch) as node:
        connect(node, camera)
        for failing in (False, True, False):
            errors += [cuda_error()] if failing else []
            answered(camera, hands)
        assert not errors
        wait_until(lambda: arrays and told(arrays[-1])["engine restarts"] == "1")
        assert "fault: error in the estimator" not in told(arrays[-1])


def told(array):
    return {pair.key: pair.value for status in array.status for pair in status.values}
