"""A thing that changes hands in a film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lgnet_ros.data.synthetic.build import PlacedHand
from lgnet_ros.data.synthetic.grasps import Grasp
from lgnet_ros.data.synthetic.meshes import Part
from lgnet_ros.data.synthetic.objects import Thing

Hands = tuple[PlacedHand, PlacedHand]


@dataclass(frozen=True)
class Prop:
    """It lies on the palm of side `giver`, in a pose, until `time_s`, then goes with the other hand."""

    giver: int
    pose: str
    time_s: float


class Carried:
    """Where the thing is: rigid with the hand that has it; at the moment of passing both say the same."""

    def __init__(
        self,
        prop: Prop,
        thing: Thing,
        grasp: Grasp,
        hands_at: Callable[[float], Hands],
    ) -> None:
        """`grasp`: how it lies on the giver's palm. `hands_at(t)` are the film's hands, right and left."""
        self._prop, self._thing = prop, thing
        hands = hands_at(prop.time_s)
        turn, place = grasp.object_pose(hands[prop.giver])
        taker = hands[1 - prop.giver].posed
        root = taker.turned[0].astype(np.float64)
        given = (grasp.turn, grasp.place)
        taken = (root.T @ turn, root.T @ (place - taker.chain[0]))
        self._local = (given, taken)

    def parts(self, time_s: float, hands: Hands) -> list[Part]:
        """The thing at a time, in the hands as they are then."""
        taken = time_s >= self._prop.time_s
        holder = hands[1 - self._prop.giver if taken else self._prop.giver].posed
        turn, place = self._local[int(taken)]
        root = holder.turned[0].astype(np.float64)
        return self._thing.parts(root @ turn, root @ place + holder.chain[0])
