"""The model's id says whether it has learned anything, once."""

from __future__ import annotations

import pytest

from lgnet_ros.node.model_id import is_untrained, model_id


@pytest.mark.parametrize("name", ["lgnet-nano/nano/open_hand", "lgnet-nano/untrained/open_hand", "theirs"])
@pytest.mark.parametrize("trained", [True, False])
def test_an_id_names_the_model_and_what_it_knows(name: str, trained: bool) -> None:
    said = model_id(name, trained)
    assert said.startswith(name)
    assert is_untrained(said) == (not trained or "untrained" in name)
    assert said.count("untrained") <= 1


def test_before_a_message_has_come_nothing_is_said() -> None:
    assert not is_untrained("")
