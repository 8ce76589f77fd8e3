"""The parameters of viewer_node. `python -m lgnet_ros.node.viewer.parameters` prints the README's table."""

from __future__ import annotations

from dataclasses import dataclass

from lgnet_ros.node.parameter_rules import START, markdown_table, parameter


@dataclass(frozen=True)
class ViewerParameters:
    """Every parameter of viewer_node. The fields' names are the parameters' names."""

    host: str = parameter(
        "127.0.0.1", "Address to serve at; 0.0.0.0 lets other machines look (and click).", START
    )
    port: int = parameter(8080, "Port; the next free one if it is taken.", START, minimum=1, maximum=65535)
    rate: float = parameter(10.0, "How often to draw (Hz).", START, minimum=0.5, maximum=60.0)


if __name__ == "__main__":
    print(markdown_table(ViewerParameters))
