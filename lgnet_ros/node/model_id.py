"""What `Hands.model_id` says of the model that hands come from: its name, and whether it is trained."""

from __future__ import annotations

_UNTRAINED = "untrained"


def model_id(name: str, trained: bool) -> str:
    """An estimator's name; one that is not trained says so."""
    return name if trained or is_untrained(name) else f"{name} {_UNTRAINED}"


def is_untrained(model_id: str) -> bool:
    """Whether the weights are an initialization, so that the hands mean nothing."""
    return _UNTRAINED in model_id
