"""One camera: hands_node, and if wanted RViz and the demo camera.

ros2 launch lgnet_ros hands.launch.py demo:=true rviz:=true
ros2 launch lgnet_ros hands.launch.py camera_namespace:=camera image:=color/image_raw \\
    camera_info:=color/camera_info
"""

from __future__ import annotations

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
    ("depth", "depth", "Aligned depth topic, read with the parameter use_depth."),
    ("detections", "detections", "Detections topic, read with the parameter detector: external."),
    ("parameters", f"{SHARE}/config/hands.yaml", "Parameter file of hands_node."),
    ("estimator", "", "Overrides the parameter estimator: lgnet or landmarks."),
    ("weights", "", "Overrides the parameter weights: a variant (nano, light, full) or a .safetensors file."),
    ("device", "", "Overrides the parameter device: auto, cpu or cuda."),
    ("frame_prefix", "", "Overrides the parameter frame_prefix; give each camera its own."),
    ("interpreter", "", "Put before the nodes' commands: the Python of the environment that holds torch."),
    ("demo", "false", "Start camera_node as the camera."),
    ("source", "", "demo: webcam, video file or folder of images; empty: the built-in two-hand scene."),
    ("rate", "0.0", "demo: images a second; 0: as the source says, else 30."),
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
OVERRIDES = ("estimator", "weights", "device", "frame_prefix")


def generate_launch_description() -> LaunchDescription:
    """The arguments, and what they start."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in ARGUMENTS
    ]
    started = [OpaqueFunction(function=hands), camera(), handover(), viewer(), rviz()]
    return LaunchDescription([*arguments, *started])


def hands(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """hands_node; arguments that are left empty leave the parameter file its say."""
    arguments = {name: LaunchConfiguration(name).perform(context) for name in OVERRIDES}
    given = {name: value for name, value in arguments.items() if value}
    node = Node(
        package="lgnet_ros",
        executable="hands_node",
        name="hands",
        namespace=LaunchConfiguration("camera_namespace"),
        parameters=[LaunchConfiguration("parameters"), given],
        remappings=[
            ("image_raw", LaunchConfiguration("image")),
            ("image_raw/compressed", [LaunchConfiguration("image"), "/compressed"]),
            ("camera_info", LaunchConfiguration("camera_info")),
            ("depth", LaunchConfiguration("depth")),
            ("detections", LaunchConfiguration("detections")),
        ],
        prefix=LaunchConfiguration("interpreter"),
        output="screen",
        emulate_tty=True,
    )
    return [node]


def camera() -> Node:
    """The demo camera."""
    return Node(
        package="lgnet_ros",
        executable="camera_node",
        name="camera",
        namespace=LaunchConfiguration("camera_namespace"),
        parameters=[
            {
                "source": ParameterValue(LaunchConfiguration("source"), value_type=str),  # "0" is a webcam
                "rate": ParameterValue(LaunchConfiguration("rate"), value_type=float),
                "loop": ParameterValue(LaunchConfiguration("loop"), value_type=bool),
            }
        ],
        remappings=[
            ("image_raw", LaunchConfiguration("image")),
            ("camera_info", LaunchConfiguration("camera_info")),
            ("depth", LaunchConfiguration("depth")),
        ],
        prefix=LaunchConfiguration("interpreter"),
        output="screen",
        emulate_tty=True,
        # A device that is not there, or the end of a video, ends the demonstration.
        on_exit=Shutdown(reason="the demo camera has ended"),
        condition=IfCondition(LaunchConfiguration("demo")),
    )


def handover() -> Node:
    """What a hand means to the robot."""
    return Node(
        package="lgnet_ros",
        executable="handover_node",
        name="handover",
        namespace=LaunchConfiguration("camera_namespace"),
        parameters=[LaunchConfiguration("handover_parameters")],
        prefix=LaunchConfiguration("interpreter"),
        output="screen",
        emulate_tty=True,
        condition=IfCondition(LaunchConfiguration("handover")),
    )


def viewer() -> Node:
    """The view in a browser."""
    return Node(
        package="lgnet_ros",
        executable="viewer_node",
        name="viewer",
        namespace=LaunchConfiguration("camera_namespace"),
        parameters=[{"port": ParameterValue(LaunchConfiguration("viewer_port"), value_type=int)}],
        prefix=LaunchConfiguration("interpreter"),
        output="screen",
        emulate_tty=True,
        condition=IfCondition(LaunchConfiguration("viewer")),
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
