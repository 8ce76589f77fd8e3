"""When hands hold no longer: stamps of other times, a camera that stops or loses its calibration."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from ros_rig import answered, connect, hands_node_with, wait_for_listeners, wait_until
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import Marker, MarkerArray

from lgnet_ros.node.faults import FaultKind


def standing(arrays):
    """Namespaces and numbers of the markers that RViz shows after these arrays."""
    shown = set()
    for marker in (marker for array in arrays for marker in array.markers):
        if marker.action == Marker.DELETEALL:
            shown.clear()
        elif marker.action == Marker.DELETE:
            shown.discard((marker.ns, marker.id))
        else:
            shown.add((marker.ns, marker.id))
    return shown


def test_what_stands_in_metres_goes_with_the_calibration(rig, double, monkeypatch, camera, hands):
    interaction = rig.listener.listen(MarkerArray, "/hands/interaction_markers")
    with hands_node_with(double, monkeypatch, assumed_horizontal_fov=90.0, stale_after=60.0) as node:
        connect(node, camera)
        wait_for_listeners(node._outputs._interaction)
        answered(camera, hands)
        wait_until(lambda: standing(interaction))

        def gone():
            camera.count += 1
            info = camera.info()
            info.k = [0.0] * 9
            camera.infos.publish(info)
            camera.images.publish(camera.image())
            time.sleep(0.03)
            return not standing(interaction)

        wait_until(gone)
        assert not hands[-1].calibrated and len(hands[-1].hands) == 2


def test_diagnostics_go_on_when_simulated_time_stands_still(rig, double, monkeypatch):
    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")
    with hands_node_with(double, monkeypatch, use_sim_time=True):
        wait_until(lambda: len(arrays) >= 3)


def test_stamps_that_jump_back_are_named_and_followed(double, monkeypatch, camera, hands, log):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        camera.count = 3000
        answered(camera, hands)
        camera.count = 0
        assert answered(camera, hands).header.stamp.sec == camera.start_s
        wait_until(lambda: log.lines_with(FaultKind.STAMP_BACKWARD.value))


def test_two_images_of_one_stamp_are_answered_and_named(double, monkeypatch, camera, hands, log):
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        stamp = answered(camera, hands).header.stamp
        camera.count -= 1
        camera.shoot()
        wait_until(lambda: [m.header.stamp for m in hands].count(stamp) == 2)
        wait_until(lambda: log.lines_with("no time has gone by"))


@pytest.mark.parametrize(("ahead_s", "words"), [(5, "s ahead of this node"), (-3600, "s old on arrival")])
def test_stamps_of_another_clock_are_named_and_give_no_keepout(
    rig, double, monkeypatch, camera, hands, log, ahead_s, words
):
    clouds = rig.listener.listen(PointCloud2, "/hands/keepout")
    markers = rig.listener.listen(MarkerArray, "/hands/interaction_markers")
    with hands_node_with(double, monkeypatch) as node:
        connect(node, camera)
        wait_for_listeners(node._outputs._keepout, node._outputs._interaction)
        camera.count = 30 * (2 + ahead_s)
        assert len(answered(camera, hands).hands) == 2
        wait_until(lambda: log.lines_with(words))
        names = {m.ns for m in wait_until(lambda: [a for a in markers if len(a.markers) > 2])[-1].markers}
        assert "right_normal" in names and "right_keepout" not in names
        assert FaultKind.CLOCK in node._faults.counts() and not clouds


def test_camera_that_stops_clears_rviz_goes_stale_and_may_return(rig, double, monkeypatch, camera, hands):
    arrays = rig.listener.listen(DiagnosticArray, "/diagnostics")
    markers = rig.listener.listen(MarkerArray, "/hands/markers")
    interaction = rig.listener.listen(MarkerArray, "/hands/interaction_markers")
    with hands_node_with(double, monkeypatch, stale_after=0.3) as node:
        connect(node, camera)
        wait_for_listeners(node._outputs._markers, node._outputs._interaction)
        answered(camera, hands)
        before = double.resets
        wait_until(lambda: markers and [m.action for m in markers[-1].markers] == [Marker.DELETE] * 6)
        wait_until(lambda: any(map(standing, zip(interaction))) and not standing(interaction))
        wait_until(lambda: double.resets == before + 1)  # nor are the hands followed on when images return
        count, resets = len(hands), double.resets
        wait_until(lambda: arrays and "no image on /image_raw for" in arrays[-1].status[0].message)
        assert arrays[-1].status[0].level == DiagnosticStatus.STALE
        assert (len(hands), double.resets) == (count, resets)  # silence, not the last pose
        answered(camera, hands)
        assert len(hands[-1].hands) == 2


def test_images_that_are_all_unusable_are_as_good_as_none(rig, double, monkeypatch, camera, hands):
    markers = rig.listener.listen(MarkerArray, "/hands/markers")
    with hands_node_with(double, monkeypatch, stale_after=0.3) as node:
        connect(node, camera)
        wait_for_listeners(node._outputs._markers)
        answered(camera, hands)
        double.error = RuntimeError("no")

        def retracted():
            camera.shoot()
            time.sleep(0.05)
            return markers and [m.action for m in markers[-1].markers] == [Marker.DELETE] * 6

        wait_until(retracted)
        double.error = None
        answered(camera, hands)
