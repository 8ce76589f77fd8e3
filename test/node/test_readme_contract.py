"""The README's lists of topics and parameters are the code's, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from lgnet_ros.node.handover_parameters import HandoverParameters
from lgnet_ros.node.parameter_rules import markdown_table
from lgnet_ros.node.parameters import HandsParameters
from lgnet_ros.node.topics import NODES, markdown_tables
from lgnet_ros.node.viewer.parameters import ViewerParameters

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("parameters", markdown_table(HandsParameters)),
        ("handover_parameters", markdown_table(HandoverParameters)),
        ("viewer_parameters", markdown_table(ViewerParameters)),
        *((name, markdown_tables(name)) for name in NODES),
    ],
)
def test_readme_lists_what_the_code_has(name, table):
    text = README.read_text()
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    assert begin in text and end in text, f"README.md lacks {begin}"
    listed = text.split(begin)[1].split(end)[0].strip()
    assert listed == table, f"run `python -m lgnet_ros.node.{name}` and put its output between the marks"
