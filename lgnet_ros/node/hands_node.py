"""Entry point of the node `hands`: images in, hands out. `ros2 run lgnet_ros hands_node`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from lgnet_ros.errors import UserError
from lgnet_ros.node.exiting import end_on_signals, end_process, on_signals

if TYPE_CHECKING:
    from rclpy.node import Node

    from lgnet_ros.node.hands_lifecycle import HandsNode

_WAKE_S = 0.1  # how soon Ctrl-C is noticed while nothing arrives


def main(args: list[str] | None = None, make_node: Callable[[], HandsNode] | None = None) -> int:
    """Run the node until it is told to stop (SIGINT, SIGTERM).

    Args:
        args: the command line.
        make_node: makes another kind of HandsNode.

    Returns:
        0 after a clean end; 2 if a Python module that the node cannot do without is missing, or the ROS
        arguments are wrong.
    """
    from lgnet_ros.node.missing import missing_module_line

    end_on_signals()  # loading too may take longer than `ros2 launch` waits
    try:
        import rclpy

        from lgnet_ros.node.hands_lifecycle import HandsNode
        from lgnet_ros.node.memory import keep_freed_memory
        from lgnet_ros.node.qos import use_large_shared_memory
        from lgnet_ros.node.running import initialize, made
    except ModuleNotFoundError as error:
        print(missing_module_line(error), file=sys.stderr)
        return 2
    keep_freed_memory()
    use_large_shared_memory()
    try:
        initialize(args)
        node = made(make_node or HandsNode)
    except UserError as error:
        print(f"hands_node: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    try:
        node.start_by_itself()
        stopped = threading.Event()
        on_signals(stopped.set)
        _spin(node, stopped.is_set)
    finally:
        node.end()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _spin(node: Node, stopped: Callable[[], bool]) -> None:
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stopped():
        executor.spin_once(timeout_sec=_WAKE_S)
    executor.remove_node(node)


if __name__ == "__main__":
    end_process(main())
