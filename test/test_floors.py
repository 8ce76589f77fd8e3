"""The floors of the package: a module imports only from its own floor and from those below."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "lgnet_ros"

FLOORS = {
    "errors": 0, "paths": 0, "files": 0, "foreign": 0, "interrupts": 0, "jit": 0, "lazy": 0, "media": 0,
    "geometry": 1, "hand_model": 1, "network": 1, "interaction": 1,
    "inference": 2, "pipeline": 2, "landmarks": 2,
    "data": 3, "training": 3, "evaluation": 3,
    "node": 4, "cli": 4, "msg": 4,
}  # fmt: skip
LEARNING = {"data", "training", "evaluation"}
# The demo camera renders its scene, and tells its truth.
NODE_MODULES_THAT_MAY_LEARN = {
    "node/synthetic_source.py", "node/truth.py", "node/camera_sources.py", "node/truth_node.py",
}  # fmt: skip
# The landmark fit is of the ground floor, though its folder is not.
FIT_MODULES = ("articulation", "fit", "kinematics", "prior", "sight", "solver", "start")
ROS_PACKAGES = {
    "ament_index_python", "builtin_interfaces", "cv_bridge", "diagnostic_msgs", "diagnostic_updater",
    "geometry_msgs", "interactive_markers", "launch", "launch_ros", "lifecycle_msgs", "message_filters",
    "rcl_interfaces", "rclpy", "sensor_msgs", "sensor_msgs_py", "shape_msgs", "std_msgs", "std_srvs",
    "tf2_msgs", "tf2_ros", "tf_transformations", "vision_msgs", "visualization_msgs",
}  # fmt: skip

MODULES = sorted(PACKAGE.rglob("*.py"))


def floor_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imported_modules(path: Path) -> Iterator[str]:
    """Dotted names of everything that the file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write it out, so that floors can be read off"
            assert node.module is not None
            yield node.module
            if node.module == "lgnet_ros":
                yield from (f"lgnet_ros.{alias.name}" for alias in node.names)


def imported_floors(path: Path) -> set[str]:
    names = (name.split(".") for name in imported_modules(path))
    return {parts[1] for parts in names if parts[0] == "lgnet_ros" and len(parts) > 1}


def test_every_folder_of_the_package_has_a_floor() -> None:
    assert {floor_name(path) for path in MODULES} - {"__init__"} <= set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_floor_and_below(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        assert not imported_floors(path)
        return
    own = FLOORS[floor_name(path)]
    above = {name for name in imported_floors(path) if FLOORS[name] > own}
    assert not above, f"{path.relative_to(PACKAGE)} imports from {above}, which lies above it"


def test_the_node_does_not_import_learning_but_for_the_demo_camera() -> None:
    learners = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if floor_name(path) == "node" and imported_floors(path) & LEARNING
    }
    assert learners <= NODE_MODULES_THAT_MAY_LEARN


def test_only_the_node_imports_ros() -> None:
    users = {floor_name(path) for path in MODULES if ros_imports(path)}
    assert users <= {"node", "cli"}
    # The shell may look whether there is a ROS; it talks to it through the node's modules.
    in_cli = {name for path in MODULES if floor_name(path) == "cli" for name in ros_imports(path)}
    assert in_cli <= {"rclpy"}


@pytest.mark.parametrize("node", ["camera_node", "handover_node", "viewer_node"])
def test_a_node_beside_the_hands_node_does_without_torch(node: str) -> None:
    pytest.importorskip("rclpy", reason="rclpy is not installed")
    script = f"import sys, lgnet_ros.node.{node}; print('torch' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"


def test_only_the_command_line_parses_arguments() -> None:
    parsers = {
        path.relative_to(PACKAGE).as_posix() for path in MODULES if "argparse" in set(imported_modules(path))
    }
    assert all(name.startswith("cli/") for name in parsers), parsers


def test_the_ground_floor_starts_no_threads_or_processes() -> None:
    for path in MODULES:
        if FLOORS.get(floor_name(path)) == 1:
            started = {name.split(".")[0] for name in imported_modules(path)}
            assert not started & {"threading", "multiprocessing", "concurrent", "subprocess"}, path


def ros_imports(path: Path) -> set[str]:
    """ROS packages that the file imports, this package's messages included."""
    names = set(imported_modules(path))
    top = {name.split(".")[0] for name in names}
    own = {name for name in names if name == "lgnet_ros.msg" or name.startswith("lgnet_ros.msg.")}
    return top & ROS_PACKAGES | own


@pytest.mark.parametrize("name", FIT_MODULES)
def test_the_landmark_fit_knows_hands_and_cameras_only(name: str) -> None:
    floors = imported_floors(PACKAGE / "landmarks" / f"{name}.py")
    assert {floor for floor in floors if FLOORS[floor] > FLOORS["hand_model"]} <= {"landmarks"}
