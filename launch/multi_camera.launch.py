"""Several cameras, each with nodes of its own: one namespace and one frame prefix per camera.

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
    ("image_transport", "", "Overrides the parameter image_transport: raw or compressed."),
    ("depth", "depth", "Aligned depth topic, relative to each camera's namespace."),
    ("detections", "detections", "Detections topic, relative to each camera's namespace."),
    ("parameters", f"{SHARE}/config/hands.yaml", "Parameter file of every hands_node."),
    ("estimator", "", "Overrides the parameter estimator: lgnet or landmarks."),
    ("weights", "", "Overrides the parameter weights."),
    ("device", "", "Overrides the parameter device."),
    ("stale_after", "", "Overrides the parameter stale_after (s); each camera stops by itself."),
    ("interpreter", "", "Put before the nodes' commands: the Python of the environment that holds torch."),
    ("demo", "false", "Start a camera_node in each namespace."),
    ("rate", "0.0", "demo: images a second of each camera; 0: 30."),
    ("handover", "false", "Start a handover_node in each namespace, for what that camera sees."),
    ("handover_parameters", f"{SHARE}/config/handover.yaml", "Parameter file of every handover_node."),
    ("viewer", "false", "Start a viewer_node in each namespace: a page per camera; needs viser."),
    ("viewer_port", "8080", "viewer: the port of the first camera's page; those of the others follow."),
    ("rviz", "false", "Start RViz, a window per camera."),
    ("fixed_frame", "", "RViz: the frame to show everything in; if empty, NAMESPACE_camera_optical_frame."),
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
    given = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    names = [name.strip() for name in given.pop("cameras").split(",")]
    prefixes = {name: f"{name.strip('/').replace('/', '_')}_" for name in names if name}
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(f"{SHARE}/launch/hands.launch.py"),
            launch_arguments={
                **given,
                "camera_namespace": name,
                "frame_prefix": prefix,
                "frame_id": f"{prefix}camera_optical_frame",
                "fixed_frame": given["fixed_frame"] or f"{prefix}camera_optical_frame",
                "viewer_port": str(int(given["viewer_port"]) + number),
            }.items(),
        )
        for number, (name, prefix) in enumerate(prefixes.items())
    ]
