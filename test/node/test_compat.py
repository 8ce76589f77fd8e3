"""Whatever stands in does what the real package does, which is tested, too, where it is installed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header

from lgnet_ros.errors import UserError
from lgnet_ros.node import compat


@pytest.fixture(params=["real", "stand-in"])
def either(request, monkeypatch):
    """Chooses, for one package, the real one (skipped where it is missing) or what stands in."""

    def choose(package):
        if request.param == "stand-in":
            monkeypatch.setitem(compat._modules, package, None)
        elif compat._modules[package] is None:
            pytest.skip(f"{package} is not installed")

    return choose


def stamped(seconds, label=None):
    message = Image()
    message.header.stamp.sec, message.header.stamp.nanosec = int(seconds), round(seconds % 1 * 1e9)
    message.encoding = label or f"{seconds}"
    return message


@pytest.fixture
def pairs(either):
    either("message_filters")
    found = []
    first, second = compat.synchronizer(0.02, lambda a, b: found.append((a.encoding, b.encoding)))
    return first.signalMessage, second.signalMessage, found


def test_pairs_of_one_stamp_are_found_in_either_order(pairs):
    first, second, found = pairs
    for seconds in (1.0, 2.0):
        first(stamped(seconds))
        second(stamped(seconds))
    second(stamped(3.0))
    first(stamped(3.0))
    assert found == [("1.0", "1.0"), ("2.0", "2.0"), ("3.0", "3.0")]


def test_pairs_may_differ_by_less_than_the_tolerance(pairs):
    first, second, found = pairs
    first(stamped(1.0))
    second(stamped(1.015))
    first(stamped(2.0))
    second(stamped(2.03))
    assert found == [("1.0", "1.015")]


def test_nearest_of_several_is_taken(pairs):
    first, second, found = pairs
    for seconds in (1.0, 1.012):
        second(stamped(seconds))
    first(stamped(1.01))
    assert found == [("1.01", "1.012")]


def test_message_is_used_once(pairs):
    first, second, found = pairs
    first(stamped(1.0))
    second(stamped(1.0, "a"))
    second(stamped(1.0, "b"))
    assert found == [("1.0", "a")]


def test_waiting_messages_do_not_pile_up(pairs):
    first, second, found = pairs
    for seconds in range(100):
        first(stamped(float(seconds)))
    second(stamped(0.0))
    assert found == []
    second(stamped(99.0))
    assert found == [("99.0", "99.0")]


@pytest.mark.parametrize("count", [0, 1, 778])
def test_point_cloud_can_be_read_back(either, rng, count):
    either("sensor_msgs_py")
    points = rng.normal(size=(count, 3)).astype(np.float32)
    cloud = compat.point_cloud(Header(frame_id="camera"), points)
    assert isinstance(cloud, PointCloud2) and cloud.header.frame_id == "camera"
    assert (cloud.height * cloud.width, cloud.point_step, cloud.row_step) == (count, 12, 12 * count)
    assert [(field.name, field.offset, field.datatype) for field in cloud.fields] == [
        ("x", 0, 7),
        ("y", 4, 7),
        ("z", 8, 7),
    ]
    np.testing.assert_array_equal(np.frombuffer(cloud.data, np.float32).reshape(-1, 3), points)


@pytest.mark.parametrize(
    ("rpy", "xyzw"),
    [
        ((0, 0, 0), (0, 0, 0, 1)),
        ((np.pi / 2, 0, 0), (np.sqrt(0.5), 0, 0, np.sqrt(0.5))),
        ((0, np.pi / 2, 0), (0, np.sqrt(0.5), 0, np.sqrt(0.5))),
        ((np.pi / 2, 0, np.pi / 2), (0.5, 0.5, 0.5, 0.5)),  # roll first, then yaw, about fixed axes
    ],
)
def test_roll_pitch_yaw_turn_about_fixed_axes(either, rpy, xyzw):
    either("tf_transformations")
    np.testing.assert_allclose(compat.quaternion_from_rpy(*rpy), xyzw, atol=1e-12)


def test_diagnostic_status_takes_levels_and_values():
    status = compat._Status(name="node: task")
    status.summary(DiagnosticStatus.WARN, "careful")
    status.add("rate", "30.0")
    assert (status.level, status.message) == (DiagnosticStatus.WARN, "careful")
    assert [(value.key, value.value) for value in status.values] == [("rate", "30.0")]


def test_cv_bridge_decodes_bayer_as_opencv_does(rng):
    decode = compat.cv_bridge_decoder()
    if decode is None:
        pytest.skip("cv_bridge is not installed")
    from lgnet_ros.node.images import decode_image

    image = Image(width=16, height=16, step=16, encoding="bayer_rggb8")
    image.data = rng.integers(0, 256, 256, dtype=np.uint8).tobytes()
    np.testing.assert_array_equal(decode(image), decode_image(image))


def test_line_at_the_start_names_what_is_missing_and_how_to_get_it(monkeypatch):
    monkeypatch.setattr(compat, "_modules", {"tf2_ros": None, "cv_bridge": SimpleNamespace()})
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    line = compat.startup_line()
    assert "tf2_ros" in line and "sudo apt install ros-jazzy-tf2-ros-py" in line and "cv-bridge" not in line
    monkeypatch.delenv("ROS_DISTRO")
    assert "source a ROS 2 distribution" in compat.startup_line()
    monkeypatch.setattr(compat, "_modules", {"tf2_ros": SimpleNamespace()})
    assert compat.startup_line() == "uses tf2_ros"


def test_detections_without_vision_msgs_are_refused_with_the_command(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(compat.importlib, "import_module", missing)
    monkeypatch.setenv("ROS_DISTRO", "humble")
    with pytest.raises(UserError, match="sudo apt install ros-humble-vision-msgs"):
        compat.detections_type()
