"""Runs a node until it is told to stop, or beside something else: what plain nodes share."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from lgnet_ros.errors import UserError
from lgnet_ros.node.exiting import end_on_signals, on_signals
from lgnet_ros.node.qos import use_large_shared_memory

AnyNode = TypeVar("AnyNode", bound=Node)

_WAKE_S = 0.1  # how soon Ctrl-C is noticed while nothing arrives


def initialize(args: Sequence[str] | None = None) -> None:
    """Bring rclpy up without signal handlers of its own: they would shut the context down in the middle of a
    callback, and with it the publishers that say good-bye.

    Raises:
        UserError: ROS arguments that cannot be read, a parameter file that is not there among them.
    """
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        reason = str(error).split(", at ")[0]  # without the places in rcl's sources
        raise UserError(f"ROS arguments: {reason}") from None


def made(make_node: Callable[[], AnyNode]) -> AnyNode:
    """The node.

    Raises:
        UserError: it raises one, or refuses a parameter that rclpy declares itself, such as `use_sim_time`.
    """
    try:
        return make_node()
    except ParameterException as error:
        raise UserError(f"ROS arguments: {error}") from None


def run_until_stopped(name: str, make_node: Callable[[], Node], args: Sequence[str] | None = None) -> int:
    """Make the node and spin it until SIGINT or SIGTERM.

    Returns:
        0 after a clean end; 2, with one line on standard error, if the node raises a UserError.
    """
    end_on_signals()
    stopped = threading.Event()
    use_large_shared_memory()
    try:
        initialize(args)
        node = made(make_node)
        on_signals(stopped.set)
        _spin(node, stopped.is_set)
        node.destroy_node()
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
    return 0


@contextlib.contextmanager
def spinning(make_node: Callable[[], AnyNode]) -> Iterator[AnyNode]:
    """A node that hears everything while inside, in a thread of its own."""
    initialize()
    node, stopped = make_node(), threading.Event()
    thread = threading.Thread(target=_spin, args=(node, stopped.is_set), daemon=True)
    thread.start()
    try:
        yield node
    finally:
        stopped.set()  # before the context goes: a callback that still runs would find its handles gone
        thread.join(timeout=5.0)
        rclpy.try_shutdown()


def _spin(node: Node, stopped: Callable[[], bool]) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stopped():
        executor.spin_once(timeout_sec=_WAKE_S)
    executor.remove_node(node)
