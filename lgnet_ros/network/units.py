"""Units inside the network.

Layers give and take numbers of about 1, which is what initializations and learning rates are made for; metres
begin outside them. A last layer that gave metres itself would jump by centimetres with every optimizer step.
"""

from __future__ import annotations

DECIMETRE = 0.1  # m
CENTIMETRE = 0.01  # m
