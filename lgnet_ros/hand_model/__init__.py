"""Hand models: our open hand and MANO, posed by our own linear blend skinning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgnet_ros.lazy import on_demand

if TYPE_CHECKING:
    from lgnet_ros.hand_model.model import HandModel, PosedHand

__all__ = ["HandModel", "PosedHand"]

__getattr__ = on_demand(__name__, model=("HandModel", "PosedHand"))
