"""What the packaging states, held against what is there."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lgnet_ros"
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()

# Import name → name on the package index, where they differ.
DISTRIBUTION_NAMES = {"cv2": "opencv-python-headless", "yaml": "pyyaml", "PIL": "pillow"}
ROS_DEPENDENCIES = {
    element.text for tag in ("depend", "exec_depend") for element in MANIFEST.iter(tag) if element.text
}


def imported_packages() -> set[str]:
    """Top-level names of everything that the package imports and that Python does not bring."""
    names = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"lgnet_ros"}


def declared_requirements() -> set[str]:
    """Names in setup.py's install_requires and extras_require."""
    setup_call = next(
        node
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"
    )
    arguments = {keyword.arg: keyword.value for keyword in setup_call.keywords}
    extras = ast.literal_eval(arguments["extras_require"])
    lines = [
        *ast.literal_eval(arguments["install_requires"]),
        *(line for extra in extras.values() for line in extra),
    ]
    return {re.match(r"[A-Za-z0-9_.-]+", line)[0].lower() for line in lines}


def test_every_import_is_declared() -> None:
    ros = {"tf2_ros" if name == "tf2_ros_py" else name for name in ROS_DEPENDENCIES}
    undeclared = {
        name
        for name in imported_packages() - ros
        if DISTRIBUTION_NAMES.get(name, name).lower() not in declared_requirements()
    }
    assert not undeclared, "import without a requirement in setup.py or a dependency in package.xml"


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_maintainer_has_an_address_that_colcon_can_read() -> None:
    address = MANIFEST.find("maintainer").get("email")
    assert re.fullmatch(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}", address)


def test_every_message_is_generated() -> None:
    listed = set(re.findall(r"msg/\w+\.msg", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")))
    assert listed == {f"msg/{path.name}" for path in (ROOT / "msg").glob("*.msg")}


def test_what_is_installed_under_ros_exists() -> None:
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    folders = re.search(r"install\(DIRECTORY (config[^)]*?) DESTINATION", cmake)[1].split()
    assert [name for name in folders if not (ROOT / name).is_dir()] == []
    programs = re.findall(r"scripts/\w+", cmake)
    assert programs
    for program in programs:
        assert os.access(ROOT / program, os.X_OK), f"{program} is not executable"


def test_what_colcon_tests_is_there_and_its_tools_are_declared() -> None:
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    parts = re.search(r"foreach\(part ([^)]*)\)", cmake)[1].split()
    assert parts and all(list((ROOT / "test" / part).glob("test_*.py")) for part in parts)
    declared = {element.text for element in MANIFEST.iter("test_depend")}
    assert {"ament_cmake_pytest", "python3-pytest"} <= declared


def test_scripts_name_modules_that_exist() -> None:
    for script in (ROOT / "scripts").iterdir():
        module = re.search(r"from ([\w.]+) import main", script.read_text(encoding="utf-8"))[1]
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file()


def test_the_version_is_stated_once() -> None:
    stated = MANIFEST.findtext("version")
    shown = subprocess.run(
        [sys.executable, "setup.py", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split()[-1] == stated


def test_make_explains_its_targets_and_variables() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"\.PHONY: (.*)", makefile)[1].split()
    comments = "\n".join(line for line in makefile.splitlines() if line.startswith("#"))
    assert all(f"make {target}" in comments for target in targets)
    assert all(f"{name}=" in comments for name in re.findall(r"^(\w+) \?=", makefile, re.MULTILINE))


def test_continuous_integration_runs_make_test_with_the_oracle() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test SMPLX=1" in script.read_text(encoding="utf-8")


def test_the_licence_is_apache_2() -> None:
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert MANIFEST.findtext("license") == "Apache-2.0"


@pytest.mark.slow
def test_a_wheel_finds_its_weights_and_configuration_wherever_it_is_installed(tmp_path: Path) -> None:
    source = tmp_path / "source"  # building leaves files beside what it builds
    for name in ("lgnet_ros", "config", "msg", "weights"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "package.xml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    made = subprocess.run(build, capture_output=True, text=True)
    if "No module named 'wheel'" in made.stderr or "Cannot import 'setuptools" in made.stderr:
        pytest.skip("no setuptools and wheel here to build with")
    assert made.returncode == 0, made.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    modules = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")}
    assert modules <= set(names)

    prefix = tmp_path / "prefix"
    install = [*pip, "install", "--no-deps", "--ignore-installed", "--prefix", str(prefix), str(wheel)]
    subprocess.run(install, check=True)
    (site,) = prefix.glob("**/lib/python3*/*-packages")
    clean = {name: value for name, value in os.environ.items() if name != "AMENT_PREFIX_PATH"}
    question = "from lgnet_ros import paths; print(paths.share_directory())"
    asked = subprocess.run(
        [sys.executable, "-c", question],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": str(site)},
        capture_output=True,
    )
    assert asked.stdout.decode().strip() == str(prefix / "share" / "lgnet_ros"), asked.stderr
    assert (prefix / "share" / "lgnet_ros" / "config" / "fastdds.xml").is_file()
