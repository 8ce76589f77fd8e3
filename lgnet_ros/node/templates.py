"""Messages that are serialised once and then only overwritten: their shape stays, their numbers change.

A publisher accepts serialised bytes as they are. Building a large message object by object and letting rclpy
serialise it costs milliseconds a frame; overwriting numbers in bytes costs microseconds.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

# Values that stand in a template where each frame's go; no real message has them.
STAND_IN = -1.2345678901234567e200
TEXT_STAND_IN = "\x1a"
_STAMP = (0x5EC05EC0, 0x0A0A0A0A)


def stand_in_header(frame_id: str) -> Header:
    """The header of everything in a template."""
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = _STAMP
    return header


class SerializedTemplate:
    """The bytes of a message, and where in them each frame's stamp and numbers go.

    The places are found by looking for values that stand there instead, which holds for any version of the
    message's definition and any byte layout that keeps float64 and int32 as they are.
    """

    def __init__(self, message: Any, runs: Sequence[int], stamps: int, texts: Sequence[int] = ()) -> None:
        """
        Args:
            message: with `STAND_IN` for each of its changing float64, in runs, `stand_in_header`s, and
                `TEXT_STAND_IN` for each byte of its changing texts.
            runs: lengths of these runs, in order. stamps: how many headers there are.
            texts: lengths of the changing texts, in order; a text stays as long as it is.
        """
        self._bytes = bytearray(serialize_message(message))
        self._stamps = _places(self._bytes, struct.pack("<iI", *_STAMP), stamps)
        self.runs = [
            np.frombuffer(self._bytes, np.float64, length, place)
            for length, place in self._found(struct.pack("<d", STAND_IN), runs)
        ]
        """Per run a writable (N,) float64 view into the bytes."""
        self.texts = [
            memoryview(self._bytes)[place : place + length]
            for length, place in self._found(TEXT_STAND_IN.encode(), texts)
        ]
        """Per changing text a writable view of its bytes."""

    def stamped(self, header: Header) -> bytes:
        """The message as it stands, with the header's stamp."""
        stamp = struct.pack("<iI", header.stamp.sec, header.stamp.nanosec)
        for place in self._stamps:
            self._bytes[place : place + len(stamp)] = stamp
        return bytes(self._bytes)

    def _found(self, pattern: bytes, lengths: Sequence[int]) -> list[tuple[int, int]]:
        """Length and place of each run of the pattern."""
        found, start = [], 0
        for length in lengths:
            place = self._bytes.index(pattern * length, start)
            found.append((length, place))
            start = place + len(pattern) * length
        return found


Template = TypeVar("Template")


class TemplateCache(Generic[Template]):
    """The templates of the newest kinds of message; a hand that comes and goes finds its own again."""

    def __init__(self, kept: int) -> None:
        """kept: how many."""
        self._kept = kept
        self._templates: OrderedDict[Hashable, Template] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Template]) -> Template:
        """The template of that key, made if it is not there."""
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = make()
            if len(self._templates) > self._kept:
                self._templates.popitem(last=False)
        self._templates.move_to_end(key)
        return template


def _places(data: bytearray, pattern: bytes, count: int) -> list[int]:
    """Where the `count` occurrences of `pattern` begin."""
    places: list[int] = []
    for _ in range(count):
        places.append(data.index(pattern, places[-1] + 1 if places else 0))
    return places
