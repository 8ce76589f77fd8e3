"""Parameters are taken in their types and refused with a reason; their file says what the code says."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from lgnet_ros.errors import UserError
from lgnet_ros.node import handover_parameters
from lgnet_ros.node.handover_parameters import HandoverParameters
from lgnet_ros.node.parameter_rules import START, checked_changes, defaults, rules, validated
from lgnet_ros.node.parameters import HandsParameters, yaml_file
from lgnet_ros.node.viewer.parameters import ViewerParameters

RECORDS = {
    HandsParameters: ("hands.yaml", yaml_file),
    HandoverParameters: ("handover.yaml", handover_parameters.yaml_file),
}
CONFIG = Path(__file__).parents[2] / "config"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("marker_opacity", 1.5, "outside 0.05 to 1"),
        ("marker_opacity", math.nan, "finite"),
        ("marker_opacity", "much", "must be a number"),
        ("hand_length", 0.019, "outside 0, or 0.05 to 0.4"),
        ("max_people", 0, "outside 1 to 4"),
        ("max_people", 2.0, "must be an integer"),
        ("max_people", True, "must be an integer"),
        ("publish_tf", 1, "must be true or false"),
        ("image_qos", "best", "none of auto, reliable, best_effort, sensor_data"),
        ("weights", 3, "must be a string"),
        ("handover_tool_rpy", [1.0, 2.0], "array of 3 numbers"),
        ("handover_tool_rpy", "1 2 3", "array of 3 numbers"),
        ("handover_tool_rpy", [0.0, 0.0, 400.0], "outside -360 to 360"),
        ("wieghts", "nano", "no such parameter"),
    ],
)
def test_wrong_value_is_refused_with_its_name_and_reason(name, value, reason):
    with pytest.raises(UserError, match=reason) as caught:
        validated(HandsParameters, {name: value})
    assert str(caught.value).startswith(name)


def test_whole_number_is_taken_where_a_number_is_meant():
    values = validated(HandsParameters, {"stale_after": 2, "handover_tool_rpy": [0, 90, 0]})
    assert (values.stale_after, values.handover_tool_rpy) == (2.0, (0.0, 90.0, 0.0))
    assert type(values.stale_after) is float


def test_a_value_that_stands_for_none_is_taken_below_the_range():
    values = validated(HandsParameters, {"hand_length": 0.0, "assumed_horizontal_fov": 0})
    assert (values.hand_length, values.assumed_horizontal_fov) == (0.0, 0.0)


def test_defaults_obey_their_own_rules():
    assert validated(HandsParameters, defaults(HandsParameters)) == HandsParameters()


def test_running_node_takes_what_may_change_and_refuses_what_it_has_used():
    assert checked_changes(HandsParameters, {"smoothing": 2}, configured=True) == {"smoothing": 2.0}
    with pytest.raises(UserError, match="weights: is used while configuring"):
        checked_changes(HandsParameters, {"weights": "light"}, configured=True)
    assert checked_changes(HandsParameters, {"weights": "light"}, configured=False) == {"weights": "light"}


def test_start_parameters_never_change():
    with pytest.raises(UserError, match="autostart: is read at the start only"):
        checked_changes(HandsParameters, {"autostart": False}, configured=False)
    assert [name for name, rule in rules(HandsParameters).items() if rule.when == START] == ["autostart"]


def test_foreign_parameters_are_nobodys_business():
    assert checked_changes(HandsParameters, {"use_sim_time": True}, configured=True) == {}


@pytest.mark.parametrize("record", RECORDS)
def test_parameter_file_is_what_the_code_says(record):
    file, text = RECORDS[record]
    assert (CONFIG / file).read_text() == text()
    entries = yaml.safe_load(text())["/**"]["ros__parameters"]
    assert validated(record, entries) == record()


@pytest.mark.parametrize("record", [*RECORDS, ViewerParameters])
def test_every_parameter_is_described_in_one_sentence(record):
    for name, rule in rules(record).items():
        assert rule.description.endswith("."), name
        assert "\n" not in rule.description and len(rule.description) < 100, name
