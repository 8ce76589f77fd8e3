"""A recorded bag as the camera, on the bag's clock.

ros2 launch lgnet_ros playback.launch.py bag:=my_bag image:=/camera/image_raw camera_info:=/camera/camera_info

Everything in the bag is played: one that was recorded while a hands node ran (`ros2 bag record -a`) brings
its old hands and frames along, beside the new ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessIO
from launch.events.process import ProcessExited, ProcessIO
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import SetParameter

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from lgnet_ros.node.parameter_rules import rules
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.qos import use_large_shared_memory

SHARE = get_package_share_directory("lgnet_ros")
PATIENCE_S = 60.0
TRANSPORTS = {  # where a transport's images are, and what they are
    "raw": ("", "sensor_msgs/msg/Image"),
    "compressed": ("/compressed", "sensor_msgs/msg/CompressedImage"),
}
STILL_WAITING = "the bag waits until hands_node says that it is ready; it does so once it is configured"

PASSED = (
    ("image", "image_raw", "Image topic in the bag."),
    ("image_transport", "", "Overrides the parameter image_transport; if empty, the only one in the bag."),
    ("camera_info", "camera_info", "CameraInfo topic in the bag."),
    ("depth", "depth", "Aligned depth topic in the bag, read with the parameter use_depth."),
    ("parameters", f"{SHARE}/config/hands.yaml", "Parameter file of hands_node."),
    ("estimator", "", "Overrides the parameter estimator: lgnet or landmarks."),
    ("weights", "", "Overrides the parameter weights."),
    ("device", "", "Overrides the parameter device."),
    ("stale_after", "", "Overrides the parameter stale_after (s); if empty, a slow bag_rate lengthens it."),
    ("interpreter", "", "Put before hands_node's command: the Python of the environment that holds torch."),
    ("handover", "false", "Start handover_node: does a hand offer, receive or rest?"),
    ("viewer", "false", "Start viewer_node: what RViz would show, in a browser; needs viser."),
    ("rviz", "false", "Start RViz."),
    ("fixed_frame", "camera_optical_frame", "RViz: the frame to show everything in; the images' own."),
)


def generate_launch_description() -> LaunchDescription:
    """The arguments, hands_node on the bag's clock, and the bag."""
    arguments = [
        DeclareLaunchArgument("bag", description="Folder or file of the bag."),
        DeclareLaunchArgument("bag_rate", default_value="1.0", description="Speed; 1 is as recorded."),
        *(
            DeclareLaunchArgument(name, default_value=default, description=description)
            for name, default, description in PASSED
        ),
    ]
    hands = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(f"{SHARE}/launch/hands.launch.py"),
        launch_arguments={name: LaunchConfiguration(name) for name, _, _ in PASSED}.items(),
    )
    play = ExecuteProcess(
        cmd=[
            "ros2",
            "bag",
            "play",
            LaunchConfiguration("bag"),
            "--clock",
            "--rate",
            LaunchConfiguration("bag_rate"),
            "--delay",
            "3",  # s, for the nodes to find the player's topics
            "--read-ahead-queue-size",
            "50",  # usually a thousand, which it reads while the bag's clock runs: images of seconds are lost
            "--disable-keyboard-controls",
        ],
        additional_env=_large_messages(),
        output={"stdout": "log", "stderr": "screen"},  # a progress bar would wipe out the nodes' lines
        on_exit=_ended,
    )
    check = OpaqueFunction(function=_check)
    return LaunchDescription(
        [*arguments, check, SetParameter("use_sim_time", True), *_once_ready(play), hands]
    )


def _check(context: LaunchContext) -> None:
    """Before the network is loaded, which may take a minute.

    Raises:
        RuntimeError: there is nothing to play, nothing that plays it, or no image in it.
    """
    configured = context.launch_configurations
    topic = _absolute(configured["image"], configured.get("camera_namespace", ""))
    configured["image_transport"] = _transport(Path(configured["bag"]), topic, configured["image_transport"])
    rate = _rate(configured["bag_rate"])
    if rate < 1 and not configured["stale_after"]:
        longest_s = rules(HandsParameters)["stale_after"].maximum
        configured["stale_after"] = str(min(HandsParameters().stale_after / rate, longest_s))
    try:
        get_package_prefix("ros2bag")
    except PackageNotFoundError:
        name = f"ros-{os.environ.get('ROS_DISTRO', '<distribution>')}-ros2bag"
        raise RuntimeError(f"ros2bag is missing, which plays bags: sudo apt install {name}") from None


def _absolute(topic: str, namespace: str) -> str:
    return topic if topic.startswith("/") else "/".join(("", *filter(None, (namespace.strip("/"), topic))))


def _transport(bag: Path, topic: str, asked: str) -> str:
    """The one of TRANSPORTS that is in the bag; what was asked for if both are, or if it is a single file,
    which says nothing that could be read here.
    """
    if not bag.exists():
        raise RuntimeError(f"bag:={bag}: no such bag")
    if bag.is_file():
        return asked
    try:
        said = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
        kinds = {
            t["topic_metadata"]["name"]: t["topic_metadata"]["type"]
            for t in said["topics_with_message_count"]
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        raise RuntimeError(
            f"bag:={bag}: no bag, for lack of a metadata.yaml; `ros2 bag reindex` makes one"
        ) from None
    there = [name for name, (ending, kind) in TRANSPORTS.items() if kinds.get(topic + ending) == kind]
    if not there:
        images = sorted({name.removesuffix("/compressed") for name, kind in kinds.items() if "Image" in kind})
        others = f"there are {', '.join(images)}: choose with image:=" if images else "nor any other images"
        raise RuntimeError(f"bag:={bag}: no images on {topic}; {others}")
    if asked and asked not in there:
        raise RuntimeError(f"image_transport:={asked}: the images on {topic} are {' and '.join(there)}")
    return there[0] if len(there) == 1 else asked


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise RuntimeError(f"bag_rate:={text}: must be a number above 0")
    return rate


def _ended(event: ProcessExited, context: LaunchContext) -> Shutdown:
    """With the bag everything ends.

    Raises:
        RuntimeError: the player could not play it, and has said why.
    """
    if event.returncode and not context.is_shutdown:
        raise RuntimeError(f"ros2 bag play has failed ({event.returncode})")
    return Shutdown(reason="the bag has ended")


def _once_ready(play: ExecuteProcess) -> list[LaunchDescriptionEntity]:
    """Starts the bag when hands_node says that it is ready: what is played before that is lost."""
    waiting = [play]

    def on_text(event: ProcessIO) -> list[ExecuteProcess]:
        return [waiting.pop()] if waiting and b"ready: " in event.text else []

    def on_time(_: LaunchContext) -> list[LogInfo]:
        return [LogInfo(msg=STILL_WAITING)] if waiting else []

    when_ready = RegisterEventHandler(OnProcessIO(on_stdout=on_text, on_stderr=on_text))
    return [when_ready, TimerAction(period=PATIENCE_S, actions=[OpaqueFunction(function=on_time)])]


def _large_messages() -> dict[str, str]:
    """For the player: the publisher's segment counts, and the default one loses BEST_EFFORT images."""
    environment = dict(os.environ)
    use_large_shared_memory(environment)
    return {name: value for name, value in environment.items() if name not in os.environ}
