"""Hand models: our open hand and MANO, posed by our own linear blend skinning."""

from __future__ import annotations

from lgnet_ros.hand_model.model import HandModel, PosedHand

__all__ = ["HandModel", "PosedHand"]
