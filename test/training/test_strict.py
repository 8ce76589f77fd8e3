"""Recipes are refused with one line that names the mistake."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from lgnet_ros.errors import UserError
from lgnet_ros.training.strict import build, read_yaml, require, with_overrides


@dataclass(frozen=True)
class _Inner:
    rate: float = 0.5
    kind: Literal["slow", "fast"] = "slow"

    def __post_init__(self) -> None:
        require(self.rate > 0, f"rate {self.rate} must be above 0")


@dataclass(frozen=True)
class _Outer:
    steps: int
    inner: _Inner = _Inner()
    folder: Path | None = None
    milestones: tuple[int, ...] = ()
    losses: dict[str, float] = field(default_factory=dict)
    quiet: bool = False


def test_nested_values_arrive_with_their_types() -> None:
    content = {
        "steps": 3, "inner": {"rate": 2, "kind": "fast"}, "folder": "data", "milestones": [1, 2],
        "losses": {"mesh": 1},
    }  # fmt: skip
    assert build(_Outer, content, "here") == _Outer(
        3, _Inner(2.0, "fast"), Path("data"), (1, 2), {"mesh": 1.0}
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"steps": 1, "stepz": 2}, "here: unknown key 'stepz'; did you mean 'steps'"),
        ({"steps": 1, "inner": {"raet": 1.0}}, "here: inner: unknown key 'raet'; did you mean 'rate'"),
        ({}, "here: missing key 'steps'"),
        ({"steps": "many"}, "here: steps: expected int, found 'many'"),
        ({"steps": 1.5}, "expected int"),
        ({"steps": True}, "expected int"),
        ({"steps": 1, "quiet": 1}, "quiet: expected bool"),
        ({"steps": 1, "inner": 4}, "inner: expected keys and values"),
        ({"steps": 1, "inner": {"kind": "slwo"}}, "'slwo' is none of slow, fast"),
        ({"steps": 1, "milestones": 3}, "milestones: expected a list"),
        ({"steps": 1, "losses": {"mesh": "x"}}, "losses.mesh: expected float"),
        ({"steps": 1, "inner": {"rate": -1.0}}, "rate -1.0 must be above 0"),
    ],
)
def test_mistakes_are_named(content: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refusal:
        build(_Outer, content, "here")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_float_without_a_point_is_still_a_number() -> None:
    assert build(_Inner, {"rate": "1e-4"}, "here").rate == 1e-4


def test_overrides_reach_into_sections_and_leave_the_original_alone() -> None:
    content = {"steps": 1, "inner": {"rate": 1.0}}
    changed = with_overrides(content, ["steps=7", "inner.kind=fast", "milestones=[3, 4]"])
    assert changed == {"steps": 7, "inner": {"rate": 1.0, "kind": "fast"}, "milestones": [3, 4]}
    assert content == {"steps": 1, "inner": {"rate": 1.0}}


@pytest.mark.parametrize("override", ["steps", "=3", "steps.more=3", "steps=[1"])
def test_malformed_overrides_are_refused(override: str) -> None:
    with pytest.raises(UserError, match=r"'"):
        with_overrides({"steps": 1}, [override])


@pytest.mark.parametrize("content", [None, "- a\n- b\n", "a: [1\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "recipe.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"recipe\.yaml: "):
        read_yaml(path)
