"""Several cameras, each with a hands_node of its own: one namespace and one frame prefix per camera.

ros2 launch lgnet_ros multi_camera.launch.py cameras:=left_camera,right_camera image:=image_raw
"""

from __future__ import annotations

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

SHARE = get_package_share_directory("lgnet_ros")

ARGUMENTS = (
    ("cameras", "camera1,camera2", "Namespaces of the cameras, separated by commas."),
    ("image", "image_raw", "Image topic, relative to each camera's namespace."),
    ("camera_info", "camera_info", "CameraInfo topic, relative to each camera's namespace."),
    ("parameters", f"{SHARE}/config/hands.yaml", "Parameter file of every hands_node."),
    ("estimator", "", "Overrides the parameter estimator: lgnet or landmarks."),
    ("weights", "", "Overrides the parameter weights."),
    ("device", "", "Overrides the parameter device."),
    ("interpreter", "", "Put before the nodes' commands: the Python of the environment that holds torch."),
    ("demo", "false", "Start a camera_node in each namespace."),
)


def generate_launch_description() -> LaunchDescription:
    """The arguments, and what they start."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in ARGUMENTS
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=cameras)])


def cameras(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """One inclusion of hands.launch.py for each camera; frames are named after the namespace."""
    names = [name.strip() for name in LaunchConfiguration("cameras").perform(context).split(",")]
    passed = [name for name, _, _ in ARGUMENTS if name != "cameras"]
    prefixes = {name: f"{name.strip('/').replace('/', '_')}_" for name in names if name}
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(f"{SHARE}/launch/hands.launch.py"),
            launch_arguments={
                **{argument: LaunchConfiguration(argument) for argument in passed},
                "camera_namespace": name,
                "frame_prefix": prefix,
                "frame_id": f"{prefix}camera_optical_frame",
            }.items(),
        )
        for name, prefix in prefixes.items()
    ]
