"""Colors that several nodes draw in. Light to import: the viewer needs nothing else of those that draw."""

from __future__ import annotations

CHOSEN_COLOR = (0.98, 0.85, 0.25)
"""RGB of the hand that was clicked."""
