"""A recorded bag as the camera, on the bag's clock.

ros2 launch lgnet_ros playback.launch.py bag:=my_bag image:=/camera/image_raw camera_info:=/camera/camera_info
"""

from __future__ import annotations

import os

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
from launch.events.process import ProcessIO
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import SetParameter

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from lgnet_ros.node.qos import use_large_shared_memory

SHARE = get_package_share_directory("lgnet_ros")
PATIENCE_S = 60.0
STILL_WAITING = "the bag waits until hands_node says that it is ready; it does so once it is configured"

PASSED = (
    ("image", "image_raw", "Image topic in the bag."),
    ("camera_info", "camera_info", "CameraInfo topic in the bag."),
    ("depth", "depth", "Aligned depth topic in the bag, read with the parameter use_depth."),
    ("parameters", f"{SHARE}/config/hands.yaml", "Parameter file of hands_node."),
    ("estimator", "", "Overrides the parameter estimator: lgnet or landmarks."),
    ("weights", "", "Overrides the parameter weights."),
    ("device", "", "Overrides the parameter device."),
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
        ],
        additional_env=_large_messages(),
        output="screen",
        on_exit=Shutdown(reason="the bag has ended"),
    )
    check = OpaqueFunction(function=_check)
    return LaunchDescription(
        [*arguments, check, SetParameter("use_sim_time", True), *_once_ready(play), hands]
    )


def _check(context: LaunchContext) -> None:
    """Before the network is loaded, which may take a minute.

    Raises:
        RuntimeError: there is nothing to play, or nothing that plays it.
    """
    bag = LaunchConfiguration("bag").perform(context)
    if not os.path.exists(bag):
        raise RuntimeError(f"bag:={bag}: no such bag")
    try:
        get_package_prefix("ros2bag")
    except PackageNotFoundError:
        name = f"ros-{os.environ.get('ROS_DISTRO', '<distribution>')}-ros2bag"
        raise RuntimeError(f"ros2bag is missing, which plays bags: sudo apt install {name}") from None


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
