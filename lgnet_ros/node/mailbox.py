"""One slot between the thread that receives images and the thread that infers: the newest image wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds at most one item. A queue would make every result old; what is not taken in time is dropped
    instead.

    Any number of threads may put; one thread takes.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: Item | None = None
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many items were overwritten before anybody took them."""
        return self._dropped

    @property
    def waiting(self) -> bool:
        """Whether an item waits to be taken."""
        return self._item is not None

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    def put(self, item: Item) -> None:
        """Leave `item` for the taker, in place of one that is still there."""
        with self._condition:
            if self._item is not None:
                self._dropped += 1
            self._item = item
            self._condition.notify()

    def take(self, timeout_s: float) -> Item | None:
        """The newest item; None when none came within `timeout_s` or the mailbox is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Wake the taker for the last time; what is in the slot is given up."""
        with self._condition:
            self._closed = True
            self._item = None
            self._condition.notify_all()
