"""The topics of hands_node and handover_node, in one place for the code that opens them and the README that
lists them.

`python -m lgnet_ros.node.topics` prints the README's tables; tests hold the README and the running nodes
against this module.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """Or a service. name: relative (REP 135), but for /tf, /tf_static and /diagnostics. type: package/Message
    or package/Service. purpose: one line.
    """

    name: str
    type: str
    purpose: str


IMAGE = Topic("image_raw", "sensor_msgs/Image", "the camera's image, as it comes: not a rectified one")
COMPRESSED = Topic(
    "image_raw/compressed", "sensor_msgs/CompressedImage", "instead, with `image_transport: compressed`"
)
CAMERA_INFO = Topic("camera_info", "sensor_msgs/CameraInfo", "the camera's calibration")
DEPTH = Topic("depth", "sensor_msgs/Image", "with `use_depth`: aligned depth, 32FC1 (m) or 16UC1 (mm)")
DETECTIONS = Topic(
    "detections", "vision_msgs/Detection2DArray", "with `detector: external`: boxes around hands"
)
HANDOVER_FEEDBACK = Topic(
    "~/handover/feedback", "visualization_msgs/InteractiveMarkerFeedback", "from RViz: which hand was clicked"
)
INPUTS = (IMAGE, COMPRESSED, CAMERA_INFO, DEPTH, DETECTIONS, HANDOVER_FEEDBACK)

HANDS = Topic("~/hands", "lgnet_ros/Hands", "everything: one message per image, empty when no hand is seen")
TF = Topic(
    "/tf", "tf2_msgs/TFMessage", "21 joints and the palm of every hand; one message per image with hands"
)
MARKERS = Topic("~/markers", "visualization_msgs/MarkerArray", "meshes and skeletons for RViz")
INTERACTION_MARKERS = Topic(
    "~/interaction_markers",
    "visualization_msgs/MarkerArray",
    "palm normal, approach, opening, keep-out volume, closest points, contacts, text",
)
OVERLAY = Topic(
    "~/overlay", "sensor_msgs/Image", "what the network saw, drawn on the image; only if subscribed"
)
PALMS = {
    side: Topic(f"~/{side}/palm", "geometry_msgs/PoseStamped", f"pose of the {side} palm, z out of the palm")
    for side in ("right", "left")
}
TWISTS = {
    side: Topic(f"~/{side}/twist", "geometry_msgs/TwistStamped", f"filtered velocity of the {side} palm")
    for side in ("right", "left")
}
MESH_TOPOLOGIES = {
    side: Topic(
        f"~/{side}/mesh_topology",
        "shape_msgs/Mesh",
        f"triangles of `Hand.vertices`, {side}; once, transient local",
    )
    for side in ("right", "left")
}
KEEPOUT = Topic(
    "~/keepout", "sensor_msgs/PointCloud2", "hands' surfaces, grown by uncertainty and by velocity × latency"
)
HANDOVER = Topic(
    "~/handover/update", "visualization_msgs/InteractiveMarkerUpdate", "for RViz: click a hand to choose it"
)
HANDOVER_TARGET = Topic(
    "~/handover/target", "geometry_msgs/PoseStamped", "where a tool waits in front of the chosen hand's palm"
)
DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/DiagnosticArray", "rates, drops, faults, timings; 1 Hz")
OUTPUTS = (
    HANDS,
    TF,
    MARKERS,
    INTERACTION_MARKERS,
    OVERLAY,
    *PALMS.values(),
    *TWISTS.values(),
    *MESH_TOPOLOGIES.values(),
    KEEPOUT,
    HANDOVER,
    HANDOVER_TARGET,
    DIAGNOSTICS,
)

HANDOVER_CLICKABLE = Topic(
    "~/handover/get_interactive_markers",
    "visualization_msgs/GetInteractiveMarkers",
    "for RViz: the hands that can be clicked, for whoever comes late",
)
SERVICES = (HANDOVER_CLICKABLE,)

HANDOVER_HANDS = Topic("hands/hands", "lgnet_ros/Hands", "what the hands node sees")
ROBOT_TF = Topic("/tf", "tf2_msgs/TFMessage", "with `robot_frame`: where the robot is")
ROBOT_TF_STATIC = Topic("/tf_static", "tf2_msgs/TFMessage", "with `robot_frame`: what of that never changes")
HANDOVER_INPUTS = (HANDOVER_HANDS, ROBOT_TF, ROBOT_TF_STATIC)

HANDOVER_STATE = Topic(
    "~/state",
    "lgnet_ros/Handover",
    "offers, receives, rests or unknown; pose to approach, covariance, age; never silent",
)
HANDOVER_MARKERS = Topic(
    "~/markers", "visualization_msgs/MarkerArray", "approach, its 95 % ellipsoid, state in words"
)
HANDOVER_OUTPUTS = (HANDOVER_STATE, HANDOVER_MARKERS)

NODES = {
    "topics": {"in": INPUTS, "out": OUTPUTS, "service": SERVICES},
    "handover_topics": {"in": HANDOVER_INPUTS, "out": HANDOVER_OUTPUTS},
}
"""What hands_node and handover_node open, by the name of its place in the README."""


def markdown_tables(node: str = "topics") -> str:
    """The README's tables of one node's topics and services."""
    lines = []
    for title, topics in NODES[node].items():
        lines += [f"| {title} | type | |", "|---|---|---|"]
        lines += [f"| `{topic.name}` | `{topic.type}` | {topic.purpose} |" for topic in topics]
        lines.append("")
    return "\n".join(lines).rstrip("\n")


if __name__ == "__main__":
    for name in NODES:
        print(f"{name}:\n{markdown_tables(name)}\n")
