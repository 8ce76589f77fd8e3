"""One camera: hands_node, and if wanted RViz and the demo camera.

ros2 launch lgnet_ros hands.launch.py demo:=true rviz:=true
ros2 launch lgnet_ros hands.launch.py camera_namespace:=camera image:=color/image_raw \\
    camera_info:=color/camera_info
"""

from __future__ import annotations

from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

SHARE = get_package_share_directory("lgnet_ros")

ARGUMENTS = (
    ("camera_namespace", "", "Namespace of the node and of the topics that it subscribes to."),
    ("image", "image_raw", "Image topic, relative to camera_namespace (or absolute)."),
    ("camera_info", "camera_info", "CameraInfo topic, relative to camera_namespace."),
    ("image_transport", "", "Overrides the parameter image_transport: raw or compressed (IMAGE/compressed)."),
    ("depth", "depth", "Aligned depth topic, read with the parameter use_depth."),
    ("detections", "detections", "Detections topic, read with the parameter detector: external."),
    ("parameters", f"{SHARE}/config/hands.yaml", "Parameter file of hands_node."),
    ("estimator", "", "Overrides the parameter estimator: lgnet or landmarks."),
    ("weights", "", "Overrides the parameter weights: a variant (nano, light, full) or a .safetensors file."),
    ("device", "", "Overrides the parameter device: auto, cpu or cuda."),
    ("frame_prefix", "", "Overrides the parameter frame_prefix; give each camera its own."),
    ("stale_after", "", "Overrides the parameter stale_after: without an image for so long, no camera (s)."),
    ("interpreter", "", "Put before the nodes' commands: the Python of the environment that holds torch."),
    ("demo", "false", "Start camera_node as the camera."),
    ("source", "", "demo: webcam, video file or folder of images; empty: the built-in two-hand scene."),
    ("rate", "0.0", "demo: images a second; 0: as the source says, else 30."),
    ("frame_id", "camera_optical_frame", "demo: the frame of its images."),
    ("loop", "true", "demo: begin again at the end of a video or folder; false: end with it."),
    ("handover", "false", "Start handover_node: does a hand offer, receive or rest?"),
    ("handover_parameters", f"{SHARE}/config/handover.yaml", "Parameter file of handover_node."),
    ("viewer", "false", "Start viewer_node: what RViz would show, in a browser; needs viser."),
    ("viewer_port", "8080", "viewer: the port that it serves at, on this machine."),
    ("rviz", "false", "Start RViz."),
    ("fixed_frame", "camera_optical_frame", "RViz: the frame to show everything in; the images' own."),
)
SHOWN = (
    "hands/overlay",
    "hands/markers",
    "hands/interaction_markers",
    "hands/keepout",
    "hands/handover/update",
    "hands/handover/feedback",
    "hands/handover/get_interactive_markers",
    "hands/handover/target",
    "handover/markers",
)
OVERRIDES = {
    "image_transport": str,
    "estimator": str,
    "weights": str,
    "device": str,
    "frame_prefix": str,
    "stale_after": float,
}


def generate_launch_description() -> LaunchDescription:
    """The arguments, and what they start."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in ARGUMENTS
    ]
    # RViz first: where it is not installed nothing has been started yet, and nothing is left behind.
    started = [rviz(), OpaqueFunction(function=hands), camera(), handover(), viewer()]
    return LaunchDescription([*arguments, *started])


def hands(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """hands_node; arguments that are left empty leave the parameter file its say."""
    arguments = {name: LaunchConfiguration(name).perform(context) for name in OVERRIDES}
    given = {name: OVERRIDES[name](value) for name, value in arguments.items() if value}
    remappings = [
        *camera_topics(),
        ("image_raw/compressed", [LaunchConfiguration("image"), "/compressed"]),
        ("detections", LaunchConfiguration("detections")),
    ]
    return [node("hands", parameters=[LaunchConfiguration("parameters"), given], remappings=remappings)]


def camera() -> Node:
    """The demo camera."""
    values = {
        "source": ParameterValue(LaunchConfiguration("source"), value_type=str),  # "0" is a webcam
        "rate": ParameterValue(LaunchConfiguration("rate"), value_type=float),
        "frame_id": ParameterValue(LaunchConfiguration("frame_id"), value_type=str),
        "loop": ParameterValue(LaunchConfiguration("loop"), value_type=bool),
        "wait_for": "hands",  # a file is played from its first image on, however long hands_node loads
    }
    return node(
        "camera",
        parameters=[values],
        remappings=camera_topics(),
        # A device that is not there, or the end of a video, ends the demonstration.
        on_exit=Shutdown(reason="the demo camera has ended"),
        condition=IfCondition(LaunchConfiguration("demo")),
    )


def handover() -> Node:
    """What a hand means to the robot."""
    return node(
        "handover",
        parameters=[LaunchConfiguration("handover_parameters")],
        condition=IfCondition(LaunchConfiguration("handover")),
    )


def viewer() -> Node:
    """The view in a browser."""
    port = ParameterValue(LaunchConfiguration("viewer_port"), value_type=int)
    return node("viewer", parameters=[{"port": port}], condition=IfCondition(LaunchConfiguration("viewer")))


def camera_topics() -> list[tuple[str, LaunchConfiguration]]:
    """What the camera publishes, under the names that the arguments give."""
    names = (("image_raw", "image"), ("camera_info", "camera_info"), ("depth", "depth"))
    return [(name, LaunchConfiguration(argument)) for name, argument in names]


def node(name: str, **more: Any) -> Node:
    """One of this package's nodes, in the camera's namespace."""
    return Node(
        package="lgnet_ros",
        executable=f"{name}_node",
        name=name,
        namespace=LaunchConfiguration("camera_namespace"),
        prefix=LaunchConfiguration("interpreter"),
        output="screen",
        emulate_tty=True,
        **more,
    )


def rviz() -> Node:
    """RViz with everything that hands_node and handover_node show."""
    namespace = LaunchConfiguration("camera_namespace")
    return Node(
        package="rviz2",
        executable="rviz2",
        remappings=[(f"/{topic}", [namespace, f"/{topic}"]) for topic in SHOWN],
        arguments=["-d", f"{SHARE}/config/hands.rviz", "-f", LaunchConfiguration("fixed_frame")],
        output="log",
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
